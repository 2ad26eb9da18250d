/**
 * Where a request's body ends: by its declared length, or by its chunks (RFC 9112 sections 6 and 7).
 * Consumes bytes, yields content; trailers are read, checked and dropped.
 */
import { CR, FIELD_VALUE, HEX, HT, LF, SP, TOKEN } from './chars.js';

/** Bytes of chunk extensions and trailers that are tolerated in one body. */
const MAX_OVERHEAD = 16 * 1024;
/** Thirteen hexadecimal digits stay below 2^53. */
const MAX_SIZE_DIGITS = 13;

type State =
  | 'length'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-start'
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'last-lf'
  | 'done';

/** What a step found: content is in `chunkStart..chunkEnd` of the bytes that were given. */
export type FramingEvent = 'content' | 'end' | 'more' | 'bad';

export class BodyFraming {
  chunkStart = 0;
  chunkEnd = 0;
  /** Bytes of content seen. */
  received = 0;
  #state: State = 'done';
  #remaining = 0;
  #digits = 0;
  #sawSpace = false;
  #overhead = 0;

  /** Begins a body; `contentLength` -1 means chunked. */
  begin(contentLength: number): void {
    this.received = 0;
    this.#overhead = 0;
    this.#digits = 0;
    this.#remaining = Math.max(contentLength, 0);
    this.#state = contentLength < 0 ? 'size' : contentLength === 0 ? 'done' : 'length';
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Reads on in `bytes[start..end)`. The position to go on from is in `chunkEnd`, after every event. */
  step(bytes: Uint8Array, start: number, end: number): FramingEvent {
    let p = start;
    while (p < end) {
      if (this.#state === 'length' || this.#state === 'data') return this.#content(p, end);
      const byte = bytes[p++]!;
      if (!this.#control(byte)) return this.#stop(p, 'bad');
      if (this.#state === 'done') return this.#stop(p, 'end');
    }
    return this.#stop(p, 'more');
  }

  #stop(position: number, event: FramingEvent): FramingEvent {
    this.chunkStart = position;
    this.chunkEnd = position;
    return event;
  }

  #content(start: number, end: number): FramingEvent {
    const length = Math.min(end - start, this.#remaining);
    this.chunkStart = start;
    this.chunkEnd = start + length;
    this.received += length;
    this.#remaining -= length;
    if (this.#remaining === 0) this.#state = this.#state === 'length' ? 'done' : 'data-cr';
    return 'content';
  }

  /** One byte of chunk framing; false when it breaks the grammar. */
  #control(byte: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#sizeByte(byte);
      case 'extension':
        if (byte === CR) this.#state = 'size-lf';
        else if (FIELD_VALUE[byte] === 0 || ++this.#overhead > MAX_OVERHEAD) return false;
        return true;
      case 'size-lf':
        this.#digits = 0;
        this.#sawSpace = false;
        this.#state = this.#remaining === 0 ? 'trailer-start' : 'data';
        return byte === LF;
      case 'data-cr':
        this.#state = 'data-lf';
        return byte === CR;
      case 'data-lf':
        this.#state = 'size';
        return byte === LF;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): boolean {
    const value = HEX[byte]!;
    if (value !== 255 && !this.#sawSpace) {
      if (++this.#digits > MAX_SIZE_DIGITS) return false;
      this.#remaining = this.#digits === 1 ? value : this.#remaining * 16 + value;
      return true;
    }
    if (this.#digits === 0) return false;
    // "BWS" may stand before an extension's semicolon, and nowhere else.
    if (byte === SP || byte === HT) {
      this.#sawSpace = true;
      return ++this.#overhead <= MAX_OVERHEAD;
    }
    if (byte === 0x3b) this.#state = 'extension';
    else if (byte === CR && !this.#sawSpace) this.#state = 'size-lf';
    else return false;
    return true;
  }

  #trailerByte(byte: number): boolean {
    if (++this.#overhead > MAX_OVERHEAD) return false;
    switch (this.#state) {
      case 'trailer-start':
        if (byte === CR) this.#state = 'last-lf';
        else if (TOKEN[byte] !== 0) this.#state = 'trailer-name';
        else return false;
        return true;
      case 'trailer-name':
        if (byte === 0x3a) this.#state = 'trailer-value';
        else return TOKEN[byte] !== 0;
        return true;
      case 'trailer-value':
        if (byte === CR) this.#state = 'trailer-lf';
        else return FIELD_VALUE[byte] !== 0;
        return true;
      case 'trailer-lf':
        this.#state = 'trailer-start';
        return byte === LF;
      case 'last-lf':
        this.#state = 'done';
        return byte === LF;
      default:
        return false;
    }
  }
}
