/**
 * One request's head, as offsets into the bytes it was read from: nothing is turned into a string
 * before somebody asks. The parser fills one instance again and again; `retain` makes a copy that
 * outlives the buffer.
 */
import { sameBytes } from '../bytes.js';
import { latin1, TOKEN } from './chars.js';

/** Methods that are known (RFC 9110 section 9, RFC 5789, RFC 4918): 405 when not allowed. All others: 501. */
export const METHODS = [
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'UNLOCK',
] as const;

/** A known method, or `''`. */
export type Method = (typeof METHODS)[number] | '';

/** Fields that the parser recognises. The position is the bit in `present` and `repeated`. */
export const KNOWN_FIELDS = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'accept-encoding',
  'accept',
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
  'referer',
  'user-agent',
  'cache-control',
  'pragma',
] as const;

export type KnownField = (typeof KNOWN_FIELDS)[number];

const POSITION = new Map<string, number>(KNOWN_FIELDS.map((name, index) => [name, index]));

/** The bit of a field in `present`. */
export function fieldBit(name: KnownField): number {
  return 1 << POSITION.get(name)!;
}

/** Numbers kept for each field line: name start, name end, value start, value end, known index or -1. */
export const LINE_NUMBERS = 5;

export class RequestHead {
  method: Method = '';
  /** Minor version: 0 for HTTP/1.0, 1 for everything above. */
  minor: 0 | 1 = 1;
  /** The buffer that all offsets but the key's count in, from `base`. */
  bytes: Buffer;
  base = 0;
  /** 0 until the method has been read: of a head that is refused, what came before the mistake is there. */
  targetStart = 0;
  targetEnd = 0;
  /** 0 until the version has been read. */
  versionEnd = 0;
  /** The raw path, which is the cache key: `key[keyStart..keyEnd)`, absolute offsets. */
  key: Buffer;
  keyStart = 0;
  keyEnd = 0;
  /** djb2 of the raw path. */
  keyHash = 0;
  /** Bit set of KNOWN_FIELDS that are there, and of those that came more than once. */
  present = 0;
  repeated = 0;
  /** True when the connection may go on after the response (RFC 9112 section 9.3). */
  keepAlive = true;
  /** Declared length of the body; -1: chunked; 0: none. */
  contentLength = 0;
  expectsContinue = false;
  /** Length of the head in bytes, with its blank line. */
  length = 0;
  lineCount = 0;
  /** LINE_NUMBERS numbers for each line. */
  lines: Int32Array;
  /** Line of each known field, its first occurrence. */
  readonly firstLine: Int16Array;

  constructor(maxLines: number) {
    this.bytes = Buffer.alloc(0);
    this.key = this.bytes;
    this.lines = new Int32Array(maxLines * LINE_NUMBERS);
    this.firstLine = new Int16Array(KNOWN_FIELDS.length);
  }

  has(bits: number): boolean {
    return (this.present & bits) !== 0;
  }

  /** A field's value, decoded as latin1 with its lines joined by `, `; undefined when it is absent. */
  field(name: KnownField): string | undefined {
    const index = POSITION.get(name)!;
    const bit = 1 << index;
    if ((this.present & bit) === 0) return undefined;
    if ((this.repeated & bit) === 0) return this.#value(this.firstLine[index]!);
    const values: string[] = [];
    for (let line = 0; line < this.lineCount; line++) {
      if (this.lines[line * LINE_NUMBERS + 4] === index) values.push(this.#value(line));
    }
    return values.join(', ');
  }

  /** The value of any field, its lines joined by `, `; undefined when it is absent. `name` in lower case. */
  valueOf(name: string): string | undefined {
    if (POSITION.has(name)) return this.field(name as KnownField);
    const values = this.fieldLines().filter(([each]) => each.toLowerCase() === name);
    return values.length === 0 ? undefined : values.map(([, value]) => value).join(', ');
  }

  /** True when a field is there once, with exactly this value (ASCII). Makes no text. */
  valueIs(name: KnownField, value: string): boolean {
    const bit = fieldBit(name);
    if ((this.present & bit) === 0 || (this.repeated & bit) !== 0) return false;
    const [start, end] = this.valueRange(name);
    if (end - start !== value.length) return false;
    const { bytes } = this;
    for (let i = 0; i < value.length; i++) if (bytes[start + i] !== value.charCodeAt(i)) return false;
    return true;
  }

  /** True when there are several lines of that name. */
  isRepeated(name: KnownField): boolean {
    return (this.repeated & fieldBit(name)) !== 0;
  }

  /** Bytes from the beginning to the end of the last part that was read: of a head that is refused, too. */
  get readBytes(): number {
    if (this.lineCount > 0) return this.lines[(this.lineCount - 1) * LINE_NUMBERS + 3]!;
    return Math.max(this.targetStart, this.targetEnd, this.versionEnd);
  }

  /** Every field line as received, in order; one char for each byte. */
  fieldLines(): [name: string, value: string][] {
    return Array.from({ length: this.lineCount }, (_, line) => {
      const at = line * LINE_NUMBERS;
      const { bytes, base, lines } = this;
      return [latin1(bytes, base + lines[at]!, base + lines[at + 1]!), this.#value(line)];
    });
  }

  /** Where the first value of a field that is there stands, in `bytes`. */
  valueRange(name: KnownField): readonly [start: number, end: number] {
    const at = this.firstLine[POSITION.get(name)!]! * LINE_NUMBERS;
    return [this.base + this.lines[at + 2]!, this.base + this.lines[at + 3]!];
  }

  /** The method as received, known or not. */
  get methodText(): string {
    if (this.targetStart === 0) return '';
    return this.method !== '' ? this.method : latin1(this.bytes, this.base, this.base + this.targetStart - 1);
  }

  /** The request target as received, latin1. */
  get target(): string {
    return latin1(this.bytes, this.base + this.targetStart, this.base + this.targetEnd);
  }

  /**
   * Host and port that are asked for: of an absolute-form target before those of Host (RFC 9112 section 3.2.2);
   * `''` when the client has named none.
   */
  get authority(): string {
    const [, authority] = /^https?:\/\/([^/?]*)/i.exec(this.target) ?? [];
    return authority ?? this.field('host') ?? '';
  }

  /** The raw path, latin1, without query. */
  get path(): string {
    return latin1(this.key, this.keyStart, this.keyEnd);
  }

  /** The query with its question mark, or `''`. */
  get query(): string {
    const target = this.target;
    const mark = target.indexOf('?');
    return mark < 0 ? '' : target.slice(mark);
  }

  /** A copy with bytes of its own. */
  retain(): RequestHead {
    const copy = new RequestHead(0);
    copy.method = this.method;
    copy.minor = this.minor;
    copy.bytes = Buffer.from(this.bytes.subarray(this.base, this.base + this.length));
    copy.targetStart = this.targetStart;
    copy.targetEnd = this.targetEnd;
    copy.versionEnd = this.versionEnd;
    copy.key = Buffer.from(this.key.subarray(this.keyStart, this.keyEnd));
    copy.keyEnd = copy.key.length;
    copy.keyHash = this.keyHash;
    copy.present = this.present;
    copy.repeated = this.repeated;
    copy.keepAlive = this.keepAlive;
    copy.contentLength = this.contentLength;
    copy.expectsContinue = this.expectsContinue;
    copy.length = this.length;
    copy.lineCount = this.lineCount;
    copy.lines = this.lines.slice(0, this.lineCount * LINE_NUMBERS);
    copy.firstLine.set(this.firstLine);
    return copy;
  }

  #value(line: number): string {
    const at = line * LINE_NUMBERS;
    return latin1(this.bytes, this.base + this.lines[at + 2]!, this.base + this.lines[at + 3]!);
  }
}

const HASH_BITS = 7;

/** Case-insensitive hash step over TOKEN's lower-case bytes. */
export function nameHashStep(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0;
}

function nameHash(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = nameHashStep(hash, name.charCodeAt(i));
  return hash;
}

function slotOf(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (32 - HASH_BITS);
}

/** Known field at each slot of a small open-addressed table, -1 where there is none. */
const NAME_TABLE = new Int8Array(1 << HASH_BITS).fill(-1);
const NAME_HASHES = Int32Array.from(KNOWN_FIELDS, nameHash);
const NAME_BYTES = KNOWN_FIELDS.map((name) => Buffer.from(name, 'latin1'));
for (let index = 0; index < KNOWN_FIELDS.length; index++) {
  let slot = slotOf(NAME_HASHES[index]!);
  while (NAME_TABLE[slot] !== -1) slot = (slot + 1) & (NAME_TABLE.length - 1);
  NAME_TABLE[slot] = index;
}

/** Index in KNOWN_FIELDS of the name at `bytes[start..end)`, whose hash the caller has made; -1 when unknown. */
export function knownFieldAt(bytes: Buffer, start: number, end: number, hash: number): number {
  let slot = slotOf(hash);
  for (;;) {
    const index = NAME_TABLE[slot]!;
    if (index < 0) return -1;
    if (NAME_HASHES[index] === hash && sameName(bytes, start, end, NAME_BYTES[index]!)) return index;
    slot = (slot + 1) & (NAME_TABLE.length - 1);
  }
}

function sameName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (TOKEN[bytes[start + i]!] !== name[i]) return false;
  return true;
}

const SLASH = 0x2f;

/** True when the path of a request is this one, or below it. */
export function isBelow({ key, keyStart, keyEnd }: RequestHead, prefix: Uint8Array): boolean {
  const end = keyStart + prefix.length;
  if (keyEnd < end || !sameBytes(key, keyStart, end, prefix)) return false;
  return keyEnd === end || key[end] === SLASH;
}
