/**
 * The grammar of a request's head (RFC 9112 sections 3 and 5), over bytes that may end anywhere. One pass,
 * no strings: positions go into a RequestHead. What the fields mean together is head-rules.ts.
 */
import { sameBytes } from '../bytes.js';
import { DJB2_SEED } from '../cache/djb2.js';
import { CR, FIELD_VALUE, HT, isDigit, LF, SP, TARGET, TOKEN } from './chars.js';
import { completeHead, type ParserError } from './head-rules.js';
import {
  knownFieldAt,
  LINE_NUMBERS,
  METHODS,
  type Method,
  nameHashStep,
  RequestHead,
} from './request-head.js';

/** Bounds on what a client may send before it is refused. */
export interface ParserLimits {
  readonly maxUrlBytes: number;
  readonly maxHeaderBytes: number;
}

/**
 * Where an unfinished head ends, within a name, a value or the target: a class of bytes that go on with
 * it, and how far it may reach, counted from the beginning of the head.
 */
export interface Stall {
  readonly byteClass: Uint8Array;
  readonly limit: number;
}

const MAX_LINES = 128;
/** Names of methods are short; what is longer is not HTTP. */
const MAX_METHOD_BYTES = 32;

const METHOD_BYTES = METHODS.map((name) => Buffer.from(name, 'latin1'));
/** `0` stands for any digit. */
const VERSION_FORM = Buffer.from('HTTP/0.0\r\n', 'latin1');
const ANY_DIGIT = 0x30;

/**
 * Heads are parsed in one place, shared by all connections of a worker: a head is used up or retained
 * before the next one is parsed.
 */
const scratch = new RequestHead(MAX_LINES);

/** Results in place of a position: more bytes are needed; or `error` is set. */
export const INCOMPLETE = -1;
export const FAILED = -2;

export class HeadParser {
  readonly head = scratch;
  /** Set when `parse` has returned FAILED. */
  error: ParserError | undefined;
  /** Set when `parse` has returned INCOMPLETE and there is something that may go on. */
  stall: Stall | undefined;
  readonly #limits: ParserLimits;
  #bytes: Buffer = scratch.bytes;
  #start = 0;
  #end = 0;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Parses the head at `bytes[start..end)`. Returns the position behind it, INCOMPLETE or FAILED. */
  parse(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.stall = undefined;
    const head = this.head;
    head.bytes = bytes;
    head.base = start;
    head.present = 0;
    head.repeated = 0;
    head.lineCount = 0;
    head.method = '';
    head.minor = 1;
    head.keepAlive = false;
    head.targetStart = 0;
    head.targetEnd = 0;
    head.versionEnd = 0;
    const next = this.#fields(this.#requestLine());
    if (next < 0) return next;
    head.length = next - start;
    this.error = completeHead(head);
    return this.error === undefined ? next : FAILED;
  }

  /** Field lines to the empty line that ends them. */
  #fields(start: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const limit = start + this.#limits.maxHeaderBytes;
    let p = start;
    while (p >= 0) {
      if (p >= end) return INCOMPLETE;
      if (bytes[p] === CR) {
        if (p + 1 >= end) return INCOMPLETE;
        return bytes[p + 1] === LF ? p + 2 : this.#fail(400, 'bare CR in the header');
      }
      p = this.#fieldLine(p, limit);
      if (p > limit) return this.#fail(431, 'header fields too large');
    }
    return p;
  }

  /** method SP request-target SP HTTP-version CRLF (RFC 9112 section 3). */
  #requestLine(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const start = this.#start;
    let p = start;
    while (p < end && TOKEN[bytes[p]!] !== 0) p++;
    if (p - start > MAX_METHOD_BYTES) return this.#fail(501, 'unknown method');
    if (p === end) return this.#stalled(TOKEN, start + MAX_METHOD_BYTES);
    if (bytes[p] !== SP || p === start) return this.#fail(400, 'malformed request line');
    const head = this.head;
    head.method = methodAt(bytes, start, p);
    p++;
    const target = p;
    const limit = target + this.#limits.maxUrlBytes;
    head.targetStart = target - start;
    let hash = DJB2_SEED;
    for (; p < end; p++) {
      const byte = bytes[p]!;
      if (TARGET[byte] === 0 || byte === 0x3f) break;
      hash = (Math.imul(hash, 33) + byte) | 0;
    }
    const pathEnd = p;
    while (p < end && TARGET[bytes[p]!] !== 0) p++;
    head.targetEnd = Math.min(p, limit) - start;
    if (p > limit) return this.#fail(414, 'request target too long');
    if (p === end) return this.#stalled(TARGET, limit);
    if (bytes[p] !== SP || p === target) return this.#fail(400, 'malformed request target');
    head.key = bytes;
    head.keyStart = target;
    head.keyEnd = pathEnd;
    head.keyHash = hash >>> 0;
    return this.#version(p + 1);
  }

  #version(start: number): number {
    const bytes = this.#bytes;
    const known = Math.min(VERSION_FORM.length, this.#end - start);
    for (let i = 0; i < known; i++) {
      const byte = bytes[start + i]!;
      const form = VERSION_FORM[i]!;
      const fits = form === ANY_DIGIT ? isDigit(byte) : byte === form;
      if (!fits) return this.#fail(400, 'malformed HTTP version');
    }
    if (known < VERSION_FORM.length) return INCOMPLETE;
    const head = this.head;
    head.versionEnd = start + VERSION_FORM.length - 2 - this.#start;
    if (bytes[start + 5] !== 0x31) return this.#fail(505, 'only HTTP/1.0 and HTTP/1.1 are spoken here');
    head.minor = bytes[start + 7] === 0x30 ? 0 : 1;
    return start + VERSION_FORM.length;
  }

  /**
   * field-name ":" OWS field-value OWS CRLF (RFC 9112 section 5). The limit is looked at before what
   * stands at it, so that a line that came in pieces is refused for the same reason as a whole one.
   */
  #fieldLine(start: number, limit: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let p = start;
    let hash = 0;
    for (; p < end; p++) {
      const lower = TOKEN[bytes[p]!]!;
      if (lower === 0) break;
      hash = nameHashStep(hash, lower);
    }
    if (p > limit) return this.#fail(431, 'header fields too large');
    if (p === end) return this.#stalled(TOKEN, limit);
    if (bytes[p] !== 0x3a || p === start) return this.#fail(400, fieldNameMistake(bytes[p]!, p === start));
    const nameEnd = p++;
    while (p < end && (bytes[p] === SP || bytes[p] === HT)) p++;
    const valueStart = p;
    while (p < end && FIELD_VALUE[bytes[p]!] !== 0) p++;
    if (p > limit) return this.#fail(431, 'header fields too large');
    if (p === end) return this.#stalled(FIELD_VALUE, limit);
    if (bytes[p] !== CR) return this.#fail(400, 'control character or bare LF in a field');
    if (p + 1 === end) return INCOMPLETE;
    if (bytes[p + 1] !== LF) return this.#fail(400, 'bare CR in a field');
    let valueEnd = p;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) valueEnd--;
    if (this.head.lineCount === MAX_LINES) return this.#fail(431, `more than ${MAX_LINES} header fields`);
    this.#noteLine(start, nameEnd, valueStart, valueEnd, hash);
    return p + 2;
  }

  #noteLine(start: number, nameEnd: number, valueStart: number, valueEnd: number, hash: number): void {
    const head = this.head;
    const known = knownFieldAt(this.#bytes, start, nameEnd, hash);
    const at = head.lineCount * LINE_NUMBERS;
    head.lines[at] = start - head.base;
    head.lines[at + 1] = nameEnd - head.base;
    head.lines[at + 2] = valueStart - head.base;
    head.lines[at + 3] = valueEnd - head.base;
    head.lines[at + 4] = known;
    if (known >= 0) {
      const bit = 1 << known;
      if ((head.present & bit) !== 0) head.repeated |= bit;
      else head.firstLine[known] = head.lineCount;
      head.present |= bit;
    }
    head.lineCount++;
  }

  /** The head ends within something that bytes of a class go on with, up to `limit`. */
  #stalled(byteClass: Uint8Array, limit: number): typeof INCOMPLETE {
    this.stall = { byteClass, limit: limit - this.#start };
    return INCOMPLETE;
  }

  #fail(status: ParserError['status'], message: string): typeof FAILED {
    this.error = { status, message };
    return FAILED;
  }
}

function fieldNameMistake(byte: number, atStart: boolean): string {
  if (atStart && (byte === SP || byte === HT)) return 'folded header line';
  if (byte === SP || byte === HT) return 'space before a colon';
  if (byte === LF || byte === CR) return 'header line without a colon';
  return 'invalid character in a field name';
}

function methodAt(bytes: Buffer, start: number, end: number): Method {
  for (let i = 0; i < METHODS.length; i++) {
    if (sameBytes(bytes, start, end, METHOD_BYTES[i]!)) return METHODS[i]!;
  }
  return '';
}
