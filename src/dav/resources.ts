/**
 * The files and directories below the document root as WebDAV sees them: what may be served, by its own name, without
 * index files, clean URLs or listings. Reads metadata only; entity tags are for etags.ts.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { systemCode } from '../errors.js';
import type { LookupRules } from '../files/found.js';
import { isAddressable, isHidden } from '../files/paths.js';
import { isAllowedByName, pathBelow } from '../files/safety.js';
import type { Segments } from './record-tree.js';

/** The part of the rules that says what may be seen. `root` is a real path. */
export type Sight = Pick<LookupRules, 'root' | 'dotfiles' | 'followSymlinks' | 'withheld' | 'maxBodyBytes'>;

export interface Resource {
  readonly segments: Segments;
  readonly isCollection: boolean;
  readonly stat: BigIntStats;
  /** On disk. */
  readonly path: string;
}

/** The server's own directory, in the root. */
const RESERVED = '.handover';

/** What is there under a name; undefined: nothing that may be seen. Rejects with the system's error. */
export async function resourceAt(segments: Segments, sight: Sight): Promise<Resource | undefined> {
  if (segments[0] === RESERVED) return undefined;
  if (segments.some((name, depth) => isHidden(name, depth, sight.dotfiles))) return undefined;
  const path = pathBelow(sight.root, segments);
  if (!isAllowedByName(path, sight)) return undefined;
  return resourceOf(segments, path, await ifThere(stat(path, { bigint: true })), sight);
}

/** What lies in a collection, in no order. Rejects with the system's error. */
export async function* membersOf(collection: Resource, sight: Sight): AsyncGenerator<Resource> {
  const depth = collection.segments.length;
  const directory = await ifThere(opendir(collection.path));
  if (directory === undefined) return;
  for await (const { name } of directory) {
    if (isHidden(name, depth, sight.dotfiles) || !isAddressable(name) || name.includes('\ufffd')) continue;
    if (depth === 0 && name === RESERVED) continue;
    const path = pathBelow(collection.path, [name]);
    let facts = await ifThere(lstat(path, { bigint: true }));
    if (facts?.isSymbolicLink()) {
      facts = isAllowedByName(path, sight) ? await ifThere(stat(path, { bigint: true })) : undefined;
    }
    const member = resourceOf([...collection.segments, name], path, facts, sight);
    if (member !== undefined) yield member;
  }
}

function resourceOf(
  segments: Segments,
  path: string,
  facts: BigIntStats | undefined,
  { withheld }: Sight,
): Resource | undefined {
  if (facts === undefined || withheld.includes(path)) return undefined;
  const isCollection = facts.isDirectory();
  return isCollection || facts.isFile() ? { segments, isCollection, stat: facts, path } : undefined;
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'ENAMETOOLONG'].includes(systemCode(error)))
      return undefined;
    throw error;
  }
}
