/**
 * Which thread a job is in. Jobs share a few threads, and take turns there. A job that holds its thread up keeps it for
 * itself, and the others begin again in another one; a job that may have ended its thread begins again in one of its own.
 */
import { JobError } from '../api.js';
import { titleOf } from '../reducers/reducers.js';
import type { Assignment } from './assignment.js';
import { type ThreadEnd, type ThreadEvents, ThreadHandle, type ThreadOptions } from './thread-handle.js';

/** For each thread that is shared, so many more may belong to one job each. */
const OWN_PER_SHARED = 4;
/** A job fails when so many threads have ended under it, and nobody knows which job it was. */
const MOST_DEATHS = 3;
/** A job that has begun so often gets a thread of its own or stays where it is, so that it comes to its end. */
const MOST_STARTS = 8;

/** See the file's header. */
export class ThreadPool {
  readonly #most: number;
  readonly #options: ThreadOptions;
  readonly #shared = new Set<ThreadHandle>();
  readonly #own = new Set<ThreadHandle>();
  #isClosed = false;
  readonly #events: ThreadEvents = {
    onHeld: (thread, holder) => this.#onHeld(thread, holder),
    onIdle: (thread) => this.#onIdle(thread),
    onEnd: (thread, end) => this.#onEnd(thread, end),
  };

  /** @param threads how many are shared at most; they are started as they are needed */
  constructor(threads: number, options: ThreadOptions) {
    this.#most = threads;
    this.#options = options;
  }

  /** Puts it into a thread, where it begins. */
  take(assignment: Assignment): void {
    const isDoubtful = assignment.deaths > 0 || assignment.starts >= MOST_STARTS;
    const thread = isDoubtful && this.#hasRoom ? this.#begin(this.#own) : this.#leastBusy();
    thread.take(assignment);
  }

  /** Ends the threads. Resolves when all that they had to do was told that it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#shared, ...this.#own].map((thread) => thread.close()));
  }

  /** For one more thread that is not shared. */
  get #hasRoom(): boolean {
    return this.#own.size < this.#most * OWN_PER_SHARED;
  }

  /** A new one unless there is one that is idle, or there are enough. */
  #leastBusy(): ThreadHandle {
    const [best] = [...this.#shared].sort((a, b) => a.load - b.load);
    if (best !== undefined && (best.load === 0 || this.#shared.size === this.#most)) return best;
    return this.#begin(this.#shared);
  }

  #begin(set: Set<ThreadHandle>): ThreadHandle {
    const thread = new ThreadHandle(this.#options, this.#events);
    set.add(thread);
    return thread;
  }

  #onHeld(thread: ThreadHandle, holder: Assignment): void {
    if (this.#shared.has(thread)) {
      if (!this.#hasRoom) return;
      this.#shared.delete(thread);
      this.#own.add(thread);
      for (const other of thread.assignments) {
        if (other === holder || (other.starts >= MOST_STARTS && !this.#hasRoom)) continue;
        thread.letGo(other);
        this.take(other);
      }
    }
    // Nobody else is in it, and nobody waits for what it does.
    if (holder.isCancelled && thread.load === 1) void thread.close();
  }

  #onIdle(thread: ThreadHandle): void {
    if (this.#own.delete(thread)) void thread.close();
  }

  #onEnd(thread: ThreadHandle, { reason, culprit, part, assignments }: ThreadEnd): void {
    this.#shared.delete(thread);
    this.#own.delete(thread);
    for (const assignment of assignments) {
      const isCulprit = assignment === culprit;
      const title = titleOf(assignment.options, isCulprit ? part : undefined);
      if (culprit === 'unknown') assignment.deaths++;
      if (this.#isClosed || assignment.isCancelled) void assignment.end();
      else if (isCulprit) void assignment.end(new JobError('job-failed', `${title}: ${reason}`));
      else if (assignment.deaths === MOST_DEATHS) {
        const message = `${title}: ${reason}; ${MOST_DEATHS} threads have ended under this job`;
        void assignment.end(new JobError('job-failed', message));
      } else this.take(assignment);
    }
  }
}
