/**
 * How a worker knows that what it has in memory is still so, where files are written through the server: by a read
 * token, which is taken from it before anybody writes. The names of tokens are those of tokens/names.ts.
 */
import { tokenNameOf } from '../tokens/names.js';
import type { ReadGuard } from '../tokens/token-manager.js';
import { parsePath } from './paths.js';
import type { Resource } from './resource.js';

/** What the store needs of a worker's tokens. */
export interface Coherence {
  /** Undefined when what is looked up now may be changed without our hearing of it. */
  guard(token: string): ReadGuard | undefined;
  /** Asks for one, for the next time. */
  want(token: string): void;
}

/** The file that a request path names, if it names one directly. */
export interface NamedFile {
  /** Decoded, as FoundFile has it. */
  readonly urlPath: string;
  readonly token: string;
}

/** @param rawPath as received, without query */
export function namedFile(rawPath: string, indexFile: string | undefined): NamedFile | undefined {
  const asked = parsePath(rawPath, 'serve');
  if (typeof asked === 'string') return undefined;
  const { trailingSlash } = asked;
  if (trailingSlash && indexFile === undefined) return undefined;
  const segments = trailingSlash ? [...asked.segments, indexFile!] : asked.segments;
  if (segments.length === 0) return undefined;
  return { urlPath: `/${segments.join('/')}`, token: tokenNameOf(segments, false) };
}

/**
 * True when nothing but a change of this file (or a form of it beside it) changes the answer. An absent file, a
 * listing, a redirect or a file reached over a link depends on more than one name: those are looked up each time.
 */
export function isOnly(file: NamedFile, resource: Resource): boolean {
  return resource.kind === 'file' && resource.isDirect && resource.urlPath === file.urlPath;
}
