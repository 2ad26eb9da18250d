/**
 * HTTP/1.1 request parser, sans I/O: bytes go in by `feed`, events come out by `next`, one at a time and
 * only when asked for, so that what has not been asked for is still there to be handed over (`unused`).
 * Any split of the same bytes gives the same events. Owns the bytes between two calls; the grammar is
 * head-parser.ts and body-framing.ts.
 *
 *     feed ──► [ bytes ] ──next──► 'head' ('content'* 'end')?  …  'more' │ 'error'
 */
import { BodyFraming } from './body-framing.js';
import { CR, LF } from './chars.js';
import { FAILED, HeadParser, INCOMPLETE, type ParserLimits, type Stall } from './head-parser.js';
import type { ParserError } from './head-rules.js';
import type { RequestHead } from './request-head.js';

export type ParserEvent = 'head' | 'content' | 'end' | 'more' | 'error';

/** Empty lines before a request line are skipped (RFC 9112 section 2.2), but not without end. */
const MAX_EMPTY_LINES = 4;

const NOTHING = Buffer.alloc(0);

export class RequestParser {
  /**
   * The head of the last 'head' event, or what could be read of one that is refused. Shared: valid until the
   * next `next` of any parser.
   */
  readonly head: RequestHead;
  /** The content of the last 'content' event is `bytes[contentStart..contentEnd)`. */
  contentStart = 0;
  contentEnd = 0;
  /** Bytes of content of the present request so far. */
  contentReceived = 0;
  error: ParserError | undefined;

  readonly #heads: HeadParser;
  #bytes: Buffer = NOTHING;
  #position = 0;
  #end = 0;
  /** Where the head of the last 'head' event begins. */
  #headStart = 0;
  /** True when #bytes is our own and may be appended to; otherwise it is the transport's. */
  #owned = false;
  #framing: BodyFraming | undefined;
  #emptyLines = 0;
  /** Where an unfinished head ended, and how much of it has been read, so that it is not read again for each byte. */
  #stall: Stall | undefined;
  #stallOffset = 0;

  constructor(limits: ParserLimits) {
    this.#heads = new HeadParser(limits);
    this.head = this.#heads.head;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Bytes fed and not consumed. */
  get buffered(): number {
    return this.#end - this.#position;
  }

  /** True between a head and the end of its body. */
  get inBody(): boolean {
    return this.#framing !== undefined;
  }

  /** Gives bytes. They are only looked at until `hold`, which must be called before they may change. */
  feed(bytes: Buffer, length: number): void {
    if (this.#position === this.#end) {
      this.#bytes = bytes;
      this.#position = 0;
      this.#end = length;
      this.#owned = false;
      return;
    }
    this.#reserve(length);
    bytes.copy(this.#bytes, this.#end, 0, length);
    this.#end += length;
  }

  /** Copies what is not consumed into a buffer of the parser's own. */
  hold(): void {
    if (this.#position === this.#end) {
      this.#bytes = NOTHING;
      this.#position = 0;
      this.#end = 0;
      this.#owned = false;
    } else if (!this.#owned) this.#reserve(0);
  }

  /** The bytes not consumed, for the next owner of the connection. */
  unused(): Buffer {
    return this.#bytes.subarray(this.#position, this.#end);
  }

  /**
   * Takes the last event back, which must have been 'head': the head and what follows it are not consumed, and come
   * again.
   */
  putBack(): void {
    this.#position = this.#headStart;
    this.#framing = undefined;
  }

  next(): ParserEvent {
    if (this.error !== undefined) return 'error';
    if (this.#framing !== undefined) return this.#nextOfBody(this.#framing);
    return this.#nextHead();
  }

  /** What can be read of a head that is not whole; valid as long as `head`. */
  unfinishedHead(): RequestHead {
    this.#heads.parse(this.#bytes, this.#position, this.#end);
    return this.head;
  }

  #reserve(extra: number): void {
    const kept = this.#end - this.#position;
    if (this.#owned && this.#bytes.length - this.#end >= extra) return;
    const bytes = Buffer.allocUnsafeSlow(Math.max(1024, 2 ** Math.ceil(Math.log2(kept + extra + 1))));
    this.#bytes.copy(bytes, 0, this.#position, this.#end);
    this.#bytes = bytes;
    this.#position = 0;
    this.#end = kept;
    this.#owned = true;
  }

  #nextOfBody(framing: BodyFraming): ParserEvent {
    if (!framing.done) {
      const event = framing.step(this.#bytes, this.#position, this.#end);
      this.#position = framing.chunkEnd;
      this.contentReceived = framing.received;
      if (event === 'bad') {
        this.error = { status: 400, message: 'malformed chunked body' };
        return 'error';
      }
      if (event !== 'end') {
        this.contentStart = framing.chunkStart;
        this.contentEnd = framing.chunkEnd;
        return event;
      }
    }
    this.#framing = undefined;
    return 'end';
  }

  #nextHead(): ParserEvent {
    if (this.#stall !== undefined && this.#goesOn(this.#stall)) return 'more';
    if (!this.#skipEmptyLines()) return 'more';
    const next = this.#heads.parse(this.#bytes, this.#position, this.#end);
    this.#stall = this.#heads.stall;
    this.#stallOffset = this.buffered;
    if (next === INCOMPLETE) return 'more';
    if (next === FAILED) {
      this.error = this.#heads.error;
      return 'error';
    }
    this.#headStart = this.#position;
    this.#position = next;
    this.#emptyLines = 0;
    this.contentReceived = 0;
    if (this.head.contentLength !== 0) {
      this.#framing = new BodyFraming();
      this.#framing.begin(this.head.contentLength);
    }
    return 'head';
  }

  /** Skips empty lines before a request; false when there is nothing behind them yet. */
  #skipEmptyLines(): boolean {
    while (this.#emptyLines < MAX_EMPTY_LINES && this.#bytes[this.#position] === CR) {
      if (this.buffered < 2) return false;
      if (this.#bytes[this.#position + 1] !== LF) break;
      this.#position += 2;
      this.#emptyLines++;
    }
    return this.buffered > 0;
  }

  /** True when what came since only goes on with what the head had ended in. */
  #goesOn({ byteClass, limit }: Stall): boolean {
    const bytes = this.#bytes;
    let p = this.#position + this.#stallOffset;
    while (p < this.#end && byteClass[bytes[p]!] !== 0) p++;
    this.#stallOffset = p - this.#position;
    return p === this.#end && this.#stallOffset <= limit;
  }
}
