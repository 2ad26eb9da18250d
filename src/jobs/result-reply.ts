/** The reply to a request for the result of a job, which lies on disk and does not change any more. */
import { stat } from 'node:fs/promises';
import { decide, isDiskReply } from '../files/decide.js';
import { Variant } from '../files/forms.js';
import { identityOf } from '../files/identity.js';
import { openReply } from '../files/open-file.js';
import { formatHttpDate } from '../http/http-date.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { JobError, type JobResult, type ReducerName } from './api.js';
import { reprDigest } from './repr-digest.js';

const JSON_REDUCERS: readonly ReducerName[] = ['count', 'sum', 'merge-json'];

/** Conditions and ranges as for any file. Rejects with JobError when the result is not there. */
export async function resultReply(
  head: RequestHead,
  path: string,
  { sha256, bytes }: JobResult,
  reducer: ReducerName,
): Promise<Reply> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats === undefined || Number(stats.size) !== bytes) {
    throw new JobError('storage-failed', 'the result is not where it was put');
  }
  const contentType = JSON_REDUCERS.includes(reducer) ? 'application/json' : 'application/octet-stream';
  const fields = `Repr-Digest: ${reprDigest(sha256)}\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n`;
  const found = {
    coding: 'identity',
    path,
    sizeBytes: bytes,
    identity: identityOf(stats),
    body: null,
    etag: `"${sha256}"`,
  } as const;
  const lastModifiedMs = Math.floor(Number(stats.mtimeMs) / 1000) * 1000;
  const variant = new Variant(found, contentType, fields, formatHttpDate(lastModifiedMs));
  const reply = decide(head, { variant, lastModifiedMs, state: '' }, Date.now());
  if (!isDiskReply(reply)) return reply;
  const opened = await openReply(reply, '');
  if (opened === undefined) throw new JobError('storage-failed', 'the result is not where it was put');
  return opened;
}
