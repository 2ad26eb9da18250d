/**
 * Bytes of a file that several processes have open: as memory (mmap(2), by koffi), or with positional reads
 * and writes where there is no koffi. Both see each other, so that one process may use the one and another the other.
 *
 * Whoever writes and whoever reads agree by 32-bit words: `store` is seen by others after everything that was
 * written before it, and before everything that is written after it; `load` comes after every read before it.
 */
import { readSync, writeSync } from 'node:fs';
import { mapFile } from './shared-memory.js';

export type MappingKind = 'mmap' | 'pread';

export interface SharedBytes {
  readonly kind: MappingKind;
  readonly lengthBytes: number;
  /** Copies to `target`, all of it. */
  read(offset: number, target: Uint8Array): void;
  /** Copies `bytes` there. */
  write(offset: number, bytes: Uint8Array): void;
  /** The word at an offset that is a multiple of 4. */
  load(offset: number): number;
  store(offset: number, value: number): void;
  /** The bytes themselves for the kernel to fill or to read; undefined where there is no memory. Not after `close`. */
  view(offset: number, lengthBytes: number): Buffer | undefined;
  /** The descriptor stays open; nothing may be asked afterwards. */
  close(): void;
}

/**
 * The first bytes of an open file, which must be that long and have space for all of it.
 *
 * @param kind `auto`: as memory where that can be had
 * @throws the system's error, or HandoverError (NO_NATIVE_CALLS), when it is to be `mmap` and cannot be mapped
 */
export function shareBytes(fd: number, lengthBytes: number, kind: MappingKind | 'auto'): SharedBytes {
  if (kind === 'pread') return new FileBytes(fd, lengthBytes);
  try {
    return new MappedBytes(fd, lengthBytes);
  } catch (error) {
    if (kind === 'mmap') throw error;
    return new FileBytes(fd, lengthBytes);
  }
}

class MappedBytes implements SharedBytes {
  readonly kind = 'mmap';
  readonly lengthBytes: number;
  readonly #unmap: () => void;
  /** Undefined once it is unmapped: touching the memory then would end the process. */
  #bytes: Buffer | undefined;
  #words: Int32Array<ArrayBuffer> | undefined;
  readonly #fence = new Int32Array(1);

  constructor(fd: number, lengthBytes: number) {
    const { buffer, unmap } = mapFile(fd, lengthBytes);
    this.lengthBytes = lengthBytes;
    this.#unmap = unmap;
    this.#bytes = Buffer.from(buffer);
    this.#words = new Int32Array(buffer);
  }

  read(offset: number, target: Uint8Array): void {
    this.#inside(offset, target.length).copy(target, 0, offset, offset + target.length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#inside(offset, bytes.length).set(bytes, offset);
  }

  load(offset: number): number {
    // A plain read may come after a load that follows it (arm64), but not after a store, which the load stays behind.
    Atomics.store(this.#fence, 0, 0);
    return Atomics.load(this.#mapped(this.#words), offset >> 2);
  }

  store(offset: number, value: number): void {
    const words = this.#mapped(this.#words);
    Atomics.store(words, offset >> 2, value);
    // What is written next must not be seen before (arm64).
    Atomics.load(words, offset >> 2);
  }

  view(offset: number, lengthBytes: number): Buffer {
    return this.#inside(offset, lengthBytes).subarray(offset, offset + lengthBytes);
  }

  close(): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    this.#words = undefined;
    this.#unmap();
  }

  #inside(offset: number, count: number): Buffer {
    if (offset + count > this.lengthBytes) throw new RangeError(outside(offset, count, this.lengthBytes));
    return this.#mapped(this.#bytes);
  }

  #mapped<T>(memory: T | undefined): T {
    if (memory === undefined) throw new Error('shared memory is used after it was closed');
    return memory;
  }
}

class FileBytes implements SharedBytes {
  readonly kind = 'pread';
  readonly lengthBytes: number;
  readonly #fd: number;
  readonly #word = Buffer.alloc(4);

  constructor(fd: number, lengthBytes: number) {
    this.#fd = fd;
    this.lengthBytes = lengthBytes;
  }

  read(offset: number, target: Uint8Array): void {
    let done = 0;
    while (done < target.length) {
      const count = readSync(this.#fd, target, done, target.length - done, offset + done);
      if (count === 0) throw new RangeError(outside(offset, target.length, offset + done));
      done += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.lengthBytes) {
      throw new RangeError(outside(offset, bytes.length, this.lengthBytes));
    }
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
    }
  }

  load(offset: number): number {
    this.read(offset, this.#word);
    return this.#word.readInt32LE();
  }

  store(offset: number, value: number): void {
    this.#word.writeInt32LE(value | 0);
    this.write(offset, this.#word);
  }

  view(): undefined {
    return undefined;
  }

  close(): void {
    // Nothing but the descriptor, which is the caller's.
  }
}

function outside(offset: number, count: number, end: number): string {
  return `${count} bytes at ${offset} are not within the ${end} bytes of the shared memory`;
}
