/** Replies that tell of jobs, as JSON. Pure. */
import { textReply } from '../http/error-reply.js';
import type { Reply } from '../http/reply.js';
import type { JobError, JobStatus, PartReceipt } from './api.js';
import { reprDigest } from './repr-digest.js';

/** A status as clients see it: with dates in ISO 8601. */
export interface PublicStatus {
  readonly job: string;
  readonly state: JobStatus['state'];
  readonly reducer: string;
  readonly order: string;
  readonly created: string;
  readonly deadline: string | null;
  readonly parts: number;
  readonly expectedParts: number | null;
  readonly bytes: number;
  readonly reducedBytes: number;
  readonly receiving: number;
  readonly receivingBytes: number;
  readonly result: JobStatus['result'] | null;
  readonly error: string | null;
}

export function publicStatus(status: JobStatus): PublicStatus {
  const { job, state, reducer, order, createdMs, deadlineMs, parts, expectedParts, bytes } = status;
  const { reducedBytes, receiving, receivingBytes, result, error } = status;
  return {
    job,
    state,
    reducer,
    order,
    created: new Date(createdMs).toISOString(),
    deadline: deadlineMs === undefined ? null : new Date(deadlineMs).toISOString(),
    parts,
    expectedParts: expectedParts ?? null,
    bytes,
    reducedBytes,
    receiving,
    receivingBytes,
    result: result ?? null,
    error: error ?? null,
  };
}

export function jsonReply(status: number, value: unknown, headOnly = false, fields = ''): Reply {
  return textReply(status, 'application/json', `${JSON.stringify(value)}\n`, { headOnly, fields });
}

export function statusReply(status: JobStatus, code = 200, headOnly = false): Reply {
  return jsonReply(code, publicStatus(status), headOnly);
}

/** A part is durable. */
export function receiptReply(receipt: PartReceipt): Reply {
  const fields = `Repr-Digest: ${reprDigest(receipt.sha256)}\r\n`;
  return jsonReply(receipt.isNew ? 201 : 200, receipt, false, fields);
}

/** A reply without a body that says how much of a part is here. */
export function offsetReply(status: 200 | 404, bytes: number, sha256?: string): Reply {
  const digest = sha256 === undefined ? '' : `Repr-Digest: ${reprDigest(sha256)}\r\n`;
  const fields = `Upload-Offset: ${bytes}\r\nCache-Control: no-store\r\nContent-Length: 0\r\n${digest}`;
  return { status, fields, body: null, cache: '', close: false };
}

export function noContent(): Reply {
  return { status: 204, fields: '', body: null, cache: '', close: false };
}

/** @param close what comes of the body is not worth reading */
export function problemReply(error: JobError, { headOnly = false, close = false } = {}): Reply {
  const { code, message, offset } = error;
  const fields =
    (offset === undefined ? '' : `Upload-Offset: ${offset}\r\n`) +
    (code === 'unauthorized' ? 'WWW-Authenticate: Bearer realm="jobs", Basic realm="jobs"\r\n' : '');
  const text = `${JSON.stringify({ error: code, message })}\n`;
  return textReply(error.status, 'application/json', text, { headOnly, fields, close });
}
