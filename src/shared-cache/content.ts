/**
 * What a transfer is read from: bytes that stay as they are until it is closed, even when their object is evicted
 * meanwhile.
 */
import { type BigIntStats, closeSync, fstatSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { isSameContent } from '../files/open-file.js';
import type { Opened } from '../files/safety.js';

const readAt = promisify(read);

export interface Content {
  readonly lengthBytes: number;
  /**
   * Fills `target` from a position. True when it is full; false, or rejects, when that cannot be had: a file
   * that is not what it was any more, or cannot be read.
   */
  read(position: number, target: Uint8Array): boolean | Promise<boolean>;
  close(): void;
}

/** Bytes in memory of the process's own. */
export class MemoryContent implements Content {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get lengthBytes(): number {
    return this.#bytes.length;
  }

  read(position: number, target: Uint8Array): boolean {
    return this.#bytes.copy(target, 0, position) === target.length;
  }

  close(): void {
    // Memory is given back when nobody refers to it.
  }
}

/** A file on disk as it was when it was opened. It is closed when the last read has ended. */
export class FileContent implements Content {
  readonly #fd: number;
  readonly #opened: BigIntStats;
  readonly lengthBytes: number;
  #reading = 0;
  #closed = false;

  constructor({ fd, stat }: Pick<Opened, 'fd' | 'stat'>) {
    this.#fd = fd;
    this.#opened = stat;
    this.lengthBytes = Number(stat.size);
  }

  /** On a thread: a disk may be slow, and a network drive never answer. */
  async read(position: number, target: Uint8Array): Promise<boolean> {
    this.#reading++;
    try {
      let done = 0;
      while (done < target.length) {
        const { bytesRead } = await readAt(this.#fd, target, done, target.length - done, position + done);
        if (bytesRead === 0) return false;
        done += bytesRead;
      }
      // With the last bytes goes the word that all of them belong together.
      const isLast = position + target.length === this.lengthBytes;
      return !isLast || isSameContent(this.#opened, fstatSync(this.#fd, { bigint: true }));
    } finally {
      this.#reading--;
      this.#settle();
    }
  }

  close(): void {
    this.#closed = true;
    this.#settle();
  }

  #settle(): void {
    if (!this.#closed || this.#reading > 0) return;
    this.#reading = -1;
    closeSync(this.#fd);
  }
}

/** Fills `target` from a file in memory, which no disk holds up. False: it is shorter. */
export function readMemoryFile(fd: number, position: number, target: Uint8Array): boolean {
  let done = 0;
  while (done < target.length) {
    const count = readSync(fd, target, done, target.length - done, position + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}
