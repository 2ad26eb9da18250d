/**
 * What can only be judged of a request when its whole head has been read: Host, the form of the target,
 * the length of the body, whether the connection goes on. Every doubtful case is refused, because what two
 * parties read differently is how requests are smuggled (RFC 9112 section 11.2).
 */
import { sameBytes } from '../bytes.js';
import { djb2 } from '../cache/djb2.js';
import { latin1 } from './chars.js';
import { splitList } from './field-lists.js';
import { isValidHost } from './host.js';
import { fieldBit, type RequestHead } from './request-head.js';

/** Why a request was refused. */
export interface ParserError {
  readonly status: 400 | 414 | 417 | 431 | 501 | 505;
  readonly message: string;
}

const HOST = fieldBit('host');
const CONNECTION = fieldBit('connection');
const CONTENT_LENGTH = fieldBit('content-length');
const TRANSFER_ENCODING = fieldBit('transfer-encoding');
const EXPECT = fieldBit('expect');

/** Bytes of the last Host value that was found valid; nearly all requests of a worker repeat it. */
let validHost = Buffer.from('localhost', 'latin1');

/** Completes a head from its fields, or says why it cannot be served. */
export function completeHead(head: RequestHead): ParserError | undefined {
  const error = hostError(head) ?? targetError(head) ?? framingError(head);
  if (error !== undefined) return error;
  head.keepAlive = persists(head);
  head.expectsContinue = false;
  if (head.has(EXPECT) && head.minor === 1) {
    if (head.field('expect')!.toLowerCase() !== '100-continue') {
      return { status: 417, message: 'unknown expectation' };
    }
    head.expectsContinue = head.contentLength !== 0;
  }
  return undefined;
}

function hostError(head: RequestHead): ParserError | undefined {
  if (!head.has(HOST)) return head.minor === 0 ? undefined : bad('Host is missing');
  if ((head.repeated & HOST) !== 0) return bad('more than one Host');
  const { bytes } = head;
  const [start, end] = head.valueRange('host');
  if (sameBytes(bytes, start, end, validHost)) return undefined;
  if (!isValidHost(latin1(bytes, start, end))) return bad('invalid Host');
  validHost = Buffer.from(bytes.subarray(start, end));
  return undefined;
}

/** origin-form, absolute-form, `*` for OPTIONS, authority-form for CONNECT (RFC 9112 section 3.2). */
function targetError(head: RequestHead): ParserError | undefined {
  if (head.key[head.keyStart] === 0x2f) return undefined;
  const { method, target } = head;
  if (method === 'OPTIONS' && target === '*') return undefined;
  if (method === 'CONNECT' && isValidHost(target)) return undefined;
  const absolute = /^https?:\/\/([^/?]*)(\/[^?]*)?/i.exec(target);
  if (absolute === null || !isValidHost(absolute[1]!)) return bad('malformed request target');
  head.key = Buffer.from(absolute[2] ?? '/', 'latin1');
  head.keyStart = 0;
  head.keyEnd = head.key.length;
  head.keyHash = djb2(head.key);
  return undefined;
}

/** RFC 9112 section 6.3. */
function framingError(head: RequestHead): ParserError | undefined {
  head.contentLength = 0;
  if (!head.has(CONTENT_LENGTH | TRANSFER_ENCODING)) return undefined;
  const coding = head.field('transfer-encoding');
  const length = head.field('content-length');
  if (coding !== undefined) {
    if (length !== undefined) return bad('both Content-Length and Transfer-Encoding');
    if (head.minor === 0) return bad('Transfer-Encoding in HTTP/1.0');
    if (coding.toLowerCase() !== 'chunked') return bad('unknown or misplaced transfer coding');
    head.contentLength = -1;
    return undefined;
  }
  if ((head.repeated & CONTENT_LENGTH) !== 0) return bad('more than one Content-Length');
  if (!/^\d{1,15}$/.test(length!)) return bad('malformed Content-Length');
  head.contentLength = Number(length);
  return undefined;
}

/** RFC 9112 section 9.3. */
function persists(head: RequestHead): boolean {
  if (!head.has(CONNECTION)) return head.minor === 1;
  const options = splitList(head.field('connection')!.toLowerCase());
  if (options.includes('close')) return false;
  return head.minor === 1 || options.includes('keep-alive');
}

function bad(message: string): ParserError {
  return { status: 400, message };
}
