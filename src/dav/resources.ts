/**
 * The files and directories below the document root as WebDAV sees them: what may be served, by its own name, without
 * index files, clean URLs or listings. Reads metadata only; entity tags are for etags.ts.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { systemCode } from '../errors.js';
import type { LookupRules } from '../files/found.js';
import { isAddressable, isHidden, RESERVED } from '../files/paths.js';
import { isAllowedByName, isInside, pathBelow } from '../files/safety.js';
import type { Segments } from './record-tree.js';

/** The part of the rules that says what may be seen. `root` is a real path. */
export type Sight = Pick<LookupRules, 'root' | 'dotfiles' | 'followSymlinks' | 'withheld' | 'maxBodyBytes'>;

export interface Resource {
  /** As it was asked for. */
  readonly segments: Segments;
  /** Links in its directory resolved: what it is known by (see Target). */
  readonly key: Segments;
  readonly isCollection: boolean;
  readonly stat: BigIntStats;
  /** On disk. */
  readonly path: string;
}

/** What is there under a name; undefined: nothing that may be seen. Rejects with the system's error. */
export async function resourceAt(segments: Segments, sight: Sight): Promise<Resource | undefined> {
  if (segments[0] === RESERVED) return undefined;
  if (segments.some((name, depth) => isHidden(name, depth, sight.dotfiles))) return undefined;
  const path = pathBelow(sight.root, segments);
  if (!isAllowedByName(path, sight)) return undefined;
  const key = await keyOf(segments, sight);
  return resourceOf({ segments, key, path }, await ifThere(stat(path, { bigint: true })), sight);
}

/** What a name is known by, whether it is there or not. Rejects with the system's error. */
export async function keyOf(segments: Segments, { root }: Pick<Sight, 'root'>): Promise<Segments> {
  const last = segments.at(-1);
  if (last === undefined) return segments;
  return [...(await realNames(segments.slice(0, -1), root)), last];
}

/** The names of a directory with links resolved; as they are, where it lies elsewhere or is not there. */
async function realNames(segments: Segments, root: string): Promise<Segments> {
  const real = await ifThere(realpath(pathBelow(root, segments)));
  if (real === undefined || !isInside(real, root)) return segments;
  return relative(root, real).split('/').filter(Boolean);
}

/** What lies in a collection, in no order. Rejects with the system's error. */
export async function* membersOf(collection: Resource, sight: Sight): AsyncGenerator<Resource> {
  const depth = collection.segments.length;
  const directory = await ifThere(opendir(collection.path));
  if (directory === undefined) return;
  const keys = await realNames(collection.segments, sight.root);
  for await (const { name } of directory) {
    if (isHidden(name, depth, sight.dotfiles) || !isAddressable(name) || name.includes('\ufffd')) continue;
    if (depth === 0 && name === RESERVED) continue;
    const path = pathBelow(collection.path, [name]);
    let facts = await ifThere(lstat(path, { bigint: true }));
    if (facts?.isSymbolicLink()) {
      facts = isAllowedByName(path, sight) ? await ifThere(stat(path, { bigint: true })) : undefined;
    }
    const member = { segments: [...collection.segments, name], key: [...keys, name], path };
    const resource = resourceOf(member, facts, sight);
    if (resource !== undefined) yield resource;
  }
}

function resourceOf(
  name: Pick<Resource, 'segments' | 'key' | 'path'>,
  facts: BigIntStats | undefined,
  { withheld }: Sight,
): Resource | undefined {
  if (facts === undefined || withheld.includes(name.path)) return undefined;
  const isCollection = facts.isDirectory();
  return isCollection || facts.isFile() ? { ...name, isCollection, stat: facts } : undefined;
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
