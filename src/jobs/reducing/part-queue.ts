/** The parts that a reducer is still to be given, and their bytes, read from disk as they are wanted. */
import { closeSync, openSync, readSync } from 'node:fs';
import { messageOf } from '../../errors.js';
import { JobError } from '../api.js';
import type { StoredPart } from '../reduction.js';

/** Bytes of a part. */
export interface Slice {
  readonly part: StoredPart;
  /** Valid until the next are read. */
  readonly bytes: Buffer;
  /** Nothing of the part comes after these. */
  readonly isLast: boolean;
}

/** So many parts that are done with are kept until they are dropped together. */
const KEPT = 1024;

/** Reads block the thread: it has nothing else to do, and no thread of libuv's pool is waited for. */
export class PartQueue {
  readonly #buffer: Buffer;
  #parts: StoredPart[] = [];
  /** Index of the part that is next, and how much of it is done. */
  #next = 0;
  #position = 0;
  #file: { readonly path: string; readonly fd: number } | undefined;

  /** @param buffer what is read at once; may be shared with other queues */
  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isEmpty(): boolean {
    return this.#next === this.#parts.length;
  }

  push(parts: readonly StoredPart[]): void {
    for (const part of parts) this.#parts.push(part);
  }

  /** By the bytes of their names. Only before the first were read. */
  sort(): void {
    // Strings compare by UTF-16, where what is beyond U+FFFF comes before U+E000; their UTF-8 bytes do not.
    const keyed = this.#parts.map((part) => ({ part, key: Buffer.from(part.name) }));
    this.#parts = keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ part }) => part);
  }

  /**
   * The next bytes: a buffer full of one part, or the parts that lie close together in one file. They are done
   * with when `advance` is told so. Throws JobError `storage-failed` when they cannot be read.
   */
  slices(): Slice[] {
    const [first, ...others] = this.#together();
    if (first === undefined) return [];
    const start = first.offset + this.#position;
    const end = endOf(others.at(-1) ?? first);
    const read = this.#read(first, start, Math.min(end - start, this.#buffer.length));
    if (others.length === 0) return [{ part: first, bytes: read, isLast: start + read.length === end }];
    return [first, ...others].map((part) => {
      const from = Math.max(part.offset, start) - start;
      return { part, bytes: read.subarray(from, endOf(part) - start), isLast: true };
    });
  }

  /** The slice was given to the reducer. */
  advance(slice: Slice): void {
    this.#position += slice.bytes.length;
    if (!slice.isLast) return;
    this.#position = 0;
    this.#next++;
    if (this.#next < KEPT && !this.isEmpty) return;
    this.#parts.splice(0, this.#next);
    this.#next = 0;
    if (this.isEmpty) this.close();
  }

  /** Closes the file that is read from, until more is read. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  /** The next part, and those after it that fit into the buffer with it. */
  #together(): StoredPart[] {
    const first = this.#parts[this.#next];
    if (first === undefined) return [];
    const found = [first];
    const limit = first.offset + this.#position + this.#buffer.length;
    let end = endOf(first);
    for (let index = this.#next + 1; ; index++) {
      const part = this.#parts[index];
      if (part === undefined || part.path !== first.path || part.offset < end || endOf(part) > limit)
        return found;
      found.push(part);
      end = endOf(part);
    }
  }

  #read(part: StoredPart, start: number, length: number): Buffer {
    const bytes = this.#buffer.subarray(0, length);
    let done = 0;
    try {
      while (done < length) {
        const count = readSync(this.#open(part.path), bytes, done, length - done, start + done);
        if (count === 0) throw new Error(`it ends at ${start + done}`);
        done += count;
      }
    } catch (error) {
      throw new JobError(
        'storage-failed',
        `part "${part.name}" cannot be read from ${part.path}: ${messageOf(error)}`,
      );
    }
    return bytes;
  }

  #open(path: string): number {
    if (this.#file?.path !== path) {
      this.close();
      this.#file = { path, fd: openSync(path, 'r') };
    }
    return this.#file.fd;
  }
}

function endOf(part: StoredPart): number {
  return part.offset + part.bytes;
}
