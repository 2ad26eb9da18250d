/**
 * The tasks of files/ as the worker's loop sees them: promises, whatever thread does the work.
 */
import { messageOf } from '../errors.js';
import type { Coding } from '../http/reply.js';
import { type PoolCounters, ThreadPool } from '../pool/pool.js';
import { codingsAvailable } from './compress.js';
import type { Found, LookupRules, LookupTask } from './found.js';
import type { FileTasks } from './store.js';
import type { FileThreadData } from './thread.js';

export interface PoolTasksOptions {
  readonly rules: LookupRules;
  readonly threads: number;
  /** Tasks that may wait for a thread; more are refused as `busy`. */
  readonly maxQueue: number;
  /** Told of a thread that died while it had no task. */
  readonly onThreadError: (error: unknown) => void;
}

/** File tasks done by a thread pool of their own. */
export class PoolTasks implements FileTasks {
  readonly codings = codingsAvailable();
  readonly #pool: ThreadPool<typeof import('./thread.js')>;

  constructor({ rules, threads, maxQueue, onThreadError }: PoolTasksOptions) {
    const data: FileThreadData = { rules };
    const entry = new URL('./thread.js', import.meta.url);
    this.#pool = new ThreadPool({ entry, threads, maxQueue, data, onThreadError });
  }

  /** Starts the threads, which the first task would do otherwise. */
  start(): void {
    this.#pool.start();
  }

  /** Never rejects: a pool that is full or has lost the thread is an answer too. */
  async lookup(task: LookupTask): Promise<Found> {
    try {
      return await this.#pool.run('lookup', task);
    } catch (error) {
      return { kind: 'busy', reason: messageOf(error) };
    }
  }

  /** Rejects with HandoverError or what the thread died of. The bytes are copied: the cache keeps its own. */
  compress(bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
    return this.#pool.run('compress', { bytes, coding });
  }

  get counters(): PoolCounters {
    return this.#pool.counters;
  }

  /** Ends the threads at once; tasks that run or wait fail. */
  close(): Promise<void> {
    return this.#pool.close();
  }
}
