/**
 * The directory of one cache process, where its shared memory has names: /dev/shm/handover-PID-START, for this
 * user only. PID and START (clock ticks since the machine was started) name a process for good, so what a
 * killed one has left can be told from what is in use.
 *
 *     arena                 the index and the ring of objects, while the process lives
 *     body-N                the body of a large object, while it is stored
 *     segment-PID-EPOCH-N   made by a worker, and without a name as soon as the cache has opened it
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, isAlive } from '../posix/process-info.js';

const NAME = /^handover-(\d+-\d+)$/;
/** Names that a worker may give to the files in it. */
const SEGMENT_NAME = /^segment-[0-9a-f-]{1,60}$/;
const ZEROS = Buffer.alloc(1024 * 1024);

/** Where memory is files: tmpfs on Linux. Elsewhere these are files on disk, which the system keeps in its cache. */
export function memoryRoot(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}

/** Makes the directory of this process. @throws the system's error */
export function makeDirectory(root: string): string {
  const directory = join(root, `handover-${identityOf(process.pid)}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { mode: 0o700 });
  return directory;
}

/** Removes the directories of processes of this user that are gone. Returns how many there were. */
export function sweepDirectories(root: string): number {
  let count = 0;
  for (const name of readdirSync(root)) {
    const owner = NAME.exec(name)?.[1];
    if (owner === undefined || isAlive(owner)) continue;
    const path = join(root, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isDirectory() || stat.uid !== process.getuid?.()) continue;
    rmSync(path, { recursive: true, force: true });
    count++;
  }
  return count;
}

/** The file of a large body. */
export function bodyName(number: number): string {
  return `body-${number}`;
}

export function isSegmentName(name: string): boolean {
  return SEGMENT_NAME.test(name);
}

/** Bytes that files below a directory may still take. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/**
 * Makes a file of zeros, with space for all of it: memory that has none behind it ends a process that touches it.
 * The caller closes the descriptor.
 *
 * @throws the system's error, ENOSPC when there is no space; nothing is left then
 */
export function makeFile(path: string, lengthBytes: number): number {
  const fd = openSync(path, 'wx+', 0o600);
  try {
    for (let at = 0; at < lengthBytes; ) {
      at += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, lengthBytes - at), at);
    }
    return fd;
  } catch (error) {
    ftruncateSync(fd, 0);
    closeSync(fd);
    rmSync(path, { force: true });
    throw error;
  }
}
