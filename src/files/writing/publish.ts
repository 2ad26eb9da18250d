/** Changes as they become visible: each by one rename(2), out of or into a fence directory, under the write token. */
import { link, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../durable.js';
import { systemCode } from '../../errors.js';
import type { CommitRecord } from '../../tokens/engine.js';
import { TokenError } from '../../tokens/token.js';
import type { Grant } from '../../tokens/token-manager.js';
import { discard, makeFence } from './fence-directories.js';
import type { Target } from './target.js';

/** Puts a durable file or tree in the place of the target. What it was is gone. */
export async function replace(
  target: Target,
  source: string,
  grant: Grant,
  session: string,
  record: CommitRecord,
  isCopy = false,
): Promise<void> {
  const fence = await makeFence(target.root, session);
  try {
    const inFence = join(fence, 'new');
    // A link, where the source stays for now; the target is one or the other.
    if (isCopy) await link(source, inFence);
    else await fencedRename(source, inFence, source);
    await grant.commit(record);
    await fencedRename(inFence, target.path, fence);
    await syncDirectory(dirname(target.path));
  } finally {
    await discard(target.root, fence);
  }
}

/** Takes the target away. */
export async function remove(target: Target, grant: Grant, session: string): Promise<void> {
  const fence = await makeFence(target.root, session);
  try {
    await grant.commit({ etag: '', bytes: 0 });
    await fencedRename(target.path, join(fence, 'old'), fence);
    await syncDirectory(dirname(target.path));
  } finally {
    await discard(target.root, fence);
  }
}

/** Without its fence directory, or what it has spooled, the session has lost its tokens, and nothing was changed. */
async function fencedRename(from: string, to: string, fence: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' && !(await exists(fence))) {
      throw new TokenError('stale', 'the token was given to others');
    }
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
