/** Finds the path that was meant by one that does not exist. Looks at directories only, opens no file. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { systemCode } from '../errors.js';
import { nearest } from './suggest.js';

/** What is at a path: `missing` also when a part on the way is a file, `denied` when we may not look. */
export type Kind = 'file' | 'directory' | 'other' | 'missing' | 'denied';

/** Follows symbolic links. */
export function kindAt(path: string): Kind {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return 'directory';
    return stat.isFile() ? 'file' : 'other';
  } catch (error) {
    const denied = systemCode(error) === 'EACCES' || systemCode(error) === 'EPERM';
    return denied ? 'denied' : 'missing';
  }
}

/**
 * An existing path of the wanted kind that differs from the missing one in one misspelt name, or undefined.
 *
 * @param path absolute
 */
export function nearestPath(path: string, wanted: 'file' | 'directory'): string | undefined {
  let ancestor = dirname(path);
  while (kindAt(ancestor) !== 'directory' && ancestor !== dirname(ancestor)) ancestor = dirname(ancestor);
  const [lost = '', ...rest] = relative(ancestor, path).split(sep);
  const found = nearest(lost, namesIn(ancestor));
  if (found === undefined) return undefined;
  const candidate = join(ancestor, found, ...rest);
  return kindAt(candidate) === wanted ? candidate : undefined;
}

/** A suggestion is a courtesy: a directory that cannot be read has none to offer. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
