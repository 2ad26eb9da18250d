/**
 * What the file system's errors mean for a request. The table stands here alone, so that a lookup
 * either gets an answer or throws, and one place turns what was thrown into an outcome.
 */
import { messageOf, systemCode } from '../errors.js';
import type { NotFound } from './found.js';

/** There is nothing of that name. ENXIO: a socket, or a device without its driver. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL', 'ENXIO']);
/** There is, but not for this process: nothing for the client, a misconfiguration for the log. */
const FORBIDDEN = new Set(['EACCES', 'EPERM']);
/** Worth trying again: out of descriptors or memory, or a lease on the file is being broken. */
const BUSY = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY']);

/** True when an error says that a name does not exist, as opposed to that it could not be reached. */
export function isAbsent(error: unknown): boolean {
  return ABSENT.has(systemCode(error));
}

/** The outcome of a lookup that ended in an error; `reason` is one line for the log. */
export function outcomeOf(error: unknown): NotFound {
  if (isAbsent(error)) return { kind: 'missing' };
  const reason = messageOf(error);
  if (FORBIDDEN.has(systemCode(error))) return { kind: 'missing', reason };
  return { kind: BUSY.has(systemCode(error)) ? 'busy' : 'failed', reason };
}

/** The value of `action`, or undefined when the name it works on does not exist. Other errors pass. */
export function ifPresent<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** As `ifPresent`, and undefined too when this process may not reach what the name stands for. */
export function ifReachable<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isAbsent(error) || FORBIDDEN.has(systemCode(error))) return undefined;
    throw error;
  }
}
