/** Request heads for tests of what answers them. */
import { RequestParser } from '../../src/http/parser.js';
import type { RequestHead } from '../../src/http/request-head.js';
import { DEFAULT_LIMITS } from './corpus.js';

/** Field lines by name; undefined ones are left out. */
export type Fields = Readonly<Record<string, string | undefined>>;

function parsed(text: string): RequestHead {
  const parser = new RequestParser(DEFAULT_LIMITS);
  const bytes = Buffer.from(text, 'latin1');
  parser.feed(bytes, bytes.length);
  if (parser.next() !== 'head') throw new Error(`no request: ${text}`);
  return parser.head;
}

/** The head of a request as a session lends it: good until `spoil`, or the next one. */
export function borrowedHead(method: string, target: string, fields: Fields = {}): RequestHead {
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined);
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return parsed(`${method} ${target} HTTP/1.1\r\nHost: a\r\n${text}\r\n`);
}

/** The head of a request, to keep. */
export function headOf(method: string, target: string, fields: Fields = {}): RequestHead {
  return borrowedHead(method, target, fields).retain();
}

/** Reads another request, as happens on a busy worker while an answer is awaited. */
export function spoil(): void {
  parsed('DELETE /spoilt HTTP/1.0\r\nRange: bytes=9-\r\nAccept-Encoding: spoilt\r\n\r\n');
}
