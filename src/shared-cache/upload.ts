/**
 * An object on its way into the cache process: pieces are gathered to chunks, each of which takes a segment only until
 * it was taken, so that a slow upstream holds none.
 */
import { CLAIMED, OP } from './frames.js';
import { STATUS } from './segment.js';
import type { LentSegment, SegmentUser } from './segment-pool.js';
import type { Session } from './session.js';
import { type Fill, MAX_HEAD_BYTES } from './shared-cache.js';

export class Upload implements Fill, SegmentUser {
  readonly #session: Session;
  readonly #claim: number;
  readonly #chunkBytes: number;
  readonly #onStored: () => void;
  readonly #idPayload = Buffer.alloc(4);
  #pieces: Uint8Array[] = [];
  #queuedBytes = 0;
  #sentBytes = 0;
  #lent: LentSegment | undefined;
  #isSending = false;
  /** Nothing more is kept of it. */
  #isLost = false;
  #isOver = false;
  #isEnding = false;
  #drained: (() => void)[] = [];
  #flushed: (() => void) | undefined;

  /** @param claim the number under which it was granted */
  constructor(session: Session, claim: number, chunkBytes: number, onStored: () => void) {
    this.#session = session;
    this.#claim = claim;
    this.#chunkBytes = chunkBytes;
    this.#onStored = onStored;
    this.#idPayload.writeUInt32LE(claim);
    session.onRefused(claim, () => this.#lose());
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isLost || this.#isOver) return true;
    if (bytes.length > 0) {
      this.#pieces.push(bytes);
      this.#queuedBytes += bytes.length;
    }
    this.#pump();
    return this.#queuedBytes < this.#chunkBytes;
  }

  drained(): Promise<void> {
    if (this.#isLost || this.#queuedBytes < this.#chunkBytes) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  async commit(head: Uint8Array): Promise<boolean> {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#isEnding = true;
    await this.#flush();
    if (this.#isLost || head.length > MAX_HEAD_BYTES) {
      this.#abandon('unshared');
      return false;
    }
    return this.#finish(OP.commit, head);
  }

  async freshen(head: Uint8Array): Promise<boolean> {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (head.length <= MAX_HEAD_BYTES) return this.#finish(OP.freshen, head);
    this.#abandon('failed');
    return false;
  }

  abandon(why: 'failed' | 'unshared'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lose();
    this.#abandon(why);
  }

  // What the pool tells.

  head(): void {
    // Only what is fetched has one.
  }

  ready(): void {
    // Only what is fetched is ready.
  }

  acknowledged(): void {
    const lent = this.#lent;
    this.#lent = undefined;
    this.#isSending = false;
    if (lent !== undefined) this.#session.release(lent);
    this.#pump();
  }

  fail(): void {
    this.#lent = undefined;
    this.#isSending = false;
    this.#lose();
  }

  async #finish(op: typeof OP.commit | typeof OP.freshen, head: Uint8Array): Promise<boolean> {
    const result = await this.#session.request(op, this.#claim, 0, head);
    this.#session.settled(this.#claim);
    // Not sent, or not answered: whoever waits is not to wait for us.
    if (result === undefined) this.#session.send(OP.abandon, this.#claim);
    const isStored = result === CLAIMED.granted;
    if (isStored) this.#onStored();
    return isStored;
  }

  #abandon(why: 'failed' | 'unshared'): void {
    this.#session.settled(this.#claim);
    this.#session.send(OP.abandon, this.#claim, why === 'failed' ? 0 : 1);
  }

  /** Resolves when all was taken, or nothing more can come of it. */
  #flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#flushed = resolve;
      if (this.#isLost) resolve();
      else this.#pump();
    });
  }

  /** Sends a chunk when there is a full one, or the last. */
  #pump(): void {
    if (this.#isSending || this.#isLost) return;
    if (this.#queuedBytes === 0 && this.#isEnding) this.#flushed?.();
    const isDue = this.#queuedBytes >= this.#chunkBytes || (this.#isEnding && this.#queuedBytes > 0);
    if (isDue) void this.#sendChunk();
  }

  async #sendChunk(): Promise<void> {
    this.#isSending = true;
    const lent = await this.#session.acquire(this);
    if (lent === undefined) {
      this.#isSending = false;
      this.#lose();
      return;
    }
    if (this.#isLost) {
      this.#isSending = false;
      this.#session.release(lent);
      return;
    }
    this.#lent = lent;
    const chunkBytes = this.#fillSegment(lent);
    lent.segment.writeHead({
      gen: lent.gen,
      status: STATUS.ok,
      chunkBytes,
      bodyBytes: this.#sentBytes + chunkBytes,
      offset: this.#sentBytes,
      mtimeMs: 0,
      version: 0,
    });
    this.#sentBytes += chunkBytes;
    this.#session.hand(OP.data, lent, this.#idPayload);
    if (this.#queuedBytes < this.#chunkBytes) this.#drain();
  }

  /** Moves what fits from the queue to the segment; returns how much that was. */
  #fillSegment({ segment }: LentSegment): number {
    let filled = 0;
    while (this.#pieces.length > 0 && filled < segment.sizeBytes) {
      const piece = this.#pieces[0]!;
      const taken = piece.subarray(0, segment.sizeBytes - filled);
      segment.writeChunk(taken, filled);
      filled += taken.length;
      if (taken.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(taken.length);
    }
    this.#queuedBytes -= filled;
    return filled;
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#pieces = [];
    this.#queuedBytes = 0;
    this.#drain();
    this.#flushed?.();
  }

  #drain(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
