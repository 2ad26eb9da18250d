/**
 * The GetFile protocol's words. One request on each connection; the server closes after its reply.
 *
 *     client                                 server
 *       │ ── GETFILE GET /path CRLF CRLF ──►   │  path: as in a URL, percent-encoded where it has to be
 *       │ ◄─ GETFILE OK length CRLF CRLF ───   │  and so many bytes, exactly as they lie on disk
 *       │ ◄─ GETFILE FILE_NOT_FOUND CRLF CRLF  │  or: there is no such file, or none for this client
 *       │ ◄─ GETFILE ERROR CRLF CRLF ───────   │  or: the server failed, or is full
 *       │ ◄─ GETFILE INVALID CRLF CRLF ─────   │  or: this was no request
 *
 * A connection that ends before `length` bytes were sent has carried no file.
 */

/** What a reply says. Only OK has a length, and bytes. */
export const STATUSES = ['OK', 'FILE_NOT_FOUND', 'ERROR', 'INVALID'] as const;

export type GetFileStatus = (typeof STATUSES)[number];

/** Its name in logs. */
export const PROTOCOL_NAME = 'GETFILE';

export const END = '\r\n\r\n';

/** What every request begins with, to the slash that every path begins with. */
export const REQUEST_START = Buffer.from('GETFILE GET /', 'latin1');

/** A whole request. `path` begins with a slash and has one character for each byte. */
export function requestFor(path: string): Buffer {
  return Buffer.from(`GETFILE GET ${path}${END}`, 'latin1');
}

/** The head of a reply, which is all of it unless it is followed by `length` bytes. */
export function replyHead(status: 'OK', length: number): Buffer;
export function replyHead(status: Exclude<GetFileStatus, 'OK'>): Buffer;
export function replyHead(status: GetFileStatus, length?: number): Buffer {
  return Buffer.from(`GETFILE ${status}${length === undefined ? '' : ` ${length}`}${END}`, 'latin1');
}

/** What a reply says for a status of HTTP, which is what the file layer answers with. */
export function statusFor(httpStatus: number): GetFileStatus {
  if (httpStatus === 200) return 'OK';
  return httpStatus >= 500 ? 'ERROR' : 'FILE_NOT_FOUND';
}
