/** Asking an origin whether a stored response still holds, and what its 304 changes (RFC 9111 section 4.3). Pure. */
import { matchesStrongly, matchesWeakly, parseEntityTag } from '../../http/etag.js';
import { type FieldLine, fieldValue, without } from '../fields.js';
import type { Exchanged } from './freshness.js';
import { StoredResponse } from './stored-response.js';
import { storedHeadOf } from './storing.js';

/** What a client asks on condition, or in part: answered from the stored response, and not sent on with it. */
const SELECTING = ['if-none-match', 'if-modified-since', 'range', 'if-range'] as const;

/**
 * Fields of a 304 that are not taken over: they tell of the bytes of a body, and ours are those that came
 * before (section 3.2).
 */
const OF_THE_BODY = ['content-encoding', 'content-length', 'content-md5', 'content-range', 'etag'] as const;

/** True when its origin can be asked about a response. */
export function hasValidator(stored: StoredResponse): boolean {
  return stored.etag !== undefined || stored.lastModifiedMs !== undefined;
}

/** The fields of a request that asks for a response only if it is no longer the stored one (section 4.3.1). */
export function validatingFields(fields: readonly FieldLine[], stored: StoredResponse): FieldLine[] {
  const validating = without(fields, ...SELECTING);
  const lastModified = fieldValue(stored.fields, 'last-modified');
  if (stored.etag !== undefined) validating.push(['If-None-Match', stored.etag]);
  if (lastModified !== undefined && stored.lastModifiedMs !== undefined) {
    validating.push(['If-Modified-Since', lastModified]);
  }
  return validating;
}

/**
 * The stored response with what a 304 says anew (section 4.3.4); undefined when the 304 is about another
 * response, and changes nothing of this one.
 */
export function freshened(
  stored: StoredResponse,
  fields: readonly FieldLine[],
  exchanged: Exchanged,
): StoredResponse | undefined {
  if (!isAbout(stored, fields)) return undefined;
  return withFields(stored, fields, exchanged);
}

/** The stored response with what the answer to a HEAD says; undefined when that is about another (section 4.3.5). */
export function updatedByHead(
  stored: StoredResponse,
  status: number,
  fields: readonly FieldLine[],
  exchanged: Exchanged,
): StoredResponse | undefined {
  const length = fieldValue(fields, 'content-length');
  const isSame =
    status === 200 &&
    stored.status === 200 &&
    fieldValue(fields, 'etag') === stored.etag &&
    fieldValue(fields, 'last-modified') === fieldValue(stored.fields, 'last-modified') &&
    (length === undefined || length === String(stored.body.length));
  return isSame ? withFields(stored, fields, exchanged) : undefined;
}

function withFields(
  stored: StoredResponse,
  fields: readonly FieldLine[],
  exchanged: Exchanged,
): StoredResponse {
  const news = without(fields, ...OF_THE_BODY);
  const replaced = news.map(([name]) => name.toLowerCase());
  // Without a date of its own the answer is of now, and so is what it says.
  const merged = [...without(stored.fields, 'date', ...replaced), ...news];
  return new StoredResponse(storedHeadOf({ status: stored.status, fields: merged }, exchanged), stored.body);
}

function isAbout(stored: StoredResponse, fields: readonly FieldLine[]): boolean {
  const etag = fieldValue(fields, 'etag');
  if (etag !== undefined && stored.etag !== undefined) {
    const [theirs, ours] = [parseEntityTag(etag), parseEntityTag(stored.etag)];
    if (theirs === undefined || ours === undefined) return etag === stored.etag;
    return theirs.weak ? matchesWeakly(theirs, ours) : matchesStrongly(theirs, ours);
  }
  const lastModified = fieldValue(fields, 'last-modified');
  return (
    lastModified === undefined ||
    etag !== undefined ||
    lastModified === fieldValue(stored.fields, 'last-modified')
  );
}
