/** Paths as people write them, as they go over the wire, and as names of files here. Pure. */
import { join } from 'node:path';
import { parsePath } from '../../files/paths.js';

/** What would end a path before its time: it is percent-encoded. */
const BREAKS_PATH = /[\0-\x20\x7f]/g;
/** The name of what is asked for by the path of a directory. */
const INDEX = 'index.html';

/** A path with its slash, one character for each byte of UTF-8, as `requestFor` wants it. */
export function wirePath(text: string): string {
  const path = Buffer.from(text.startsWith('/') ? text : `/${text}`, 'utf8').toString('latin1');
  return path.replaceAll(BREAKS_PATH, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/**
 * The name, below a directory, of the file that a path of the wire is kept in; undefined when there is none,
 * above all when it would lead out of that directory. `/docs/` is `docs/index.html`.
 */
export function localName(path: string): string | undefined {
  const parsed = parsePath(path, 'serve');
  if (typeof parsed === 'string') return undefined;
  const { segments, trailingSlash } = parsed;
  return join(...segments, ...(trailingSlash || segments.length === 0 ? [INDEX] : []));
}

/** The paths of a workload: one on each line; empty lines and those that begin with `#` say nothing. */
export function parseWorkload(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
