/**
 * What one worker asks another about a job: passed on, and the answer passed back. Whoever asks a worker that dies
 * is told so. Pure but for the messages.
 */
import type { JobRequest } from '../jobs/api.js';
import type { JobOutcome } from '../jobs/messages.js';
import type { JobsWorker } from './jobs-worker.js';

interface Call {
  readonly caller: JobsWorker;
  /** As the caller calls it. */
  readonly id: number;
  readonly callee: JobsWorker;
}

const LOST: JobOutcome = {
  failure: {
    code: 'owner-lost',
    message: 'The worker that puts this job together is gone. Please try again.',
  },
};

export class JobCalls {
  readonly #calls = new Map<number, Call>();
  #lastId = 0;

  /** How many are not answered. */
  get count(): number {
    return this.#calls.size;
  }

  /**
   * Passes a request on.
   *
   * @param id how the caller calls it
   * @param callee undefined: there is none
   */
  begin(caller: JobsWorker, id: number, request: JobRequest, callee: JobsWorker | undefined): void {
    if (callee === undefined) {
      caller.tellOfJobs({ op: 'reply', id, outcome: LOST });
      return;
    }
    const ours = ++this.#lastId;
    this.#calls.set(ours, { caller, id, callee });
    callee.tellOfJobs({ op: 'call', id: ours, request });
  }

  /** A worker has answered. `id`: as it was asked. */
  done(callee: JobsWorker, id: number, outcome: JobOutcome): void {
    const call = this.#calls.get(id);
    if (call?.callee !== callee) return;
    this.#calls.delete(id);
    call.caller.tellOfJobs({ op: 'reply', id: call.id, outcome });
  }

  /** A worker is gone: nobody waits for it, and it waits for nobody. */
  gone(worker: JobsWorker): void {
    for (const [id, { caller, callee }] of [...this.#calls]) {
      if (caller === worker) this.#calls.delete(id);
      else if (callee === worker) this.done(callee, id, LOST);
    }
  }
}
