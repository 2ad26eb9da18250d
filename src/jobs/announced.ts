/** What the head of a PUT says of the part that follows. Pure. */
import type { RequestHead } from '../http/request-head.js';
import { JobError } from './api.js';
import type { Announced } from './reception.js';
import { digestIn } from './repr-digest.js';

/**
 * @param hasBody content follows, though over HTTP/2 the head need not say how much
 * @throws JobError `bad-request` when it does not hang together
 */
export function announcedBy(head: RequestHead, job: string, part: string, hasBody: boolean): Announced {
  const sha256 = digestOf(head.valueOf('repr-digest'));
  const isUnknown = head.contentLength < 0 || (hasBody && head.contentLength === 0);
  const length = isUnknown ? undefined : head.contentLength;
  const range = head.valueOf('content-range');
  if (range === undefined) return { job, part, bytes: length, sha256 };
  return { job, part, sha256, ...placeOf(range, length) };
}

/** `bytes FIRST-LAST/TOTAL`, or `bytes * /TOTAL` without content: all of it is here (RFC 9110 section 14.4 f.). */
function placeOf(range: string, length: number | undefined): Pick<Announced, 'offset' | 'bytes'> {
  const [, first, last, total] = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)$/i.exec(range) ?? [];
  if (total === undefined) throw malformed(range);
  const bytes = total === '*' ? undefined : Number(total);
  if (first === undefined) {
    if (bytes === undefined || length !== 0) throw malformed(range);
    return { offset: bytes, bytes };
  }
  const end = Number(last) + 1;
  const isWrong = Number(first) >= end || (length !== undefined && end - Number(first) !== length);
  // A part that goes on behind this piece would have to be taken for whole.
  if (isWrong || (bytes !== undefined && end !== bytes)) throw malformed(range);
  return { offset: Number(first), bytes: end };
}

function malformed(range: string): JobError {
  const what = `Content-Range: ${range.slice(0, 100)}`;
  return new JobError('bad-request', `${what} does not say where the rest of the part begins, up to its end`);
}

/** The SHA-256 digest in Repr-Digest, in hexadecimal; undefined when there is none (RFC 9530 section 3). */
function digestOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const digest = digestIn(value);
  if (digest === undefined && /(?:^|,)\s*sha-256=/.test(value)) {
    throw new JobError('bad-request', 'Repr-Digest: its sha-256 is not 32 bytes in base64 between colons');
  }
  return digest;
}
