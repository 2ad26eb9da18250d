/**
 * Reads one GetFile request, from bytes that may be split anywhere. Sans-I/O; keeps no more than the longest
 * request. What can no longer become a request is told at its first wrong byte.
 */
import { djb2 } from '../cache/djb2.js';
import { CR, SP } from '../http/chars.js';
import { RequestHead } from '../http/request-head.js';
import { END, REQUEST_START } from './wire.js';

/**
 * `more`: not whole yet. `invalid`: this is no GetFile request. `too-long`: its path is longer than the limit.
 * `request`: see `head`.
 */
export type ParserState = 'more' | 'request' | 'invalid' | 'too-long';

const END_BYTES = Buffer.from(END, 'latin1');
const DEL = 0x7f;
const NOTHING = Buffer.alloc(0);
/** `GETFILE `: the rest reads like the beginning of an HTTP request, which the file layer knows. */
const METHOD_START = 'GETFILE '.length;

/** Heads are used up or retained before the next request is parsed. */
const scratch = new RequestHead(0);

export class RequestParser {
  /** The request as the file layer wants it. Valid in the turn in which `feed` says `request`. */
  readonly head = scratch;
  readonly #maxPathBytes: number;
  #state: ParserState = 'more';
  /** What came of an unfinished request. */
  #bytes: Buffer = NOTHING;
  /** Bytes looked at, and those of them that belong to the end. */
  #position = 0;
  #endSeen = 0;
  /** Bytes that came behind the request, which nobody wants. */
  #surplus = 0;

  /** @param maxPathBytes longest path, its slash included */
  constructor(maxPathBytes: number) {
    this.#maxPathBytes = maxPathBytes;
  }

  /** Takes bytes of the client. Once the state is not `more` it stays, and what comes is surplus. */
  feed(bytes: Buffer, length: number): ParserState {
    if (this.#state !== 'more') {
      this.#surplus += length;
      return this.#state;
    }
    const isFirst = this.#bytes.length === 0;
    const news = bytes.subarray(0, length);
    const all = isFirst ? news : Buffer.concat([this.#bytes, news]);
    this.#state = this.#scan(all);
    if (this.#state === 'more') this.#bytes = isFirst ? Buffer.from(all) : all;
    else {
      this.#surplus = all.length - this.#position;
      this.#bytes = NOTHING;
    }
    return this.#state;
  }

  /** Bytes of a request that is not whole yet. */
  get unused(): Buffer {
    return this.#bytes;
  }

  /** True when the client has sent more than its request. */
  get hasSurplus(): boolean {
    return this.#surplus > 0;
  }

  #scan(all: Buffer): ParserState {
    while (this.#position < all.length) {
      const byte = all[this.#position++]!;
      if (this.#position <= REQUEST_START.length) {
        if (byte !== REQUEST_START[this.#position - 1]) return 'invalid';
      } else if (this.#endSeen > 0 || byte === CR) {
        if (byte !== END_BYTES[this.#endSeen++]) return 'invalid';
        if (this.#endSeen === END_BYTES.length) return this.#complete(all);
      } else {
        if (byte <= SP || byte === DEL) return 'invalid';
        if (this.#position - REQUEST_START.length >= this.#maxPathBytes) return 'too-long';
      }
    }
    return 'more';
  }

  #complete(all: Buffer): ParserState {
    const { head } = this;
    const pathStart = REQUEST_START.length - 1;
    const pathEnd = this.#position - END_BYTES.length;
    head.method = 'GET';
    head.keepAlive = false;
    head.bytes = all;
    head.base = METHOD_START;
    head.targetStart = pathStart - METHOD_START;
    head.targetEnd = pathEnd - METHOD_START;
    head.length = this.#position - METHOD_START;
    head.key = all;
    head.keyStart = pathStart;
    head.keyEnd = pathEnd;
    head.keyHash = djb2(all, pathStart, pathEnd);
    return 'request';
  }
}
