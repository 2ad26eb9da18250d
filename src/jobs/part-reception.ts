/**
 * One part on its way in: hashed, kept in memory while it is small, and written to a file as it comes when it is not.
 *
 *     write ──► small? ──► gathered ────────────────► commit: delivered as bytes
 *        └──────► file in .incoming, piece by piece ─► commit: fdatasync, delivered by name
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { writeFully } from '../durable.js';
import { type Delivery, JobError, type PartReceipt, partTooLarge } from './api.js';
import type { Incoming } from './incoming.js';
import type { Announced, Reception } from './reception.js';
import { storageError } from './storage.js';

/** So much of a part is kept in memory, and in the journal: a file for each would cost more than its bytes. */
const SMALL_BYTES = 64 * 1024;
/** When all parts of a worker hold so much, small ones are written to files, too. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Bytes that may wait for the disk. */
const HIGH_WATER_BYTES = 512 * 1024;
const READ_BYTES = 256 * 1024;

/** What the parts hold in memory that a worker receives. */
export interface Held {
  bytes: number;
}

export interface PartReceptionOptions {
  readonly announced: Announced;
  readonly incoming: Incoming;
  readonly maxBytes: number;
  readonly held: Held;
  /** Makes the part durable in its job. Rejects with JobError. */
  readonly deliver: (delivery: Delivery) => Promise<PartReceipt>;
  /** Resolves when the job wants more; undefined: it does now. */
  readonly gate: () => Promise<void> | undefined;
  /** So many bytes more are here. May throw JobError: there is no room for them. */
  readonly onBytes: (bytes: number) => void;
  /** Called once, however it ends. */
  readonly onEnd: () => void;
}

export class PartReception implements Reception {
  readonly #options: PartReceptionOptions;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  /** What is not on disk yet. */
  #pieces: Buffer[] = [];
  #pendingBytes = 0;
  #name: string | undefined;
  #file: FileHandle | undefined;
  /** Bytes that the file has. */
  #writtenBytes = 0;
  #flushing: Promise<void> | undefined;
  #error: JobError | undefined;
  #isOver = false;

  constructor(options: PartReceptionOptions) {
    this.#options = options;
  }

  /**
   * Goes on behind what an earlier attempt has left.
   *
   * @param name of that file, which now belongs to this attempt
   * @throws JobError `wrong-offset` when it has not so many bytes; it is kept then
   */
  async resume(name: string, offset: number): Promise<void> {
    this.#name = name;
    try {
      this.#file = await open(this.#options.incoming.path(name), 'r+');
      const piece = Buffer.allocUnsafe(READ_BYTES);
      for (let got = await this.#read(piece); got > 0; got = await this.#read(piece)) {
        this.#hash.update(piece.subarray(0, got));
        this.#bytes += got;
      }
      this.#writtenBytes = this.#bytes;
      if (this.#bytes === offset) {
        this.#count(offset);
        return;
      }
    } catch (error) {
      this.#fail(storageError(error));
    }
    // Whoever hears of it may come back at once, and is to find it.
    await this.abandon();
    throw this.#error ?? wrongOffset(this.#bytes);
  }

  write(bytes: Uint8Array): boolean {
    const { announced, maxBytes, held, gate } = this.#options;
    this.#throwIfFailed();
    this.#bytes += bytes.length;
    if (this.#bytes > (announced.bytes ?? Number.POSITIVE_INFINITY)) {
      throw this.#fail(
        new JobError('bad-request', `the part is longer than ${announced.bytes} bytes, as announced`),
      );
    }
    if (this.#bytes > maxBytes) throw this.#fail(partTooLarge(maxBytes));
    this.#count(bytes.length);
    const piece = Buffer.from(bytes);
    this.#hash.update(piece);
    this.#pieces.push(piece);
    this.#hold(piece.length);
    if (this.#bytes > SMALL_BYTES || held.bytes > MAX_HELD_BYTES) void this.#flush();
    return this.#pendingBytes <= HIGH_WATER_BYTES && gate() === undefined;
  }

  async drained(): Promise<void> {
    await this.#options.gate();
    while (this.#pendingBytes > HIGH_WATER_BYTES / 2) await this.#flush();
  }

  async commit(): Promise<PartReceipt> {
    const { announced, deliver, incoming } = this.#options;
    try {
      await this.#allWritten();
      this.#throwIfFailed();
      if (announced.bytes !== undefined && this.#bytes !== announced.bytes) {
        throw new JobError(
          'bad-request',
          `the part has ${this.#bytes} bytes and not ${announced.bytes}, as announced`,
        );
      }
      const sha256 = this.#hash.digest('hex');
      if (announced.sha256 !== undefined && announced.sha256 !== sha256) {
        throw this.#fail(
          new JobError('wrong-digest', `the part has the SHA-256 digest ${sha256}, not the one announced`),
        );
      }
      await this.#file?.datasync();
      const { part } = announced;
      const content = this.#name === undefined ? Buffer.concat(this.#pieces) : undefined;
      const receipt = await deliver({ part, bytes: this.#bytes, sha256, file: this.#name, content });
      await this.#end();
      if (this.#name !== undefined) await incoming.discard(this.#name);
      return receipt;
    } catch (error) {
      const failure = this.#fail(storageError(error));
      await this.abandon();
      throw failure;
    }
  }

  async abandon(): Promise<void> {
    if (this.#isOver) return;
    const { incoming } = this.#options;
    this.#isOver = true;
    const isKept = this.#error === undefined || this.#error.code === 'owner-lost';
    if (isKept && this.#name === undefined && this.#bytes > 0) await this.#flush();
    await this.#allWritten();
    await this.#end();
    if (this.#name === undefined) return;
    if (isKept) await incoming.keep(this.#name);
    else await incoming.discard(this.#name);
  }

  async #end(): Promise<void> {
    this.#isOver = true;
    const file = this.#file;
    this.#file = undefined;
    this.#pieces = [];
    this.#hold(-this.#pendingBytes);
    this.#options.onEnd();
    await file?.close().catch(() => undefined);
  }

  /** So many bytes more wait for the disk, or for being delivered. */
  #hold(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#options.held.bytes += bytes;
  }

  /** @throws JobError when there is no room in the job */
  #count(bytes: number): void {
    try {
      this.#options.onBytes(bytes);
    } catch (error) {
      throw this.#fail(storageError(error));
    }
  }

  #throwIfFailed(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  #fail(error: JobError): JobError {
    this.#error ??= error;
    return this.#error;
  }

  /** Waits for what is for the file, if there is one. */
  async #allWritten(): Promise<void> {
    while (this.#flushing !== undefined || (this.#name !== undefined && this.#pieces.length > 0))
      await this.#flush();
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #writeAll(): Promise<void> {
    const { announced, incoming } = this.#options;
    try {
      this.#name ??= incoming.newName(announced.job, announced.part);
      this.#file ??= await open(incoming.path(this.#name), 'wx+', 0o600);
      while (this.#pieces.length > 0) {
        const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
        this.#pieces = [];
        await writeFully(this.#file, bytes, this.#writtenBytes);
        this.#writtenBytes += bytes.length;
        this.#hold(-bytes.length);
      }
    } catch (error) {
      this.#fail(storageError(error));
      this.#pieces = [];
      this.#hold(-this.#pendingBytes);
    }
  }

  async #read(piece: Buffer): Promise<number> {
    return (await this.#file!.read(piece, 0, piece.length, this.#bytes)).bytesRead;
  }
}

export function wrongOffset(bytes: number): JobError {
  return new JobError('wrong-offset', `${bytes} bytes of the part are here: go on from there`, bytes);
}
