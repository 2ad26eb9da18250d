/**
 * Memory that several processes see: mmap(2) of a file they share. The file must have space for all that is
 * touched, or the process is ended by SIGBUS: write zeros first, which reports a full disk.
 */

import { MAP_SHARED, MFD_CLOEXEC, PROT_READ_WRITE } from './constants.js';
import { loadKoffi } from './koffi.js';
import { checked, libc, systemError } from './libc.js';

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Nothing of `buffer` may be touched afterwards. */
  unmap(): void;
}

/** The first bytes of a file as memory. @throws the system's error */
export function mapFile(fd: number, lengthBytes: number): Mapping {
  const calls = libc();
  const address = calls.mmap(null, lengthBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (BigInt.asUintN(64, BigInt(address)) === MAP_FAILED) throw systemError('mmap', -calls.errno());
  return {
    buffer: loadKoffi().view(address, lengthBytes),
    unmap: () => {
      calls.munmap(address, lengthBytes);
    },
  };
}

/** A file in memory, without a name that anybody could open: memfd_create(2). */
export function memoryFile(name: string): number {
  return checked('memfd_create', libc().memfd_create(name, MFD_CLOEXEC));
}
