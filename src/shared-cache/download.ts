/** An object or a file on its way from the cache process, through one segment, chunk by chunk. */
import type { BodySink, BodySource } from '../http/body-source.js';
import { BufferSource } from './buffer-source.js';
import { OP } from './frames.js';
import { type SegmentHead, STATUS } from './segment.js';
import type { LentSegment, SegmentUser } from './segment-pool.js';
import type { Session } from './session.js';
import type { Slice } from './shared-cache.js';

/** What began to arrive. */
export interface Arrival {
  /** 200, or why there is nothing. */
  readonly status: number;
  /** Empty for a file. */
  readonly head: Buffer;
  readonly bodyBytes: number;
  readonly mtimeMs: number;
  readonly version: number;
  readonly body: BodySource;
}

const WHOLE: Slice = { offset: 0, length: Number.POSITIVE_INFINITY };
const NOTHING = Buffer.alloc(0);

/** Asks for an object (GET) or a file (FILE); undefined when no answer or no segment can be had. */
export async function download(
  session: Session,
  op: typeof OP.get | typeof OP.file,
  name: Uint8Array,
  slice: Slice = WHOLE,
): Promise<Arrival | undefined> {
  const transfer = new Download(session, slice);
  const lent = await session.acquire(transfer);
  return lent === undefined ? undefined : transfer.begin(lent, op, name);
}

class Download implements BodySource, SegmentUser {
  readonly #session: Session;
  readonly #slice: Slice;
  #lent: LentSegment | undefined;
  #arrive: ((first: SegmentHead | undefined) => void) | undefined;
  #objectHead: Buffer = NOTHING;
  #sink: BodySink | undefined;
  #error: Error | undefined;
  /** The chunk that lies in the segment, not given yet. */
  #chunk: SegmentHead | undefined;
  /** Where the next chunk must begin, and where the last one ends. */
  #at = 0;
  #end = 0;
  #first: SegmentHead | undefined;
  #isPaused = false;
  #isWaiting = false;

  constructor(session: Session, slice: Slice) {
    this.#session = session;
    this.#slice = slice;
  }

  async begin(
    lent: LentSegment,
    op: typeof OP.get | typeof OP.file,
    name: Uint8Array,
  ): Promise<Arrival | undefined> {
    this.#lent = lent;
    const request = Buffer.alloc(16 + name.length);
    request.writeDoubleLE(this.#slice.offset, 0);
    request.writeDoubleLE(this.#slice.length, 8);
    request.set(name, 16);
    const arrived = new Promise<SegmentHead | undefined>((resolve) => {
      this.#arrive = resolve;
    });
    this.#session.hand(op, lent, request);
    const first = await arrived;
    if (first === undefined) return undefined;
    return this.#arrival(first);
  }

  // What the pool tells.

  head(bytes: Buffer): void {
    this.#objectHead = bytes;
  }

  ready(): void {
    const head = this.#lent?.segment.readHead(this.#lent.gen);
    this.#isWaiting = false;
    if (this.#arrive !== undefined) {
      this.#accept(head);
      return;
    }
    const isNext = head?.status === STATUS.ok && head.offset === this.#at && head.chunkBytes > 0;
    const isSame = head?.bodyBytes === this.#first?.bodyBytes && head?.version === this.#first?.version;
    if (head === undefined || !isNext || !isSame || this.#at + head.chunkBytes > this.#end) {
      this.#giveUp();
      this.fail(new Error('what the cache process sends is not what it began to send'));
      return;
    }
    this.#chunk = head;
    if (!this.#isPaused) this.#give();
  }

  acknowledged(): void {
    // Only what is sent is acknowledged.
  }

  fail(error: Error): void {
    this.#lent = undefined;
    this.#chunk = undefined;
    this.#error = error;
    const arrive = this.#arrive;
    this.#arrive = undefined;
    arrive?.(undefined);
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(error);
  }

  // What the taker asks.

  start(sink: BodySink): void {
    if (this.#error !== undefined) {
      sink.fail(this.#error);
      return;
    }
    this.#sink = sink;
    if (!this.#isPaused) this.#give();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#sink === undefined || this.#isWaiting) return;
    if (this.#chunk !== undefined) this.#give();
    else this.#askForNext();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#giveUp();
  }

  /** The first chunk, or that there is none. */
  #accept(head: SegmentHead | undefined): void {
    const arrive = this.#arrive!;
    this.#arrive = undefined;
    if (head === undefined) this.#giveUp();
    arrive(head);
  }

  #arrival(first: SegmentHead): Arrival | undefined {
    const { status, bodyBytes, chunkBytes, offset, mtimeMs, version } = first;
    const found = { status, head: this.#objectHead, bodyBytes, mtimeMs, version };
    const start = Math.min(this.#slice.offset, bodyBytes);
    this.#end = Math.min(start + this.#slice.length, bodyBytes);
    this.#first = first;
    const lent = this.#lent;
    // The connection may have ended since.
    if (lent === undefined) return undefined;
    if (status === STATUS.ok && (offset !== start || start + chunkBytes > this.#end)) {
      this.#giveUp();
      return undefined;
    }
    if (status === STATUS.ok && start + chunkBytes < this.#end && chunkBytes > 0) {
      this.#at = start;
      this.#chunk = first;
      return { ...found, body: this };
    }
    const isWhole = status !== STATUS.ok || start + chunkBytes === this.#end;
    // It is all there: others may have the segment.
    const body = new BufferSource(lent.segment.readChunk(chunkBytes));
    this.#lent = undefined;
    if (isWhole) this.#session.release(lent);
    else this.#session.giveUp(lent);
    return isWhole ? { ...found, body } : undefined;
  }

  /** Hands the chunk in the segment on, and asks for the next. */
  #give(): void {
    const lent = this.#lent;
    const sink = this.#sink;
    if (this.#chunk === undefined || lent === undefined || sink === undefined) return;
    const bytes = lent.segment.readChunk(this.#chunk.chunkBytes);
    this.#chunk = undefined;
    this.#at += bytes.length;
    if (this.#at === this.#end) {
      this.#lent = undefined;
      this.#sink = undefined;
      this.#session.release(lent);
      sink.data(bytes);
      sink.end();
      return;
    }
    sink.data(bytes);
    if (!this.#isPaused) this.#askForNext();
  }

  #askForNext(): void {
    // The taker may have cancelled when it was given the bytes.
    if (this.#lent === undefined) return;
    this.#isWaiting = true;
    this.#session.hand(OP.ack, this.#lent);
  }

  #giveUp(): void {
    const lent = this.#lent;
    this.#lent = undefined;
    this.#chunk = undefined;
    if (lent !== undefined) this.#session.giveUp(lent);
  }
}
