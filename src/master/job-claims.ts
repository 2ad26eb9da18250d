/**
 * Which worker has which job: one at a time, in the order in which they asked. Whoever has a job is asked to give
 * it up when another one wants it. Pure but for the messages.
 */
import type { JobsWorker } from './jobs-worker.js';

interface Claim {
  holder: JobsWorker;
  /** Those that want it next. */
  readonly waiting: JobsWorker[];
}

export class JobClaims {
  readonly #claims = new Map<string, Claim>();

  holderOf(job: string): JobsWorker | undefined {
    return this.#claims.get(job)?.holder;
  }

  /** A worker wants a job: it is told when it has it, which may be at once. */
  claim(worker: JobsWorker, job: string): void {
    const claim = this.#claims.get(job);
    if (claim === undefined) {
      this.#claims.set(job, { holder: worker, waiting: [] });
      worker.tellOfJobs({ op: 'granted', job });
    } else if (claim.holder === worker) worker.tellOfJobs({ op: 'granted', job });
    else if (!claim.waiting.includes(worker)) {
      claim.waiting.push(worker);
      // It was asked already when others wait.
      if (claim.waiting.length === 1) claim.holder.tellOfJobs({ op: 'wanted', job });
    }
  }

  /** A worker gives a job up, or no longer wants it. */
  release(worker: JobsWorker, job: string): void {
    const claim = this.#claims.get(job);
    if (claim === undefined) return;
    if (claim.holder === worker) this.#passOn(job, claim);
    else removeFrom(claim.waiting, worker);
  }

  /** A worker is gone, and has nothing. */
  gone(worker: JobsWorker): void {
    for (const { waiting } of this.#claims.values()) removeFrom(waiting, worker);
    for (const [job, claim] of [...this.#claims]) if (claim.holder === worker) this.#passOn(job, claim);
  }

  #passOn(job: string, claim: Claim): void {
    const next = claim.waiting.shift();
    if (next === undefined) {
      this.#claims.delete(job);
      return;
    }
    claim.holder = next;
    next.tellOfJobs({ op: 'granted', job });
    if (claim.waiting.length > 0) next.tellOfJobs({ op: 'wanted', job });
  }
}

function removeFrom(workers: JobsWorker[], worker: JobsWorker): void {
  const at = workers.indexOf(worker);
  if (at >= 0) workers.splice(at, 1);
}
