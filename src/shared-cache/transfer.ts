/** A segment on the side of the cache process, and the transfer that fills it, chunk by chunk. */
import { closeSync } from 'node:fs';
import type { Content } from './content.js';
import { type Segment, STATUS } from './segment.js';

/** What is transferred. */
export interface TransferOptions {
  readonly gen: number;
  /** Closed with the transfer. */
  readonly content: Content;
  /** The part of it, within its length. */
  readonly start: number;
  readonly end: number;
  readonly mtimeMs: number;
  readonly version: number;
}

/** What is said of a chunk: READY, or that a transfer which was given up writes no more. */
export type Settled = 'ready' | 'cancelled';

interface Transfer extends TransferOptions {
  at: number;
  isReading: boolean;
  isCancelled: boolean;
}

export class AttachedSegment {
  readonly segment: Segment;
  readonly #fd: number;
  /** Called with the number of the transfer whenever it is the worker's turn. */
  readonly #onSettled: (gen: number, what: Settled) => void;
  #transfer: Transfer | undefined;
  #closed = false;

  constructor(segment: Segment, fd: number, onSettled: (gen: number, what: Settled) => void) {
    this.segment = segment;
    this.#fd = fd;
    this.#onSettled = onSettled;
  }

  get isBusy(): boolean {
    return this.#transfer !== undefined;
  }

  /** Begins a transfer with its first chunk. The segment must not be busy. */
  begin(options: TransferOptions): void {
    this.#transfer = { ...options, at: options.start, isReading: false, isCancelled: false };
    this.#step(this.#transfer);
  }

  /** Answers that there is nothing to transfer. */
  refuse(gen: number, status: number): void {
    this.segment.writeHead({ ...NOTHING, gen, status });
    this.#onSettled(gen, 'ready');
  }

  /** The chunk was taken: the next one. @throws RangeError when there is none to come */
  acknowledge(gen: number): void {
    const transfer = this.#transfer;
    if (transfer?.gen !== gen || transfer.isReading) throw new RangeError(`nothing to acknowledge in ${gen}`);
    this.#step(transfer);
  }

  /** Ends the transfer, if it is still under way. */
  cancel(gen: number): void {
    const transfer = this.#transfer;
    if (transfer?.gen === gen && transfer.isReading) {
      transfer.isCancelled = true;
      return;
    }
    if (transfer?.gen === gen) this.#end(transfer);
    this.#onSettled(gen, 'cancelled');
  }

  /** The worker is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A read that is under way fills this memory.
    if (this.#transfer?.isReading !== true) this.#free();
  }

  #step(transfer: Transfer): void {
    const chunkBytes = Math.min(this.segment.sizeBytes, transfer.end - transfer.at);
    const view = this.segment.chunkView(chunkBytes);
    const target = view ?? Buffer.allocUnsafe(chunkBytes);
    const finish = (isFull: boolean): void => {
      transfer.isReading = false;
      if (this.#closed) this.#free();
      else if (transfer.isCancelled) {
        this.#end(transfer);
        this.#onSettled(transfer.gen, 'cancelled');
      } else if (isFull) {
        if (view === undefined) this.segment.writeChunk(target);
        this.#ready(transfer, chunkBytes);
      } else {
        this.#end(transfer);
        this.refuse(transfer.gen, STATUS.broken);
      }
    };
    transfer.isReading = true;
    const read = transfer.content.read(transfer.at, target);
    if (typeof read === 'boolean') finish(read);
    else
      read.then(finish, () => {
        finish(false);
      });
  }

  #ready(transfer: Transfer, chunkBytes: number): void {
    const { gen, at, mtimeMs, version, content } = transfer;
    const { lengthBytes: bodyBytes } = content;
    this.segment.writeHead({ gen, status: STATUS.ok, chunkBytes, bodyBytes, offset: at, mtimeMs, version });
    transfer.at += chunkBytes;
    if (transfer.at >= transfer.end) this.#end(transfer);
    this.#onSettled(gen, 'ready');
  }

  #end(transfer: Transfer): void {
    transfer.content.close();
    this.#transfer = undefined;
  }

  #free(): void {
    if (this.#transfer !== undefined) this.#end(this.#transfer);
    this.segment.close();
    closeSync(this.#fd);
  }
}

const NOTHING = { chunkBytes: 0, bodyBytes: 0, offset: 0, mtimeMs: 0, version: 0 };
