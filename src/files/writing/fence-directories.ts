/**
 * Where what is to take the place of a file waits for it, in `.handover` below the document root. A change goes out of
 * a directory of its session's own, by rename(2), after the arbiter has said that the session holds the token. Whoever
 * takes the token away from a session that has not given it up removes that directory first: what the session does
 * later finds nothing to rename.
 *
 *     .handover/spool/<name>                         bodies on their way
 *     .handover/fence/<token>/<session>-<name>/new   whole and durable, about to be the file
 *     .handover/fence/<token>/<session>-<name>/old   what was removed
 *     .handover/trash/<name>                         about to be deleted
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../errors.js';

/** The name below the document root that the server keeps for itself. */
export const RESERVED = '.handover';

/** Directory of the sessions that change what this token is of. */
export function fencesOf(root: string, token: string): string {
  const name = createHash('sha256').update(token).digest('hex').slice(0, 32);
  return join(root, RESERVED, 'fence', name);
}

/** Makes a directory for one change. */
export async function makeFence(root: string, token: string, session: string): Promise<string> {
  const path = join(fencesOf(root, token), `${session}-${newName()}`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Stops what a session may still be about to do to what these tokens are of. */
export async function removeFencesOf(
  root: string,
  session: string,
  tokens: readonly string[],
): Promise<void> {
  for (const token of tokens) {
    const fences = fencesOf(root, token);
    for (const name of await namesIn(fences)) {
      if (name.startsWith(`${session}-`)) await discard(root, join(fences, name));
    }
  }
}

/** Stops what anybody may still be about to do to what a token is of. */
export async function removeFences(root: string, token: string): Promise<void> {
  const fences = fencesOf(root, token);
  for (const name of await namesIn(fences)) await discard(root, join(fences, name));
}

/** Takes a file or a tree away at once, and deletes it in its time. Resolves when it is away. */
export async function discard(root: string, path: string): Promise<void> {
  const trash = join(root, RESERVED, 'trash');
  await mkdir(trash, { recursive: true, mode: 0o700 });
  const away = join(trash, newName());
  try {
    await rename(path, away);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // What cannot be deleted now is when the server starts the next time.
  rm(away, { recursive: true, force: true }).catch(() => undefined);
}

/** A name that nothing has yet. */
export function newName(): string {
  return randomBytes(9).toString('hex');
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
