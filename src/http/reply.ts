/**
 * The reply plan: what is to be sent, decided whole before the first byte leaves. Head fields are text
 * that is ready for the wire; the body is bytes in memory, or slices of an open file with bytes between
 * them (multipart/byteranges). Date, Connection and X-Cache are added when the plan is serialised,
 * because they belong to the moment and not to the resource.
 */
import type { FilePart, OpenFile } from '../transport/connection.js';

/** nginx's vocabulary, as sent in X-Cache. `''`: the cache had no part in it. */
export type CacheState = 'HIT' | 'MISS' | 'BYPASS' | 'EXPIRED' | 'REVALIDATED' | '';

/** A body whose parts are partly on disk. */
export interface FileBody {
  readonly file: OpenFile;
  readonly parts: readonly FilePart[];
}

export interface Reply {
  readonly status: number;
  /** Field lines, each ended by CRLF, Content-Length among them. */
  readonly fields: string;
  /** Bytes, in one piece or several, or a file. Null: no body bytes are sent (HEAD, 304, or Content-Length: 0). */
  readonly body: Buffer | readonly Buffer[] | FileBody | null;
  readonly cache: CacheState;
  /** True when the connection must not be used after this response. */
  readonly close: boolean;
  /** True for the statistics and the health check, which count and log themselves nowhere. */
  readonly monitoring?: boolean;
}

/** A content coding of a stored representation (RFC 9110 section 8.4.1; zstd: RFC 8878). */
export type Coding = 'identity' | 'gzip' | 'br' | 'zstd';

/** Reason phrases of the status codes that handover sends (RFC 9110 section 15, RFC 6585). */
export const REASON: Readonly<Record<number, string>> = {
  100: 'Continue',
  200: 'OK',
  206: 'Partial Content',
  301: 'Moved Permanently',
  304: 'Not Modified',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};
