/** The reply on the plain port when TLS is wanted: the same thing, at its https address. */
import { errorReply } from './error-reply.js';
import type { Reply } from './reply.js';
import type { RequestHead } from './request-head.js';
import { escapeBytes } from './uri.js';

const DEFAULT_PORT = 443;

/**
 * A redirect to https on `port`, on the host that the client asked for. Undefined when there is no other
 * address for what is asked: for the server as a whole (`OPTIONS *`), or without a Host (HTTP/1.0).
 */
export function httpsRedirect(head: RequestHead, port: number): Reply | undefined {
  const host = head.field('host')?.replace(/:\d*$/, '') ?? '';
  const { path } = head;
  if (host === '' || !path.startsWith('/')) return undefined;
  const authority = port === DEFAULT_PORT ? host : `${host}:${port}`;
  const location = `https://${authority}${escapeBytes(path + head.query)}`;
  // 308 keeps the method and the body (RFC 9110 section 15.4.9); for reading, 301 is what everybody knows.
  const headOnly = head.method === 'HEAD';
  return errorReply(headOnly || head.method === 'GET' ? 301 : 308, `This is at ${location}.`, {
    fields: `Location: ${location}\r\n`,
    cacheControl: 'no-cache',
    headOnly,
  });
}
