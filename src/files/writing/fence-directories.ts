/**
 * Where what is to take the place of a file waits for it, in `.handover` below the document root. A change goes out of
 * a directory of its session's own, by rename(2), after the arbiter has said that the session holds the token. Whoever
 * takes its tokens away from a session that has not given them up removes that directory first: what the session does
 * later finds nothing to rename.
 *
 *     .handover/spool/<session>-<name>        bodies on their way
 *     .handover/fence/<session>-<name>/new    whole and durable, about to be the file
 *     .handover/fence/<session>-<name>/old    what was removed
 *     .handover/trash/<name>                  about to be deleted
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemCode } from '../../errors.js';
import { RESERVED } from '../paths.js';

const SPOOL = 'spool';
const FENCE = 'fence';
const TRASH = 'trash';
const OLD_MS = 60 * 60 * 1000;

/** Name of a file that does not exist yet, for what comes in. */
export function newSpoolPath(root: string, session: string): Promise<string> {
  return newPath(root, SPOOL, `${session}-`);
}

/** Makes a directory for one change. */
export async function makeFence(root: string, session: string): Promise<string> {
  const path = await newPath(root, FENCE, `${session}-`);
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** Stops what a session may still be about to do, and removes what it was receiving. */
export async function removeTracesOf(root: string, session: string): Promise<void> {
  for (const place of [FENCE, SPOOL]) {
    for (const path of await pathsIn(root, place)) {
      if (basename(path).startsWith(`${session}-`)) await discard(root, path);
    }
  }
}

/** Removes what servers have left that were killed: nobody has touched it for an hour. */
export async function sweep(root: string, nowMs: number): Promise<void> {
  for (const place of [SPOOL, FENCE, TRASH]) {
    for (const path of await pathsIn(root, place)) {
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && nowMs - found.ctimeMs > OLD_MS)
        await rm(path, { recursive: true, force: true });
    }
  }
}

/** Takes a file or a tree away at once, and deletes it in its time. Resolves when it is away. */
export async function discard(root: string, path: string): Promise<void> {
  const away = await newPath(root, TRASH);
  try {
    await rename(path, away);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // What cannot be deleted now is by a later sweep.
  rm(away, { recursive: true, force: true }).catch(() => undefined);
}

async function newPath(root: string, place: string, prefix = ''): Promise<string> {
  const directory = join(root, RESERVED, place);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return join(directory, prefix + randomBytes(9).toString('hex'));
}

async function pathsIn(root: string, place: string): Promise<string[]> {
  const directory = join(root, RESERVED, place);
  try {
    return (await readdir(directory)).map((name) => join(directory, name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
