/** Whether a stored response may answer a request without asking its origin (RFC 9111 section 4, RFC 5861). Pure. */
import type { RequestDirectives, ResponseDirectives } from './directives.js';

/** What a stored response is, at one moment; in milliseconds. */
export interface Aged {
  readonly directives: ResponseDirectives;
  readonly ageMs: number;
  readonly lifetimeMs: number;
}

export type Reuse =
  | 'fresh'
  /** Stale, and the client takes it so (`max-stale`). */
  | 'stale'
  /** Stale, and to be used while it is asked whether it has changed (`stale-while-revalidate`). */
  | 'revalidate'
  /** Stale, or not to be used unasked: the origin is asked first. */
  | 'expired'
  /** Fresh, but the client wants the origin asked. */
  | 'refused';

/** How a stored response may be used for a request. */
export function reuseOf({ directives, ageMs, lifetimeMs }: Aged, request: RequestDirectives): Reuse {
  if (directives.noCache) return 'expired';
  if (request.noCache) return 'refused';
  const staleMs = ageMs - lifetimeMs;
  const isFresh = staleMs < 0;
  if (ageMs > toMs(request.maxAge, Number.POSITIVE_INFINITY)) return isFresh ? 'refused' : 'expired';
  if (isFresh) return -staleMs < toMs(request.minFresh, 0) ? 'refused' : 'fresh';
  if (!mayBeStale(directives)) return 'expired';
  if (staleMs <= toMs(request.maxStale, -1)) return 'stale';
  return staleMs <= toMs(directives.staleWhileRevalidate, -1) ? 'revalidate' : 'expired';
}

/**
 * Whether a stored response may be used because its origin fails.
 *
 * @param isDown there is no answer at all, which is another thing than one that tells of an error (section 4.2.4)
 * @param whenDownMs how stale it may be then, if nothing was said of that
 */
export function mayReplaceError(
  { directives, ageMs, lifetimeMs }: Aged,
  request: RequestDirectives,
  isDown: boolean,
  whenDownMs: number,
): boolean {
  if (!mayBeStale(directives) || directives.noCache) return false;
  const said = request.staleIfError ?? directives.staleIfError;
  return ageMs - lifetimeMs <= toMs(said, isDown ? whenDownMs : -1);
}

/** `s-maxage` says what `proxy-revalidate` says, too (section 5.2.2.10). */
function mayBeStale({ mustRevalidate, proxyRevalidate, sMaxAge }: ResponseDirectives): boolean {
  return !mustRevalidate && !proxyRevalidate && sMaxAge === undefined;
}

function toMs(seconds: number | undefined, otherwise: number): number {
  return seconds === undefined ? otherwise : seconds * 1000;
}
