/**
 * Byte classes of the HTTP grammar as look-up tables, so that the parser's loops test one array element
 * per byte. RFC 9110 section 5.6.2 (token), 5.5 (field-value); RFC 9112 section 3.2 (request target).
 */

export const HT = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;

function table(accepts: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (accepts(byte) ? 1 : 0));
}

const TOKEN_MARKS = "!#$%&'*+-.^_`|~";

function isTokenByte(byte: number): boolean {
  const char = String.fromCharCode(byte);
  return /^[0-9A-Za-z]$/.test(char) || (byte < 0x80 && TOKEN_MARKS.includes(char));
}

/** token bytes map to their lower case, all others to 0. */
export const TOKEN = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (!isTokenByte(byte)) return 0;
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
});

/** Bytes of a field value: HTAB, SP, VCHAR and obs-text. NUL, CR, LF and other controls are not. */
export const FIELD_VALUE = table((byte) => byte === HT || (byte >= SP && byte !== 0x7f));

/**
 * Bytes of a request target. Bytes above 0x7f are not URI characters, but clients send UTF-8 unescaped
 * and servers take it; `#` never reaches a server from a client that is not confused.
 */
export const TARGET = table((byte) => byte > SP && byte !== 0x7f && byte !== 0x23);

/** Hexadecimal digits map to their value, all others to 255. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return byte < 0x80 && value >= 0 ? value : 255;
});

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** `bytes[start..end)` as a string of one character per byte. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}
