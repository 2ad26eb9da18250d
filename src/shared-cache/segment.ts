/**
 * A segment: the data channel of one transfer at a time, shared by one worker and the cache process. Whose turn
 * it is to write there, the command channel says: READY and ACK are the two semaphores.
 *
 *     0 u32 magic | 4 u32 gen | 8 u32 status | 12 u32 chunkBytes | 16 f64 bodyBytes | 24 f64 offset
 *     32 f64 mtimeMs | 40 u32 version | 44 unused | 4096 the chunk
 *
 * `gen` counts the transfers. What is read from a head was written by another process: it is copied once, and then
 * checked.
 */
import type { SharedBytes } from '../posix/shared-bytes.js';

const MAGIC = 0x68_6f_73_67;
const HEAD_BYTES = 4096;
const USED_BYTES = 48;

/** Statuses of READY, as of HTTP. 500: what was found cannot be read to its end. */
export const STATUS = { ok: 200, badRequest: 400, forbidden: 403, missing: 404, tooLong: 414, broken: 500 };

/** What a segment says of the chunk in it. */
export interface SegmentHead {
  readonly gen: number;
  readonly status: number;
  readonly chunkBytes: number;
  /** Of the whole body, whatever part of it is transferred. */
  readonly bodyBytes: number;
  /** Of the chunk within the body. */
  readonly offset: number;
  /** When a file was changed, in milliseconds since the epoch; 0 for an object. */
  readonly mtimeMs: number;
  readonly version: number;
}

/** Bytes of a file whose segment takes chunks of that many bytes. */
export function segmentFileBytes(chunkBytes: number): number {
  return HEAD_BYTES + chunkBytes;
}

export class Segment {
  readonly #memory: SharedBytes;
  readonly #head = Buffer.alloc(USED_BYTES);

  constructor(memory: SharedBytes) {
    this.#memory = memory;
  }

  /** The largest chunk. */
  get sizeBytes(): number {
    return this.#memory.lengthBytes - HEAD_BYTES;
  }

  writeHead(head: SegmentHead): void {
    const bytes = this.#head;
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt32LE(head.gen, 4);
    bytes.writeUInt32LE(head.status, 8);
    bytes.writeUInt32LE(head.chunkBytes, 12);
    bytes.writeDoubleLE(head.bodyBytes, 16);
    bytes.writeDoubleLE(head.offset, 24);
    bytes.writeDoubleLE(head.mtimeMs, 32);
    bytes.writeUInt32LE(head.version, 40);
    this.#memory.write(0, bytes);
  }

  /** Undefined when it is not that of transfer `gen`, or makes no sense. */
  readHead(gen: number): SegmentHead | undefined {
    const bytes = this.#head;
    this.#memory.read(0, bytes);
    const head = {
      gen: bytes.readUInt32LE(4),
      status: bytes.readUInt32LE(8),
      chunkBytes: bytes.readUInt32LE(12),
      bodyBytes: bytes.readDoubleLE(16),
      offset: bytes.readDoubleLE(24),
      mtimeMs: bytes.readDoubleLE(32),
      version: bytes.readUInt32LE(40),
    };
    const isOurs = bytes.readUInt32LE(0) === MAGIC && head.gen === gen;
    const isSane = head.chunkBytes <= this.sizeBytes && head.offset >= 0;
    return isOurs && isSane && head.offset + head.chunkBytes <= head.bodyBytes ? head : undefined;
  }

  /** A copy of the chunk. */
  readChunk(chunkBytes: number): Buffer {
    const chunk = Buffer.allocUnsafeSlow(chunkBytes);
    this.#memory.read(HEAD_BYTES, chunk);
    return chunk;
  }

  writeChunk(bytes: Uint8Array, at = 0): void {
    this.#memory.write(HEAD_BYTES + at, bytes);
  }

  /** Where a chunk can be read into without a copy; undefined: nowhere. Not to be used after `close`. */
  chunkView(chunkBytes: number): Buffer | undefined {
    return this.#memory.view(HEAD_BYTES, chunkBytes);
  }

  close(): void {
    this.#memory.close();
  }
}
