/**
 * A file on disk held open for one response. It was found and judged safe by a lookup; opening it again
 * must give the very same file, which its identity tells.
 */
import { type BigIntStats, closeSync, constants, fstatSync, open } from 'node:fs';
import { promisify } from 'node:util';
import { systemCode } from '../errors.js';
import type { CacheState, Reply } from '../http/reply.js';
import type { OpenFile } from '../transport/connection.js';
import type { DiskReply } from './decide.js';
import { identityOf } from './identity.js';

const openPath = promisify(open);
// Of an open file these take a microsecond or two, a thread to call them in ten times as much.
const statDescriptor = (fd: number): BigIntStats => fstatSync(fd, { bigint: true });

class DiskFile implements OpenFile {
  readonly fd: number;
  readonly #opened: BigIntStats;
  #closed = false;

  constructor(fd: number, opened: BigIntStats) {
    this.fd = fd;
    this.#opened = opened;
  }

  unchanged(): boolean {
    return isSameContent(this.#opened, statDescriptor(this.fd));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

/** True when an open file still holds what it held. Pure. */
export function isSameContent(opened: BigIntStats, now: BigIntStats): boolean {
  if (identityOf(opened) === identityOf(now)) return true;
  // Its last name was removed, most often by a rename over it: that moves ctime, and leaves the content.
  const isUnnamed = now.nlink === 0n && opened.nlink > 0n;
  return isUnnamed && now.size === opened.size && now.mtimeNs === opened.mtimeNs;
}

/**
 * Opens the file at a real path if it still is the one with `identity`; undefined when it is not, or is
 * gone. Rejects with the system's error for anything else, EMFILE among it.
 */
export async function openSame(path: string, identity: string): Promise<OpenFile | undefined> {
  let fd: number;
  try {
    fd = await openPath(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(systemCode(error))) return undefined;
    throw error;
  }
  try {
    const stats = statDescriptor(fd);
    if (identityOf(stats) === identity) return new DiskFile(fd, stats);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}

/** The reply whose body lies in a file; undefined when that is no longer the file that was decided on. */
export async function openReply(
  { variant, status, fields, parts }: DiskReply,
  state: CacheState,
): Promise<Reply | undefined> {
  const file = await openSame(variant.path, variant.identity);
  if (file === undefined) return undefined;
  return { status, fields, body: { file, parts }, cache: state, close: false };
}
