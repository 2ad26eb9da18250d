/** Which file a request is about, and whether it may be written at all. */
import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { DotfilePolicy, SymlinkPolicy } from '../../config/settings.js';
import { systemCode } from '../../errors.js';
import { tokenNameOf } from '../../tokens/names.js';
import { encodePath, parsePath } from '../paths.js';
import { isAllowed, isInside, pathBelow } from '../safety.js';
import { Refusal } from './refusal.js';

export interface TargetRules {
  /** DOCUMENT_ROOT; may be a link. */
  readonly documentRoot: string;
  readonly dotfiles: DotfilePolicy;
  readonly followSymlinks: SymlinkPolicy;
  /** Absolute paths of files that are the server's own. */
  readonly withheld: readonly string[];
  readonly isWritable: (urlPath: string) => boolean;
}

/** A name in a directory that exists. */
export interface Target {
  /** Real path of the document root. */
  readonly root: string;
  /** Absolute; its directory is a real path. */
  readonly path: string;
  /** From the root down, links in the directory resolved: tokens go by this name. */
  readonly segments: readonly string[];
  /** As it was asked for, percent-encoded. */
  readonly urlPath: string;
  /** The client means a directory. */
  readonly isDirectoryPath: boolean;
  readonly token: string;
}

/** Rejects with Refusal. @param raw the path as received, without query */
export async function resolveTarget(raw: string, rules: TargetRules): Promise<Target> {
  const asked = parsePath(raw, rules.dotfiles);
  if (asked === 'bad-request') throw new Refusal(400, 'The path is not well formed.');
  if (asked === 'missing') throw new Refusal(403, 'This name cannot be written.');
  const { segments, trailingSlash } = asked;
  const urlPath = encodePath(segments);
  if (segments.length === 0) throw new Refusal(403, 'The root itself cannot be written.');
  if (!rules.isWritable(`/${segments.join('/')}`)) {
    throw new Refusal(403, 'This path cannot be written here (WRITABLE).');
  }
  const root = await realpath(rules.documentRoot);
  const parent = pathBelow(root, segments.slice(0, -1));
  const directory = await realDirectory(parent);
  if (
    !isInside(directory, root) ||
    !isAllowed(parent, directory, { root, followSymlinks: rules.followSymlinks })
  ) {
    throw new Refusal(403, 'This lies outside of what is served.');
  }
  const path = join(directory, segments.at(-1)!);
  if (await isWithheld(path, rules.withheld)) throw new Refusal(403, 'This file is the server’s own.');
  const real = relative(root, path).split('/');
  // A link in the directory may lead to where this client may not write.
  if (!rules.isWritable(`/${real.join('/')}`) || parsePath(encodePath(real), rules.dotfiles) === 'missing') {
    throw new Refusal(403, 'This path cannot be written here (WRITABLE).');
  }
  return {
    root,
    path,
    segments: real,
    urlPath,
    isDirectoryPath: trailingSlash,
    token: tokenNameOf(real, false),
  };
}

/** What is there now, a link itself; undefined: nothing. */
export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function realDirectory(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
  throw new Refusal(409, 'The directory that this is to be in does not exist. Make it first (MKCOL).');
}

/**
 * The same of what lies in a directory that is changed as a whole. Rejects with Refusal.
 *
 * @param segments its real names from the root down
 */
export async function checkEntry(
  path: string,
  segments: readonly string[],
  { isWritable, withheld }: TargetRules,
): Promise<void> {
  if (!isWritable(`/${segments.join('/')}`) || (await isWithheld(path, withheld))) {
    throw new Refusal(403, 'Not all that is in this directory can be written (WRITABLE).');
  }
}

async function isWithheld(path: string, withheld: readonly string[]): Promise<boolean> {
  for (const other of withheld) {
    if (basename(other) !== basename(path)) continue;
    try {
      if ((await realpath(dirname(other))) === dirname(path)) return true;
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
  return false;
}
