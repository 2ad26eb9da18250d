/**
 * From the fields of an HTTP/2 request (RFC 9113 section 8.3) to the head of the HTTP/1.1 request that says
 * the same, so that one parser judges both. Pure. Refuses whatever would read as something else there.
 */
import type { ParserError } from './head-rules.js';

/** The head of a request in HTTP/1.1 form, or why there is none. */
export type H2Head = { readonly bytes: Buffer } | { readonly error: ParserError };

/** Would end a line, or the request line's parts, before their time. */
const BREAKS_LINE = /[\r\n\0]/;
const BREAKS_TARGET = /[\0-\x20\x7f]/;

/** Fields that speak of a connection of HTTP/1.1 have no meaning here (RFC 9113 section 8.2.2). */
const OF_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Builds the head.
 *
 * @param fields names and values in turn, as node gives them: one char for each byte
 */
export function h2Head(fields: readonly string[]): H2Head {
  const pseudo = new Map<string, string>();
  const lines: string[] = [];
  const cookies: string[] = [];
  let host: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (BREAKS_LINE.test(value) || BREAKS_LINE.test(name)) return bad('line break in a field');
    if (name.startsWith(':')) pseudo.set(name, value);
    else if (OF_CONNECTION.has(name)) return bad('connection-specific field');
    else if (name === 'cookie') cookies.push(value);
    else if (name === 'host' && host === undefined) host = value;
    else lines.push(`${name}: ${value}\r\n`);
  }
  const method = pseudo.get(':method') ?? '';
  const authority = pseudo.get(':authority') ?? host;
  const target = method === 'CONNECT' ? (authority ?? '') : (pseudo.get(':path') ?? '');
  if (BREAKS_TARGET.test(method) || BREAKS_TARGET.test(target)) return bad('malformed request line');
  // Two names for one site is how one is asked for the other's pages (RFC 9113 section 8.3.1).
  if (host !== undefined && host !== authority) return bad('Host and :authority differ');
  if (authority !== undefined) lines.unshift(`host: ${authority}\r\n`);
  // Split for compression, and one field all the same (RFC 9113 section 8.2.3).
  if (cookies.length > 0) lines.push(`cookie: ${cookies.join('; ')}\r\n`);
  return { bytes: Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1') };
}

function bad(message: string): H2Head {
  return { error: { status: 400, message } };
}
