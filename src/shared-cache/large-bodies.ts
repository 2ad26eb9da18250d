/**
 * Bodies that are too large for the ring: each a file in shared memory, which has its name for as long as its object is
 * stored. Workers find it by that name and send from it. What is stored never changes, so whoever has it open
 * has all of it, whatever is evicted meanwhile.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Apart } from './arena-writer.js';
import { type Content, readMemoryFile } from './content.js';
import { bodyName } from './directory.js';

export interface LargeBodiesOptions {
  readonly directory: string;
  readonly maxBytes: number;
  /** True when the object of a body was looked up since this was last asked. */
  readonly takeUse: (body: LargeBody) => boolean;
  /** There is need of room: gives the object of a body up. */
  readonly evict: (body: LargeBody) => void;
}

export class LargeBodies {
  readonly #options: LargeBodiesOptions;
  /** Those that belong to an object, in the order in which they are looked at for eviction. */
  readonly #stored = new Set<LargeBody>();
  #bytes = 0;
  #made = 0;

  constructor(options: LargeBodiesOptions) {
    this.#options = options;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  /** Bytes that they take, with those that are being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An empty one. @throws the system's error */
  make(): LargeBody {
    return new LargeBody(this.#options.directory, this.#made++, this);
  }

  /** Takes room for so many bytes more; false when there is none. Who was used gets a second chance. For LargeBody. */
  reserve(bytes: number): boolean {
    const { maxBytes, takeUse, evict } = this.#options;
    let chances = this.#stored.size;
    while (this.#bytes + bytes > maxBytes) {
      const [oldest] = this.#stored;
      if (oldest === undefined) return false;
      if (chances-- > 0 && takeUse(oldest)) this.touch(oldest);
      else evict(oldest);
    }
    this.#bytes += bytes;
    return true;
  }

  /** It is in use: looked at last from now on. For LargeBody. */
  touch(body: LargeBody): void {
    this.#stored.delete(body);
    this.#stored.add(body);
  }

  /** For LargeBody: its bytes are free again. */
  give(body: LargeBody, bytes: number): void {
    this.#stored.delete(body);
    this.#bytes -= bytes;
  }
}

export class LargeBody implements Apart {
  readonly number: number;
  readonly #path: string;
  readonly #owner: LargeBodies;
  /** Undefined when nothing more is written. */
  #fd: number | undefined;
  #bytes = 0;
  #released = false;
  /** The key of its object, once it has one. */
  name = '';

  /** @throws the system's error */
  constructor(directory: string, number: number, owner: LargeBodies) {
    this.number = number;
    this.#path = join(directory, bodyName(number));
    this.#owner = owner;
    this.#fd = openSync(this.#path, 'wx', 0o600);
  }

  get bodyBytes(): number {
    return this.#bytes;
  }

  /** False when there is no room. Not after `seal`. @throws the system's error: ENOSPC when shared memory is full */
  append(bytes: Uint8Array): boolean {
    if (!this.#owner.reserve(bytes.length)) return false;
    const start = this.#bytes;
    this.#bytes += bytes.length;
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd!, bytes, done, bytes.length - done, start + done);
    }
    return true;
  }

  /** It is whole. */
  seal(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** To be closed; what it reads stays until then. @throws the system's error */
  open(): Content {
    const fd = openSync(this.#path, 'r');
    return {
      lengthBytes: this.#bytes,
      read: (position, target) => readMemoryFile(fd, position, target),
      close: () => closeSync(fd),
    };
  }

  touch(): void {
    this.#owner.touch(this);
  }

  /** The object is gone, or never came to be. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#owner.give(this, this.#bytes);
    this.seal();
    rmSync(this.#path, { force: true });
  }
}
