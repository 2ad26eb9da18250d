/** What the disk says when it takes nothing, and what makes names durable. */
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, systemCode } from '../errors.js';
import { JobError } from './api.js';

/** A failure to store, as its client hears of it. */
export function storageError(error: unknown): JobError {
  if (error instanceof JobError) return error;
  if (isFull(error)) return new JobError('storage-full', 'there is no room left where the jobs are kept');
  return new JobError('storage-failed', `it could not be stored: ${messageOf(error)}`);
}

/** There is no room: on the disk, in the user's quota, or for more in one file (write(2)). */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(error));
}

/** Writes all of it at a place in a file: one write(2) may take less. Rejects with the system's error. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Makes the names in a directory durable (fsync(2)). Rejects with the system's error. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
