/** A part of the list of tokens, which can be long. Pure. */
import type { TokenListing } from '../../tokens/listing.js';
import { BadLockRequest } from './lock-request.js';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;

export interface TokenPage extends TokenListing {
  /** Files that the question is about, in this part and in others. */
  readonly matching: number;
  /** What to give as `after` for the next part; null: this is the last. */
  readonly next: string | null;
}

/**
 * The files that a query asks for, by name: `prefix`, what their paths begin with; `after`, the last one that was
 * seen; `limit`, how many.
 *
 * @throws BadLockRequest
 */
export function pageOf(listing: TokenListing, query: string): TokenPage {
  const wanted = new URLSearchParams(query);
  const prefix = wanted.get('prefix') ?? '';
  const path = prefix === '' || prefix.startsWith('/') ? prefix : `/${prefix}`;
  const limit = limitIn(wanted.get('limit'));
  const after = wanted.get('after') ?? '';
  const matching = listing.files.filter(({ file }) => file.startsWith(path));
  const rest = matching.filter(({ file }) => file > after);
  const files = rest.slice(0, limit);
  const next = rest.length > limit ? (files.at(-1)?.file ?? null) : null;
  return { ...listing, files, matching: matching.length, next };
}

function limitIn(text: string | null): number {
  if (text === null) return DEFAULT_LIMIT;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new BadLockRequest(`limit: must be a number from 1 to ${MAX_LIMIT}`);
}
