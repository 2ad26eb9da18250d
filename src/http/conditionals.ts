/**
 * Preconditions (RFC 9110 section 13): whether a request is to be carried out, given the representation
 * it selects. Pure; the caller asks only where the answer without conditions would be 2xx (13.2.1).
 *
 * Field values are given with several field lines joined by `, `. So a date sent twice is no date, and
 * is ignored, as the RFC asks.
 */
import {
  type EntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
} from './etag.js';
import { parseHttpDate } from './http-date.js';

/** The fields that section 13.1 defines, as received; undefined when absent. */
export interface ConditionalRequest {
  readonly method: string;
  readonly ifMatch?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
}

/** What the selected representation is now. */
export interface Validators {
  /** Entity tag with its quotes. */
  readonly etag: string;
  /** Whole seconds since the epoch, in milliseconds. */
  readonly lastModifiedMs: number;
}

export type ConditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed';

type Comparison = (a: EntityTag, b: EntityTag) => boolean;

/**
 * Evaluates the preconditions in their order of precedence (RFC 9110 section 13.2.2).
 *
 * A malformed If-Match or If-None-Match matches nothing: the request fails with 412, or is answered
 * whole. Being present, it still takes the place of its date, which is the weaker validator.
 */
export function evaluateConditions(
  request: ConditionalRequest,
  current: Validators,
  nowMs: number,
): ConditionOutcome {
  const { method, ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince } = request;
  if (method === 'OPTIONS' || method === 'TRACE' || method === 'CONNECT') return 'proceed';
  const isRead = method === 'GET' || method === 'HEAD';

  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, current.etag, matchesStrongly)) return 'precondition-failed';
  } else if (ifUnmodifiedSince !== undefined) {
    const sinceMs = parseHttpDate(ifUnmodifiedSince, nowMs);
    if (sinceMs !== undefined && current.lastModifiedMs > sinceMs) return 'precondition-failed';
  }

  if (ifNoneMatch !== undefined) {
    if (!listMatches(ifNoneMatch, current.etag, matchesWeakly)) return 'proceed';
    return isRead ? 'not-modified' : 'precondition-failed';
  }
  if (ifModifiedSince !== undefined && isRead) {
    const sinceMs = parseHttpDate(ifModifiedSince, nowMs);
    if (sinceMs !== undefined && current.lastModifiedMs <= sinceMs) return 'not-modified';
  }
  return 'proceed';
}

/**
 * Whether the Range of a request with If-Range may be honoured (RFC 9110 section 13.1.5): what the
 * client holds is a part of exactly this representation. When false, the whole is sent.
 *
 * A date holds only when it is the Last-Modified date itself and that second is over (8.8.2.2): within
 * it the file could change again and keep its date. Every response carries an entity tag, so a client
 * that follows the RFC never has to send a date.
 */
export function ifRangeHolds(value: string, current: Validators, nowMs: number): boolean {
  const tag = parseEntityTag(value);
  if (tag !== undefined) return isCurrent(tag, current.etag, matchesStrongly);
  return parseHttpDate(value, nowMs) === current.lastModifiedMs && nowMs - current.lastModifiedMs >= 1000;
}

function listMatches(value: string, currentEtag: string, comparison: Comparison): boolean {
  const tags = parseEntityTagList(value);
  if (tags === undefined) return false;
  return tags === '*' || tags.some((tag) => isCurrent(tag, currentEtag, comparison));
}

function isCurrent(tag: EntityTag, currentEtag: string, comparison: Comparison): boolean {
  const current = parseEntityTag(currentEtag);
  return current !== undefined && comparison(tag, current);
}
