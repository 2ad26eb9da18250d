/**
 * The directories of jobs in JOBS_DIR: each comes and goes in one step, so that half of a job is never found. What is not
 * whole yet, or no longer, has a name with a dot in front, and is removed when its maker is dead.
 *
 *     .new-PID-TICKS-N   is being made by the process with that pid, started at that tick
 *     .removed-PID-N     is being removed
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../durable.js';
import { messageOf, systemCode } from '../errors.js';
import { identityOf, isAlive } from '../posix/process-info.js';
import { JobError } from './api.js';
import type { JobRecord } from './job-record.js';
import { Journal, type JournalEntry } from './journal.js';
import { isUnfinished } from './reducing/result-file.js';
import { storageError } from './storage.js';

const UNFINISHED = '.new-';
const REMOVED = '.removed-';

/** Makes one, durably, with a journal that begins with this entry. Rejects with JobError. */
export async function makeJob(directory: string, name: string, entry: JournalEntry): Promise<Journal> {
  const cradle = join(directory, `${UNFINISHED}${identityOf(process.pid)}-${process.hrtime.bigint()}`);
  let journal: Journal | undefined;
  try {
    await mkdir(join(cradle, 'parts'), { recursive: true, mode: 0o700 });
    journal = await Journal.create(join(cradle, 'journal'), [{ entry }]);
    await syncDirectory(cradle);
    // Not in place of what somebody else has put there.
    await rename(cradle, join(directory, name));
    await syncDirectory(directory);
    return journal;
  } catch (error) {
    await journal?.close();
    await rm(cradle, { recursive: true, force: true }).catch(() => undefined);
    if (!isTaken(error)) throw storageError(error);
    throw new JobError('storage-failed', `JOBS_DIR has something else called ${name}`);
  }
}

/** Removes one, durably. Rejects with JobError when it is still there; what is left else is reported. */
export async function removeJob(
  directory: string,
  name: string,
  report: (problem: string) => void,
): Promise<void> {
  const grave = join(directory, `${REMOVED}${process.pid}-${process.hrtime.bigint()}`);
  try {
    await rename(join(directory, name), grave);
    await syncDirectory(directory);
  } catch (error) {
    throw storageError(error);
  }
  await rm(grave, { recursive: true, force: true }).catch((error) => {
    report(`what is left of the removed job ${name} is in ${grave}: ${messageOf(error)}`);
  });
}

/** Removes the rest of what was being made, or removed, when a worker died. Rejects with the system's error. */
export async function buryJobs(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const maker = name.startsWith(UNFINISHED)
      ? /^\d+-\d+/.exec(name.slice(UNFINISHED.length))?.[0]
      : undefined;
    if (name.startsWith(REMOVED) || (maker !== undefined && !isAlive(maker)))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/**
 * Removes from the directory of a job what did not become durable: parts that the journal knows nothing of, and results
 * whose writer is dead. Rejects with the system's error.
 */
export async function sweepJob(path: string, { parts }: JobRecord): Promise<void> {
  const isUnknown = (name: string): boolean =>
    parts.get(name)?.contentOffset !== undefined || !parts.has(name);
  await sweep(join(path, 'parts'), isUnknown);
  await sweep(path, isUnfinished);
}

async function sweep(path: string, isRemoved: (name: string) => boolean): Promise<void> {
  const names = (await readdir(path)).filter(isRemoved);
  await Promise.all(names.map((name) => rm(join(path, name), { force: true })));
}

function isTaken(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error));
}
