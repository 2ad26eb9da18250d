/** What the disk says when it takes nothing. */
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
