/**
 * Finds what a request path means in the document root: a file, a directory's index or listing, the
 * canonical path to redirect to, or nothing. Reading is for read-file.ts, the boundary for safety.ts.
 *
 * Synchronous on purpose: this runs in a pool thread, where blocking is free and promises are not.
 */
import { closeSync, realpathSync } from 'node:fs';
import type { Found, LookupRules, LookupTask } from './found.js';
import { listDirectory } from './listing.js';
import { encodePath, parsePath } from './paths.js';
import { readFile } from './read-file.js';
import { isAllowedByName, openFile, pathBelow, statIfPresent } from './safety.js';
import { outcomeOf } from './trouble.js';

type Segments = readonly string[];

/** A lookup of one spelling of a path. */
interface Search {
  readonly rules: LookupRules;
  readonly known: string | undefined;
  readonly now: () => number;
}

const HTML = '.html';

/**
 * Answers a lookup. Never throws: the file system's errors become `missing`, `busy` or `failed`.
 *
 * @param now The clock, in milliseconds since the epoch.
 */
export function lookup(task: LookupTask, given: LookupRules, now: () => number = Date.now): Found {
  const asked = parsePath(task.rawPath, given.dotfiles);
  if (typeof asked === 'string') return { kind: 'missing' };
  try {
    // Asked each time: a root like `current -> release-7` is changed over by changing the link.
    const rules = { ...given, root: realpathSync.native(given.root) };
    const search: Search = { rules, known: task.known, now };
    const { segments, trailingSlash } = asked;
    const found = trailingSlash ? findDirectory(segments, search) : findNamed(segments, search);
    return found ?? { kind: 'missing' };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** `/docs/`: its index file, else its listing. */
function findDirectory(segments: Segments, search: Search): Found | undefined {
  for (const name of search.rules.indexFiles) {
    const found = read([...segments, name], search);
    if (found !== undefined) return found;
  }
  if (!search.rules.autoindex) return undefined;
  return listDirectory(segments, search.rules, search.known);
}

/** `/about`: the file of that name, else (clean URLs) about.html, else the directory's path proper. */
function findNamed(segments: Segments, search: Search): Found | undefined {
  const { rules } = search;
  const path = pathBelow(rules.root, segments);
  const stat = statIfPresent(path);
  if (stat?.isFile()) {
    return (
      (rules.cleanUrls ? redirectToClean(segments, segments, rules) : undefined) ?? read(segments, search)
    );
  }
  if (rules.cleanUrls) {
    const page = [...segments.slice(0, -1), segments.at(-1)! + HTML];
    const found = redirectToClean(page, segments, rules) ?? read(page, search);
    if (found !== undefined) return found;
  }
  if (stat?.isDirectory() && isAllowedByName(path, rules)) return redirect(segments, true);
  return undefined;
}

/**
 * The redirect from a request path to the clean path of the HTML file it led to: `/about.html` to
 * `/about`, `/docs/index.html` and `/docs/index` to `/docs/`. Undefined when the request is clean already,
 * or when the clean path would lead to another file (an `about` beside about.html; an earlier index).
 */
function redirectToClean(file: Segments, asked: Segments, rules: LookupRules): Found | undefined {
  const name = file.at(-1)!;
  if (!name.endsWith(HTML)) return undefined;
  const cleanName = name.slice(0, -HTML.length);
  const isClean = cleanName === asked.at(-1);
  const isIndex = rules.indexFiles.includes(name);
  if (isClean && !isIndex) return undefined;

  const parent = file.slice(0, -1);
  const isServable = (candidate: string) => canOpen([...parent, candidate], rules);
  // A redirect would tell that a file exists, so only for one that may be served.
  if (!isServable(name)) return undefined;
  if (isIndex && rules.indexFiles.find(isServable) === name) return redirect(parent, true);

  // `..html` without its ending would be a dot segment.
  if (isClean || /^\.{0,2}$/.test(cleanName)) return undefined;
  const clean = [...parent, cleanName];
  if (statIfPresent(pathBelow(rules.root, clean))?.isFile()) return undefined;
  return redirect(clean, false);
}

function redirect(segments: Segments, trailingSlash: boolean): Found {
  return { kind: 'redirect', location: encodePath(segments, trailingSlash) };
}

function canOpen(segments: Segments, rules: LookupRules): boolean {
  const file = openFile(pathBelow(rules.root, segments), rules);
  if (file === undefined) return false;
  closeSync(file.fd);
  return true;
}

function read(segments: Segments, { rules, known, now }: Search): Found | undefined {
  const path = pathBelow(rules.root, segments);
  return readFile({ path, urlPath: `/${segments.join('/')}`, known, now }, rules);
}
