/** Whole directories: what is in them, and copies of them. */
import { mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../durable.js';
import { tokenNameOf } from '../../tokens/names.js';
import { copyDurably } from './copy.js';
import { checkEntry, type TargetRules } from './target.js';
import type { TokenSet } from './token-set.js';

/**
 * Wants the tokens of everything below a directory, and of itself as one. Links are not followed. Rejects with Refusal
 * when a part of it cannot be written.
 */
export async function wantTree(
  set: TokenSet,
  path: string,
  segments: readonly string[],
  rules: TargetRules,
): Promise<void> {
  set.write(segments, tokenNameOf(segments, true));
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const below = [...segments, entry.name];
    const at = join(path, entry.name);
    await checkEntry(at, below, rules);
    set.write(below, tokenNameOf(below, false));
    if (entry.isDirectory()) await wantTree(set, at, below, rules);
  }
}

/** Copies a directory with all that is in it, durably. Links are copied as links; what is neither is left out. */
export async function copyTree(from: string, to: string, isDeep: boolean): Promise<void> {
  await mkdir(to);
  const entries = isDeep ? await readdir(from, { withFileTypes: true }) : [];
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target, true);
    else if (entry.isFile()) await copyDurably(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
  }
  await syncDirectory(to);
}
