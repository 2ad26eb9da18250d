/**
 * Request paths as names: raw bytes from the wire to decoded segments and back to a path for links.
 * Pure text work; whether a name exists, and whether it may be served, is for lookup.ts and safety.ts.
 */
import { isUtf8 } from 'node:buffer';
import { HEX } from '../http/chars.js';

/** The name in the document root that the server keeps for itself. */
export const RESERVED = '.handover';

/** Longest name that common file systems take, in bytes. */
const MAX_SEGMENT_BYTES = 255;
/** PATH_MAX of Linux, in bytes. */
const MAX_PATH_BYTES = 4096;

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const PERCENT = 0x25;

/** A request path that can name something. */
export interface RequestPath {
  readonly kind: 'path';
  /** Decoded names from the root down, none of them empty, `.` or `..`. Empty for the root itself. */
  readonly segments: readonly string[];
  /** True when the path asks for a directory: it ends in `/`, `/.` or `/..`. */
  readonly trailingSlash: boolean;
}

/**
 * Reads a raw request path: percent-decoding exactly once, duplicate slashes merged as nginx does, dot
 * segments resolved (RFC 3986 section 5.2.4, but climbing above the root is not forgiven).
 *
 * @param raw The path as received, one char per byte, without query.
 * @returns `bad-request` for broken percent-encoding; `missing` for what can name no file here: encoded
 *   separators, backslash, NUL, invalid UTF-8, names too long, hidden names, and escapes from the root.
 */
export function parsePath(raw: string, dotfiles: 'hide' | 'serve'): RequestPath | 'bad-request' | 'missing' {
  if (!raw.startsWith('/')) return 'bad-request';
  const decoded = decode(raw);
  if (typeof decoded === 'string') return decoded;
  // UTF-8 never hides a slash in another character, so the text can be split after decoding.
  if (decoded.length > MAX_PATH_BYTES || !isUtf8(decoded)) return 'missing';

  const names = decoded.toString('utf8').split('/');
  const segments: string[] = [];
  for (const name of names) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (segments.pop() === undefined) return 'missing';
    } else {
      if (Buffer.byteLength(name) > MAX_SEGMENT_BYTES) return 'missing';
      segments.push(name);
    }
  }
  if (segments.some((name, depth) => isHidden(name, depth, dotfiles))) return 'missing';
  const last = names.at(-1);
  return { kind: 'path', segments, trailingSlash: last === '' || last === '.' || last === '..' };
}

/** True for a name that the dotfiles policy keeps out of sight. `.well-known` in the root is not (RFC 8615). */
export function isHidden(name: string, depth: number, dotfiles: 'hide' | 'serve'): boolean {
  if (depth === 0 && name === RESERVED) return true;
  return dotfiles === 'hide' && name.startsWith('.') && !(depth === 0 && name === '.well-known');
}

/** True for a name that a request path can express, so that links to it work. */
export function isAddressable(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name);
}

/**
 * Segments as an absolute, percent-encoded path. Characters that RFC 3986 allows in a segment (pchar)
 * stay readable. Never begins with `//`, which a client would read as another host.
 */
export function encodePath(segments: readonly string[], trailingSlash = false): string {
  const path = segments
    .filter((name) => name !== '')
    .map((name) => `/${encodeSegment(name)}`)
    .join('');
  return trailingSlash || path === '' ? `${path}/` : path;
}

/** One name, percent-encoded for use as a path segment. */
export function encodeSegment(name: string): string {
  return encodeURIComponent(name).replace(/%(?:24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent);
}

/**
 * The decoded path in the Unicode forms that may be its name on disk: exactly as asked first, then
 * composed (NFC, most systems) and decomposed (NFD, names made on macOS).
 */
export function unicodeForms(segments: readonly string[]): readonly (readonly string[])[] {
  const path = segments.join('/');
  if (!/[^\x00-\x7f]/.test(path)) return [segments];
  const forms = new Set([path, path.normalize('NFC'), path.normalize('NFD')]);
  // Canonical normalisation never yields a slash, so the segments stay the same in number.
  return [...forms].map((form) => form.split('/'));
}

function decode(raw: string): Buffer | 'bad-request' | 'missing' {
  const bytes = Buffer.from(raw, 'latin1');
  let missing = false;
  let end = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i]!;
    if (byte === PERCENT) {
      // Past the end there is no byte: 0 is no digit either.
      const high = HEX[bytes[i + 1] ?? 0]!;
      const low = HEX[bytes[i + 2] ?? 0]!;
      if (high > 15 || low > 15) return 'bad-request';
      byte = high * 16 + low;
      i += 2;
      // An encoded slash is part of a name, and no name can hold one.
      if (byte === SLASH) missing = true;
    }
    if (byte === BACKSLASH || byte === 0) missing = true;
    bytes[end++] = byte;
  }
  // Only now: broken encoding further on is 400 whatever came before it.
  return missing ? 'missing' : bytes.subarray(0, end);
}
