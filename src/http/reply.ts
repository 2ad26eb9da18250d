/**
 * The reply plan: what is to be sent, decided whole before the first byte leaves. Head fields are text
 * that is ready for the wire; the body is bytes in memory, or slices of an open file with bytes between
 * them (multipart/byteranges). Date, Connection and X-Cache are added when the plan is serialised,
 * because they belong to the moment and not to the resource.
 */
import type { Duplex } from 'node:stream';
import type { FilePart, OpenFile } from '../transport/connection.js';
import type { BodySource } from './body-source.js';

/** nginx's vocabulary, as sent in X-Cache. `''`: the cache had no part in it. */
export type CacheState = 'HIT' | 'MISS' | 'BYPASS' | 'EXPIRED' | 'STALE' | 'UPDATING' | 'REVALIDATED' | '';

/** A body whose parts are partly on disk. */
export interface FileBody {
  readonly file: OpenFile;
  readonly parts: readonly FilePart[];
}

/** A body that comes from elsewhere while it is sent. */
export interface StreamBody {
  readonly source: BodySource;
  /** In bytes, as Content-Length among the fields says; undefined: not known, and no such field is there. */
  readonly length: number | undefined;
}

export interface Reply {
  readonly status: number;
  /** Field lines, each ended by CRLF, Content-Length among them. */
  readonly fields: string;
  /**
   * Bytes, in one piece or several, a file, or a stream. Null: no body bytes are sent (HEAD, 304, or
   * Content-Length: 0).
   */
  readonly body: Buffer | readonly Buffer[] | FileBody | StreamBody | null;
  readonly cache: CacheState;
  /** True when the connection must not be used after this response. */
  readonly close: boolean;
  /** True for the statistics and the health check, which count and log themselves nowhere. */
  readonly monitoring?: boolean;
  /** True when Date and Server are among the fields: what another server has said and when. */
  readonly isRelayed?: boolean;
  /** With 101: what the connection is joined to from here on. Nothing was read of it yet. */
  readonly tunnel?: Duplex;
}

/** A content coding of a stored representation (RFC 9110 section 8.4.1; zstd: RFC 8878). */
export type Coding = 'identity' | 'gzip' | 'br' | 'zstd';

/**
 * Reason phrases of the status codes that handover sends or hands on (RFC 9110 section 15, RFC 6585, RFC 2518,
 * RFC 4918, RFC 5842, RFC 8297).
 */
export const REASON: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  207: 'Multi-Status',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  423: 'Locked',
  424: 'Failed Dependency',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
};
