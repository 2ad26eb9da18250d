/**
 * The reducer threads of a worker process. Those that run the user's module run nothing else: whatever it does to its
 * thread, jobs with a built-in reducer do not notice.
 */
import { JobError } from './api.js';
import { Assignment } from './reducing/assignment.js';
import type { ThreadOptions } from './reducing/thread-handle.js';
import { ThreadPool } from './reducing/thread-pool.js';
import type { Reducing, Reduction, ReductionOptions } from './reduction.js';

export interface ReducerThreadsOptions extends Partial<ThreadOptions> {
  /** How many jobs of each kind share at most. */
  readonly threads: number;
}

const DEFAULTS: ThreadOptions = { callMs: 60_000, lookMs: 500, heapMb: 512 };

/** See the file's header. */
export class ReducerThreads implements Reducing {
  readonly #builtIn: ThreadPool;
  readonly #module: ThreadPool;
  readonly #begun = new Set<Assignment>();
  #isClosed = false;

  constructor({ threads, ...given }: ReducerThreadsOptions) {
    const options = { ...DEFAULTS, ...given };
    // One of them holds values (merge-json), of which there are several times as many bytes as in its parts.
    this.#builtIn = new ThreadPool(threads, { ...options, heapMb: options.heapMb * 4 });
    this.#module = new ThreadPool(threads, options);
  }

  begin(options: ReductionOptions): Reduction {
    if (this.#isClosed) throw new JobError('owner-lost', 'the reducer threads have ended');
    const assignment = new Assignment(options);
    this.#begun.add(assignment);
    void assignment.over.then(() => this.#begun.delete(assignment));
    const pool = options.reducer === 'module' ? this.#module : this.#builtIn;
    pool.take(assignment);
    return assignment;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#builtIn.close(), this.#module.close()]);
    await Promise.all([...this.#begun].map(({ over }) => over));
  }
}
