/**
 * Makes records of a job durable, and the files that they speak of: everything that comes while a batch is written
 * goes with the next one, so that many parts share one fsync.
 */
import { link, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../durable.js';
import { systemCode } from '../errors.js';
import type { Journal, NewRecord, StoredRecord } from './journal.js';
import { storageError } from './storage.js';

/** Records of one batch. */
const MAX_BATCH = 512;

/** A file that is to lie among the parts before a record says so. It keeps its other name. */
export interface Move {
  readonly from: string;
  readonly name: string;
}

interface Pending {
  readonly record: NewRecord;
  readonly move: Move | undefined;
  readonly done: (stored: StoredRecord) => void;
  readonly failed: (error: Error) => void;
}

export class Commits {
  readonly #journal: Journal;
  readonly #partsPath: string;
  #pending: Pending[] = [];
  #running: Promise<void> | undefined;

  constructor(journal: Journal, partsPath: string) {
    this.#journal = journal;
    this.#partsPath = partsPath;
  }

  /**
   * Calls `done` when the record is durable, before any that comes later; then resolves. Rejects with JobError when it
   * is not durable, and then it is not there.
   */
  append(record: NewRecord, done: (stored: StoredRecord) => void, move?: Move): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (stored: StoredRecord): void => {
        done(stored);
        resolve();
      };
      this.#pending.push({ record, move, done: settle, failed: reject });
      this.#running ??= this.#commitAll();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #commitAll(): Promise<void> {
    while (this.#pending.length > 0) await this.#commit(this.#pending.splice(0, MAX_BATCH));
    // At once: whoever comes now has to begin again.
    this.#running = undefined;
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const placed = await this.#placeAll(batch);
    try {
      if (placed.some(({ move }) => move !== undefined)) await syncDirectory(this.#partsPath);
      const offsets = await this.#journal.append(placed.map(({ record }) => record));
      for (const [i, { record, done }] of placed.entries())
        done({ entry: record.entry, contentOffset: offsets[i]! });
    } catch (error) {
      await this.#takeBack(placed);
      for (const { failed } of placed) failed(storageError(error));
    }
  }

  /** Puts files where they are to be. Returns those that can go on: what is wrong with one of them is no other's fault. */
  async #placeAll(batch: readonly Pending[]): Promise<readonly Pending[]> {
    const placing = batch.map(async ({ move }) => {
      if (move !== undefined) await place(move.from, join(this.#partsPath, move.name));
    });
    const outcomes = await Promise.allSettled(placing);
    return batch.filter(({ failed }, i) => {
      const outcome = outcomes[i]!;
      if (outcome.status === 'rejected') failed(storageError(outcome.reason));
      return outcome.status === 'fulfilled';
    });
  }

  async #takeBack(batch: readonly Pending[]): Promise<void> {
    // Its end may still speak of them: whoever opens it again decides.
    if (this.#journal.isBroken) return;
    const removing = batch.map(async ({ move }) => {
      if (move !== undefined) await rm(join(this.#partsPath, move.name), { force: true });
    });
    // What cannot be removed now is found to be unknown when the job is opened again.
    await Promise.allSettled(removing);
  }
}

/** Gives a file a second name; moves it where the file system knows no second names. Rejects with the system's error. */
async function place(from: string, to: string): Promise<void> {
  // A file of that name has no record: it is of an attempt that did not become durable.
  await rm(to, { force: true });
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(systemCode(error))) throw error;
    await rename(from, to);
  }
}
