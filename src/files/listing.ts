/**
 * Directory listings: which entries a client may see, in which order, and both forms of the answer. How
 * the page looks is for listing-page.ts.
 *
 * Synchronous on purpose: this runs in a pool thread.
 */

import { isUtf8 } from 'node:buffer';
import { closeSync, type Dirent, lstatSync, opendirSync, type Stats, statSync } from 'node:fs';
import type { Found, LookupRules } from './found.js';
import { contentEtag, digest } from './identity.js';
import { renderListing } from './listing-page.js';
import { isAddressable, isHidden } from './paths.js';
import { isAllowedByName, type Opened, openDirectory, pathBelow } from './safety.js';
import { ifReachable } from './trouble.js';

/** Entries shown. A page with more is of no use to anyone. */
export const MAX_ENTRIES = 10_000;
/** Names read from a directory, so that one with millions cannot occupy a thread for long. */
const MAX_NAMES = 100_000;
/** Names as bytes (the typings know only text encodings here), many at once. */
const RAW_NAMES = { encoding: 'buffer' as BufferEncoding, bufferSize: 1024 };

/** What a listing tells of one file or directory. */
export interface ListingEntry {
  readonly name: string;
  readonly type: 'directory' | 'file';
  /** Null for directories. */
  readonly sizeBytes: number | null;
  /** ISO 8601, UTC. */
  readonly modified: string;
}

/** A listing as sent to clients that ask for JSON. */
export interface Listing {
  /** Decoded URL path of the directory, ending in `/`. */
  readonly path: string;
  readonly entries: readonly ListingEntry[];
  /** True when the directory holds more than is shown. */
  readonly truncated: boolean;
}

/** A name worth showing, before the facts about it are fetched. */
interface Candidate {
  readonly name: string;
  readonly type: 'directory' | 'file';
  readonly isLink: boolean;
}

const collator = new Intl.Collator('en', { numeric: true });

/**
 * Lists a directory. Undefined when there is none that may be served; throws the system's error.
 *
 * @param known The identity already known; see LookupTask.
 */
export function listDirectory(
  segments: readonly string[],
  rules: LookupRules,
  known: string | undefined,
): Found | undefined {
  const directory = openDirectory(pathBelow(rules.root, segments), rules);
  if (directory === undefined) return undefined;
  try {
    const listing = readListing(directory, segments, rules);
    const json = JSON.stringify(listing);
    // A directory's own stamps say nothing of its files' sizes, so the identity is that of the content.
    const identity = `listing:${digest(json)}`;
    if (identity === known) return { kind: 'unchanged' };
    const html = renderListing(listing);
    return {
      kind: 'listing',
      urlPath: listing.path,
      identity,
      html: encode(html),
      json: encode(json),
      htmlEtag: contentEtag(html),
      jsonEtag: contentEtag(json),
    };
  } finally {
    closeSync(directory.fd);
  }
}

/** Directories first, then natural order (`2` before `10`); equal only for equal names. Pure. */
export function compareEntries(
  a: Pick<ListingEntry, 'name' | 'type'>,
  b: Pick<ListingEntry, 'name' | 'type'>,
): number {
  if (a.type !== b.type) return a.type === 'directory' ? -1 : 1;
  return collator.compare(a.name, b.name) || (a.name < b.name ? -1 : Number(a.name > b.name));
}

/** Reads the entries of an open directory; `segments` is its URL path. */
function readListing(directory: Opened, segments: readonly string[], rules: LookupRules): Listing {
  const { candidates, complete } = readCandidates(directory, segments.length, rules);
  candidates.sort(compareEntries);

  const entries: ListingEntry[] = [];
  for (const candidate of candidates.slice(0, MAX_ENTRIES)) {
    const entry = describe(candidate, `${directory.stablePath}/${candidate.name}`);
    if (entry !== undefined) entries.push(entry);
  }
  const truncated = !complete || candidates.length > MAX_ENTRIES;
  return { path: segments.length === 0 ? '/' : `/${segments.join('/')}/`, entries, truncated };
}

function readCandidates(
  opened: Opened,
  depth: number,
  rules: LookupRules,
): { candidates: Candidate[]; complete: boolean } {
  const candidates: Candidate[] = [];
  const directory = opendirSync(opened.stablePath, RAW_NAMES);
  try {
    for (let count = 0; count < MAX_NAMES; count++) {
      const dirent = directory.readSync() as Dirent<Buffer> | null;
      if (dirent === null) return { candidates, complete: true };
      // Names that no request can spell are not shown: the link would lead nowhere.
      if (!isUtf8(dirent.name)) continue;
      const name = dirent.name.toString('utf8');
      if (isHidden(name, depth, rules.dotfiles) || !isAddressable(name)) continue;
      const type = typeOf(dirent, pathBelow(opened.path, [name]), rules);
      if (type !== undefined) candidates.push({ name, type, isLink: dirent.isSymbolicLink() });
    }
    return { candidates, complete: directory.readSync() === null };
  } finally {
    directory.closeSync();
  }
}

/** What an entry is once links are followed; undefined for what is not served. */
function typeOf(
  entry: Dirent<Buffer> | Stats,
  path: string,
  rules: LookupRules,
): 'directory' | 'file' | undefined {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (!entry.isSymbolicLink() || !isAllowedByName(path, rules)) return undefined;
  const target = ifReachable(() => statSync(path));
  return target === undefined ? undefined : typeOf(target, path, rules);
}

/** The facts about an entry; undefined when it is gone since its name was read. */
function describe({ name, type, isLink }: Candidate, path: string): ListingEntry | undefined {
  const stat = ifReachable(() => (isLink ? statSync(path) : lstatSync(path)));
  if (stat === undefined) return undefined;
  const sizeBytes = type === 'file' ? stat.size : null;
  return { name, type, sizeBytes, modified: isoTime(stat.mtime) };
}

/** Far beyond any calendar, a file system's time is no Date any more. */
function isoTime(time: Date): string {
  return (Number.isNaN(time.getTime()) ? new Date(0) : time).toISOString();
}

function encode(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
