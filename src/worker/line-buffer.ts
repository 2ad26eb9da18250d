/**
 * Where lines of a log are put together, byte by byte: building them as strings costs several times as
 * much, in pieces that the collector has to pick up. Everything in it is ASCII.
 */

/** What a text may have in it and stand in a line as it is: nginx's rule (ngx_http_log_escape). */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
  return isPlain ? 1 : 0;
});

/** How a byte is written that cannot stand as it is. */
export type Escape = (byte: number) => string;

const FIRST_CAPACITY = 32 * 1024;

export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  /** Bytes in it. */
  length = 0;

  /** Makes room for so many bytes more, which are put in without looking. */
  reserve(extra: number): void {
    if (this.length + extra <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(this.length + extra)));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }

  /** A text that is known to be ASCII. */
  put(text: string): void {
    const bytes = this.#bytes;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** What was received: `from[start..end)`. */
  putEscaped(from: Uint8Array, start: number, end: number, written: Escape): void {
    const bytes = this.#bytes;
    let at = this.length;
    for (let i = start; i < end; i++) {
      const byte = from[i]!;
      if (PLAIN[byte] === 1) {
        bytes[at++] = byte;
        continue;
      }
      this.length = at;
      this.put(written(byte));
      at = this.length;
    }
    this.length = at;
  }

  /** A whole number from 0 on. */
  putNumber(value: number): void {
    if (value >= 1e9) {
      this.put(String(value));
      return;
    }
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    let rest = value;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[at] = 0x30 + rest - 10 * tenth;
      rest = tenth;
    }
    this.length += digits;
  }

  /** A copy of the first bytes, which are taken out. */
  take(count: number): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, count));
    this.#bytes.copyWithin(0, count, this.length);
    this.length -= count;
    return taken;
  }
}
