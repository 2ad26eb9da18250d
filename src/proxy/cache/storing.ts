/** Which responses may be stored by a cache that is shared, and are worth it (RFC 9111 section 3). Pure. */
import { formatHttpDate } from '../../http/http-date.js';
import { REASON } from '../../http/reply.js';
import { type FieldLine, fieldValue, without } from '../fields.js';
import { type RequestDirectives, type ResponseDirectives, responseDirectives } from './directives.js';
import {
  type Exchanged,
  freshnessLifetimeMs,
  initialAgeMs,
  isExplicit,
  isHeuristicallyCacheable,
} from './freshness.js';
import type { StoredHead } from './stored-response.js';
import { varyOf } from './vary.js';

/** The request that a response answers. */
export interface StoringRequest {
  /** GET, or POST for a response that stands for its own resource (RFC 9110 section 9.3.3). */
  readonly method: string;
  readonly fields: readonly FieldLine[];
  readonly directives: RequestDirectives;
}

export interface StoringReply {
  readonly status: number;
  readonly fields: readonly FieldLine[];
}

/** True when the response may be stored, and could be of use later. */
export function isStorable(request: StoringRequest, reply: StoringReply, exchanged: Exchanged): boolean {
  const { status, fields } = reply;
  const directives = responseDirectives(fields);
  if (!isCompleteAndFinal(status) || request.directives.noStore || directives.private) return false;
  // A code that is not known could mean that it must not be kept (section 5.2.2.3).
  if (directives.mustUnderstand ? REASON[status] === undefined : directives.noStore) return false;
  if (varyOf(fields) === '*') return false;
  if (fieldValue(request.fields, 'authorization') !== undefined && !isForAll(directives)) return false;
  const explicit = isExplicit(fields, directives);
  if (request.method !== 'GET' && !explicit) return false;
  if (!explicit && !isHeuristicallyCacheable(status, directives)) return false;
  return isUseful(reply, directives, exchanged);
}

/** What is stored of a head: Age is told anew, Date never missing, and what is not to be kept is not (section 3.1). */
export function storedHeadOf({ status, fields }: StoringReply, exchanged: Exchanged): StoredHead {
  const { receivedMs } = exchanged;
  const kept = without(fields, 'age', 'x-cache', ...responseDirectives(fields).unkeptFields);
  if (fieldValue(kept, 'date') === undefined) kept.push(['Date', formatHttpDate(receivedMs)]);
  return { status, fields: kept, receivedMs, initialAgeMs: initialAgeMs(fields, exchanged) };
}

/** Parts are not put together here, and 304 is about another response. */
function isCompleteAndFinal(status: number): boolean {
  return status >= 200 && status !== 206 && status !== 304;
}

/** What may be stored though only one user has shown that it is his to see (section 3.5). */
function isForAll(directives: ResponseDirectives): boolean {
  return directives.public || directives.mustRevalidate || directives.sMaxAge !== undefined;
}

/** It will be fresh for a while, or can be asked about, or may be used when stale. */
function isUseful(
  { status, fields }: StoringReply,
  directives: ResponseDirectives,
  exchanged: Exchanged,
): boolean {
  if (fieldValue(fields, 'etag') !== undefined || fieldValue(fields, 'last-modified') !== undefined)
    return true;
  if (directives.noCache) return false;
  const lifetimeMs = freshnessLifetimeMs(status, fields, directives, exchanged.receivedMs);
  if (lifetimeMs > initialAgeMs(fields, exchanged)) return true;
  return (directives.staleIfError ?? 0) > 0 || (directives.staleWhileRevalidate ?? 0) > 0;
}
