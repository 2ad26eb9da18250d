/**
 * Opens files and directories below the document root and nowhere else. What decides is the real path
 * of the descriptor that was opened, not of the name that was looked at before: a link that is swapped
 * between a check and its use changes nothing. What a URL means is for lookup.ts.
 *
 * Synchronous on purpose: this runs in a pool thread.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import type { LookupRules } from './found.js';
import { ifPresent, ifReachable } from './trouble.js';

/** The part of the rules that says where the boundary is and who may cross it. */
export type Boundary = Pick<LookupRules, 'root' | 'followSymlinks' | 'withheld'>;

/** A regular file or a directory, open for reading. Whoever opened it closes `fd`. */
export interface Opened {
  readonly fd: number;
  readonly stat: BigIntStats;
  /** Real path, all links resolved. */
  readonly path: string;
  /** A path that leads to what is open whatever its names are by now; `path` where there is no such thing. */
  readonly stablePath: string;
}

/** O_NONBLOCK: should a FIFO take the file's place after `stat`, opening it must not wait for a writer. */
const FILE_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const DIRECTORY_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_DIRECTORY;

/** Facts about what a name leads to, links followed; undefined when there is nothing. */
export function statIfPresent(path: string): BigIntStats | undefined {
  return ifPresent(() => statSync(path, { bigint: true, throwIfNoEntry: false }));
}

/**
 * Opens a regular file that the boundary allows. Undefined: there is none, or it is something else, or
 * it lies outside. Throws the system's error for everything else (EACCES, EMFILE, EIO).
 */
export function openFile(path: string, boundary: Boundary): Opened | undefined {
  // Looked at first because the mere opening of a device or a FIFO can have effects, and because a
  // name that is absent (most sidecars) costs far less without an exception.
  if (!statIfPresent(path)?.isFile()) return undefined;
  return openChecked(path, FILE_FLAGS, boundary, (stat) => stat.isFile());
}

/** Opens a directory for listing. Undefined and throws as `openFile`. */
export function openDirectory(path: string, boundary: Boundary): Opened | undefined {
  if (!statIfPresent(path)?.isDirectory()) return undefined;
  return openChecked(path, DIRECTORY_FLAGS, boundary, (stat) => stat.isDirectory());
}

/**
 * True when a name leads to something that the boundary allows, judged by name alone: for what is not
 * opened (a directory that may be entered but not read, an entry of a listing).
 */
export function isAllowedByName(path: string, boundary: Boundary): boolean {
  const real = ifReachable(() => realpathSync.native(path));
  return real !== undefined && isAllowed(path, real, boundary);
}

/** The symbolic link policy: may what was asked for as `path` be `real`? Pure. */
export function isAllowed(path: string, real: string, boundary: Omit<Boundary, 'withheld'>): boolean {
  switch (boundary.followSymlinks) {
    case 'always':
      return true;
    case 'never':
      // The root is a real path, so the two differ exactly when a link was followed below it.
      return real === path;
    case 'inside':
      return isInside(real, boundary.root);
  }
}

/** True when a real path is that of a file to be withheld, by whatever links either is reached. */
function isWithheld(real: string, { withheld }: Boundary): boolean {
  const name = basename(real);
  return withheld.some((path) => {
    if (basename(path) !== name) return false;
    return ifReachable(() => realpathSync.native(dirname(path))) === dirname(real);
  });
}

/** True when a real path is the root or below it. Pure. */
export function isInside(real: string, root: string): boolean {
  return real === root || real.startsWith(root.endsWith('/') ? root : `${root}/`);
}

/** A name below the root as a path: the lexical one, links not resolved. Pure. */
export function pathBelow(root: string, segments: readonly string[]): string {
  if (segments.length === 0) return root;
  return `${root === '/' ? '' : root}/${segments.join('/')}`;
}

function openChecked(
  path: string,
  flags: number,
  boundary: Boundary,
  isWanted: (stat: BigIntStats) => boolean,
): Opened | undefined {
  const fd = ifPresent(() => openSync(path, flags));
  if (fd === undefined) return undefined;
  let allowed = false;
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!isWanted(stat)) return undefined;
    const known = realPathByDescriptor(fd);
    const real = known ?? realPathByName(path, stat);
    if (real === undefined || !isAllowed(path, real, boundary)) return undefined;
    if (isWithheld(real, boundary)) return undefined;
    allowed = true;
    return { fd, stat, path: real, stablePath: known === undefined ? real : descriptorPath(fd) };
  } finally {
    if (!allowed) closeSync(fd);
  }
}

function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

const DELETED = ' (deleted)';

/**
 * Where an open file lies, as the Linux kernel knows it: free of races, because the descriptor cannot
 * change what it refers to. Undefined where there is no /proc.
 */
export function realPathByDescriptor(fd: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const path = ifPresent(() => readlinkSync(descriptorPath(fd)));
  // A file replaced by rename a moment ago is still whole and ours to serve under its old name.
  if (path?.endsWith(DELETED) && fstatSync(fd).nlink === 0) return path.slice(0, -DELETED.length);
  return path;
}

/**
 * Where an open file lies, by resolving its name once more. Undefined unless that leads to the very
 * file that was opened (device and inode), so a link swapped in between is noticed.
 */
export function realPathByName(path: string, opened: BigIntStats): string | undefined {
  const real = ifPresent(() => realpathSync.native(path));
  if (real === undefined) return undefined;
  const there = statIfPresent(real);
  return there?.dev === opened.dev && there.ino === opened.ino ? real : undefined;
}
