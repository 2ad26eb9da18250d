/**
 * HTTP/1.1 request parser, sans I/O: bytes go in by `feed`, events come out by `next`, one at a time and
 * only when asked for, so that what has not been asked for is still there to be handed over (`unused`).
 * Any split of the same bytes gives the same events.
 *
 *     feed ──► [ bytes ] ──next──► 'head' ('content'* 'end')?  …  'more' │ 'error'
 *
 * Strict where leniency lets requests be smuggled (RFC 9112 section 11.2): CRLF line ends only, no
 * folding, no space before a colon, one Host, one way to tell the length of a body.
 */
import { DJB2_SEED } from '../cache/djb2.js';
import { BodyFraming } from './body-framing.js';
import { CR, FIELD_VALUE, HT, isDigit, LF, latin1, SP, TARGET, TOKEN } from './chars.js';
import { isValidHost } from './host.js';
import {
  fieldBit,
  KNOWN_FIELDS,
  type KnownField,
  knownFieldAt,
  LINE_NUMBERS,
  listHasToken,
  METHODS,
  type Method,
  nameHashStep,
  RequestHead,
} from './request-head.js';

export type ParserEvent = 'head' | 'content' | 'end' | 'more' | 'error';

/** Bounds on what a client may send before it is refused. */
export interface ParserLimits {
  readonly maxUrlBytes: number;
  readonly maxHeaderBytes: number;
}

/** Why a request was refused. */
export interface ParserError {
  readonly status: 400 | 414 | 417 | 431 | 501 | 505;
  readonly message: string;
}

const MAX_LINES = 128;
/** Names of methods are short; what is longer is not HTTP. */
const MAX_METHOD_BYTES = 32;
/** Empty lines before a request line are skipped (RFC 9112 section 2.2), but not without end. */
const MAX_EMPTY_LINES = 4;

const HOST = fieldBit('host');
const CONNECTION = fieldBit('connection');
const CONTENT_LENGTH = fieldBit('content-length');
const TRANSFER_ENCODING = fieldBit('transfer-encoding');
const EXPECT = fieldBit('expect');
const INDEX = Object.fromEntries(KNOWN_FIELDS.map((name, i) => [name, i])) as Record<KnownField, number>;

const METHOD_BYTES = METHODS.map((name) => Buffer.from(name, 'latin1'));
const SLASH = Buffer.from('/', 'latin1');
/** `0` stands for any digit. */
const VERSION_FORM = Buffer.from('HTTP/0.0\r\n', 'latin1');
const ANY_DIGIT = 0x30;

/**
 * Heads are parsed in one place, shared by all connections of a worker: a head is used up or retained
 * before the next one is parsed.
 */
const scratch = new RequestHead(MAX_LINES);

/** Bytes of the last Host value that was found valid; nearly all requests of a worker repeat it. */
let validHost = Buffer.from('localhost', 'latin1');

/** Results in place of a position: more bytes are needed; or `error` is set. */
const INCOMPLETE = -1;
const FAILED = -2;

export class RequestParser {
  /** The head of the last 'head' event. Shared: valid until the next `next` of any parser. */
  readonly head: RequestHead = scratch;
  /** The content of the last 'content' event is `bytes[contentStart..contentEnd)`. */
  contentStart = 0;
  contentEnd = 0;
  /** Bytes of content of the present request so far. */
  contentReceived = 0;
  error: ParserError | undefined;

  readonly #limits: ParserLimits;
  #bytes: Buffer = SLASH;
  #position = 0;
  #end = 0;
  /** True when #bytes is our own and may be appended to; otherwise it is the transport's. */
  #owned = false;
  #framing: BodyFraming | undefined;
  #emptyLines = 0;
  /**
   * Where the bytes of an unfinished head ended within a name, a value or the target: a class of bytes that
   * go on with it, and from #position how far it was read and may reach. So a head that comes byte by
   * byte is not read from its beginning for each.
   */
  #stallClass: Uint8Array | undefined;
  #stallOffset = 0;
  #stallLimit = 0;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
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
      this.#bytes = SLASH;
      this.#position = 0;
      this.#end = 0;
      this.#owned = false;
    } else if (!this.#owned) this.#reserve(0);
  }

  /** The bytes not consumed, for the next owner of the connection. */
  unused(): Buffer {
    return this.#bytes.subarray(this.#position, this.#end);
  }

  next(): ParserEvent {
    if (this.error !== undefined) return 'error';
    if (this.#framing !== undefined) return this.#nextOfBody(this.#framing);
    return this.#nextHead();
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
      if (event === 'bad') return this.#fail(400, 'malformed chunked body');
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
    if (this.#stallClass !== undefined && this.#isStalled(this.#stallClass)) return 'more';
    if (!this.#skipEmptyLines()) return 'more';
    this.#stallClass = undefined;
    const next = this.#parseHead();
    if (next === FAILED) return 'error';
    if (next === INCOMPLETE) return 'more';
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

  /** The head ends within something that bytes of a class go on with, up to `limit`. */
  #stall(byteClass: Uint8Array, limit: number): typeof INCOMPLETE {
    this.#stallClass = byteClass;
    this.#stallOffset = this.#end - this.#position;
    this.#stallLimit = limit - this.#position;
    return INCOMPLETE;
  }

  /** True when what came since only goes on with what the head had ended in. */
  #isStalled(byteClass: Uint8Array): boolean {
    const bytes = this.#bytes;
    let p = this.#position + this.#stallOffset;
    while (p < this.#end && byteClass[bytes[p]!] !== 0) p++;
    this.#stallOffset = p - this.#position;
    return p === this.#end && this.#stallOffset <= this.#stallLimit;
  }

  #fail(status: ParserError['status'], message: string): 'error' {
    this.error = { status, message };
    return 'error';
  }

  #failed(status: ParserError['status'], message: string): typeof FAILED {
    this.#fail(status, message);
    return FAILED;
  }

  /** Parses one head at #position. Returns the position behind it, INCOMPLETE or FAILED. */
  #parseHead(): number {
    const head = this.head;
    head.bytes = this.#bytes;
    head.base = this.#position;
    head.present = 0;
    head.repeated = 0;
    head.lineCount = 0;
    let p = this.#requestLine();
    if (p < 0) return p;
    const limit = p + this.#limits.maxHeaderBytes;
    for (;;) {
      if (p >= this.#end) return INCOMPLETE;
      if (this.#bytes[p] === CR) {
        if (p + 1 >= this.#end) return INCOMPLETE;
        if (this.#bytes[p + 1] !== LF) return this.#failed(400, 'bare CR in the header');
        break;
      }
      p = this.#fieldLine(p, limit);
      if (p < 0) return p;
      if (p > limit) return this.#failed(431, 'header fields too large');
    }
    p += 2;
    head.length = p - head.base;
    return this.#finishHead() ? p : FAILED;
  }

  /** method SP request-target SP HTTP-version CRLF (RFC 9112 section 3). */
  #requestLine(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const start = this.#position;
    let p = start;
    while (p < end && TOKEN[bytes[p]!] !== 0) p++;
    if (p - start > MAX_METHOD_BYTES) return this.#failed(501, 'unknown method');
    if (p === end) return this.#stall(TOKEN, start + MAX_METHOD_BYTES);
    if (bytes[p] !== SP || p === start) return this.#failed(400, 'malformed request line');
    this.head.method = methodAt(bytes, start, p);
    p++;
    const target = p;
    const limit = target + this.#limits.maxUrlBytes;
    let hash = DJB2_SEED;
    for (; p < end; p++) {
      const byte = bytes[p]!;
      if (TARGET[byte] === 0 || byte === 0x3f) break;
      hash = (Math.imul(hash, 33) + byte) | 0;
    }
    const pathEnd = p;
    while (p < end && TARGET[bytes[p]!] !== 0) p++;
    if (p > limit) return this.#failed(414, 'request target too long');
    if (p === end) return this.#stall(TARGET, limit);
    if (bytes[p] !== SP || p === target) return this.#failed(400, 'malformed request target');
    const head = this.head;
    head.targetStart = target - start;
    head.targetEnd = p - start;
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
      if (!fits) return this.#failed(400, 'malformed HTTP version');
    }
    if (known < VERSION_FORM.length) return INCOMPLETE;
    if (bytes[start + 5] !== 0x31) return this.#failed(505, 'only HTTP/1.0 and HTTP/1.1 are spoken here');
    this.head.minor = bytes[start + 7] === 0x30 ? 0 : 1;
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
    if (p > limit) return this.#failed(431, 'header fields too large');
    if (p === end) return this.#stall(TOKEN, limit);
    if (bytes[p] !== 0x3a || p === start) return this.#failed(400, fieldNameMistake(bytes[p]!, p === start));
    const nameEnd = p++;
    while (p < end && (bytes[p] === SP || bytes[p] === HT)) p++;
    const valueStart = p;
    while (p < end && FIELD_VALUE[bytes[p]!] !== 0) p++;
    if (p > limit) return this.#failed(431, 'header fields too large');
    if (p === end) return this.#stall(FIELD_VALUE, limit);
    if (bytes[p] !== CR) return this.#failed(400, 'control character or bare LF in a field');
    if (p + 1 === end) return INCOMPLETE;
    if (bytes[p + 1] !== LF) return this.#failed(400, 'bare CR in a field');
    let valueEnd = p;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) valueEnd--;
    if (this.head.lineCount === MAX_LINES) return this.#failed(431, `more than ${MAX_LINES} header fields`);
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

  /** What can only be judged when all fields are there: Host, framing, persistence, target form. */
  #finishHead(): boolean {
    const head = this.head;
    if (!this.#checkHost() || !this.#checkTarget()) return false;
    head.contentLength = 0;
    if (head.has(CONTENT_LENGTH | TRANSFER_ENCODING) && !this.#checkFraming()) return false;
    head.keepAlive = head.minor === 1;
    if (head.has(CONNECTION)) {
      const value = head.field('connection')!;
      const bytes = Buffer.from(value, 'latin1');
      if (listHasToken(bytes, 0, bytes.length, 'close')) head.keepAlive = false;
      else if (head.minor === 0) head.keepAlive = listHasToken(bytes, 0, bytes.length, 'keep-alive');
    }
    head.expectsContinue = false;
    if (head.has(EXPECT) && head.minor === 1) {
      if (head.field('expect')!.toLowerCase() !== '100-continue') {
        this.#fail(417, 'unknown expectation');
        return false;
      }
      head.expectsContinue = head.contentLength !== 0;
    }
    return true;
  }

  #checkHost(): boolean {
    const head = this.head;
    if (!head.has(HOST)) {
      if (head.minor === 0) return true;
      this.#fail(400, 'Host is missing');
      return false;
    }
    if ((head.repeated & HOST) !== 0) {
      this.#fail(400, 'more than one Host');
      return false;
    }
    const at = head.firstLine[INDEX.host]! * LINE_NUMBERS;
    const start = head.base + head.lines[at + 2]!;
    const end = head.base + head.lines[at + 3]!;
    if (end - start === validHost.length && validHost.compare(this.#bytes, start, end) === 0) return true;
    if (!isValidHost(latin1(this.#bytes, start, end))) {
      this.#fail(400, 'invalid Host');
      return false;
    }
    validHost = Buffer.from(this.#bytes.subarray(start, end));
    return true;
  }

  /** origin-form, absolute-form, `*` for OPTIONS, authority-form for CONNECT (RFC 9112 section 3.2). */
  #checkTarget(): boolean {
    const head = this.head;
    if (head.key[head.keyStart] === 0x2f) return true;
    const target = head.target;
    if (head.method === 'OPTIONS' && target === '*') return true;
    if (head.method === 'CONNECT' && isValidHost(target)) return true;
    const absolute = /^https?:\/\/([^/?]*)(\/[^?]*)?/i.exec(target);
    if (absolute === null || !isValidHost(absolute[1]!)) {
      this.#fail(400, 'malformed request target');
      return false;
    }
    const path = Buffer.from(absolute[2] ?? '/', 'latin1');
    head.key = path;
    head.keyStart = 0;
    head.keyEnd = path.length;
    let hash = DJB2_SEED;
    for (const byte of path) hash = (Math.imul(hash, 33) + byte) | 0;
    head.keyHash = hash >>> 0;
    return true;
  }

  /** RFC 9112 section 6.3, with every doubtful case refused. */
  #checkFraming(): boolean {
    const head = this.head;
    const coding = head.field('transfer-encoding');
    const length = head.field('content-length');
    if (coding !== undefined) {
      if (length !== undefined) this.#fail(400, 'both Content-Length and Transfer-Encoding');
      else if (head.minor === 0) this.#fail(400, 'Transfer-Encoding in HTTP/1.0');
      else if (coding.toLowerCase() !== 'chunked') this.#fail(400, 'unknown or misplaced transfer coding');
      head.contentLength = -1;
      return this.error === undefined;
    }
    if ((head.repeated & CONTENT_LENGTH) !== 0) this.#fail(400, 'more than one Content-Length');
    else if (!/^\d{1,15}$/.test(length!)) this.#fail(400, 'malformed Content-Length');
    else head.contentLength = Number(length);
    return this.error === undefined;
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
    const name = METHOD_BYTES[i]!;
    if (name.length === end - start && name.compare(bytes, start, end) === 0) return METHODS[i]!;
  }
  return '';
}
