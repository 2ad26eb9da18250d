/**
 * How long a response is fresh, and how old it is (RFC 9111 section 4.2). Pure; all times in milliseconds,
 * moments since the epoch.
 */
import { splitList } from '../../http/field-lists.js';
import { parseHttpDate } from '../../http/http-date.js';
import { type FieldLine, fieldValue } from '../fields.js';
import { deltaSeconds, type ResponseDirectives } from './directives.js';

/** Status codes whose responses may be kept though nothing is said of it (RFC 9110 section 15.1). */
const HEURISTICALLY_CACHEABLE = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** Of the time since the last change, this part is taken for fresh (section 4.2.2). */
const HEURISTIC_PART = 0.1;
const MAX_HEURISTIC_MS = 24 * 60 * 60 * 1000;

/** When a request left and its response came. */
export interface Exchanged {
  readonly requestedMs: number;
  readonly receivedMs: number;
}

/**
 * The moment of a field that holds a date; undefined when it is absent, repeated or no date. Names of days, months
 * and the time zone are read in any case, as a cache should (section 4.2).
 */
export function dateOf(fields: readonly FieldLine[], name: string, nowMs: number): number | undefined {
  const value = fieldValue(fields, name);
  return value === undefined ? undefined : parseHttpDate(inUsualCase(value), nowMs);
}

/** True when the origin says itself how long the response is fresh. */
export function isExplicit(fields: readonly FieldLine[], directives: ResponseDirectives): boolean {
  const { maxAge, sMaxAge, isTargeted } = directives;
  if (sMaxAge !== undefined || maxAge !== undefined) return true;
  return !isTargeted && fieldValue(fields, 'expires') !== undefined;
}

/** True when a response that says nothing of its freshness may be kept all the same. */
export function isHeuristicallyCacheable(status: number, directives: ResponseDirectives): boolean {
  return directives.public || HEURISTICALLY_CACHEABLE.has(status);
}

/** How long a response is fresh, from when it was made; 0: never (section 4.2.1). */
export function freshnessLifetimeMs(
  status: number,
  fields: readonly FieldLine[],
  directives: ResponseDirectives,
  receivedMs: number,
): number {
  const { maxAge, sMaxAge } = directives;
  const said = sMaxAge ?? maxAge;
  if (said !== undefined) return said * 1000;
  const dateMs = dateOf(fields, 'date', receivedMs) ?? receivedMs;
  // What is no date is a moment that has passed (section 5.3).
  if (isExplicit(fields, directives)) {
    return Math.max(0, (dateOf(fields, 'expires', receivedMs) ?? dateMs) - dateMs);
  }
  // What is for one visitor is not handed to others on a guess.
  if (!isHeuristicallyCacheable(status, directives) || fieldValue(fields, 'set-cookie') !== undefined)
    return 0;
  const changedMs = dateOf(fields, 'last-modified', receivedMs) ?? dateMs;
  return Math.min(MAX_HEURISTIC_MS, Math.max(0, dateMs - changedMs) * HEURISTIC_PART);
}

/** How old a response was when it came: `corrected_initial_age` (section 4.2.3). */
export function initialAgeMs(fields: readonly FieldLine[], { requestedMs, receivedMs }: Exchanged): number {
  const dateMs = dateOf(fields, 'date', receivedMs) ?? receivedMs;
  const apparentMs = Math.max(0, receivedMs - dateMs);
  return Math.max(apparentMs, saidAgeMs(fields) + receivedMs - requestedMs);
}

/** How old a response is: `current_age` (section 4.2.3). */
export function currentAgeMs(
  { initialAgeMs, receivedMs }: { readonly initialAgeMs: number; readonly receivedMs: number },
  nowMs: number,
): number {
  return initialAgeMs + Math.max(0, nowMs - receivedMs);
}

/** `Age: …` with its line end (section 5.1). */
export function ageLine(ageMs: number): string {
  return `Age: ${Math.floor(ageMs / 1000)}\r\n`;
}

/** Of a list the first counts; what is no number does not (section 5.1). */
function saidAgeMs(fields: readonly FieldLine[]): number {
  const [first = ''] = splitList(fieldValue(fields, 'age') ?? '');
  return (deltaSeconds(first) ?? 0) * 1000;
}

function inUsualCase(date: string): string {
  return date
    .replaceAll(/[a-z]+/gi, (word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .replace(/ Gmt$/, ' GMT');
}
