/** What a worker that owns jobs has to do with the master and, through it, with the other workers. */
import type { JobAnswer, JobRequest, JobStatus } from './api.js';

export interface JobsLink {
  /**
   * The place of this worker among all, from 1. 0 while it is no member: before it was told that it is, and when it
   * is leaving, so that the owner at its place is another worker.
   */
  readonly place: number;
  /**
   * Places of the workers that serve and may own jobs, this one among them unless it is leaving; sorted. Empty before
   * the master has first told them.
   */
  readonly members: readonly number[];
  /** Called when `members` or `place` has changed. */
  onMembers(listener: () => void): void;
  /**
   * Resolves when this worker alone may touch the job, until it says `released` or dies. Whoever has it before
   * is asked to give it up. Claiming it again is no mistake. Rejects with JobError `owner-lost` when the master is gone.
   */
  claim(job: string): Promise<void>;
  /** Gives up a job that this worker has; of one that it only waits for this says nothing. */
  released(job: string): void;
  /** Another worker wants a job that this one has claimed: to be answered with `released`, soon. */
  onWanted(listener: (job: string) => void): void;
  /** Asks the worker at a place. Rejects with the JobError that it answers, or `owner-lost` when it is gone. */
  call(place: number, request: JobRequest): Promise<JobAnswer>;
  /** Answers what others ask. It may reject with JobError. */
  onCall(handler: (request: JobRequest) => Promise<JobAnswer>): void;
  /** Tells the master how the jobs stand that this worker has claimed, and which are no longer there. */
  publish(statuses: readonly JobStatus[], removed: readonly string[]): void;
  /** All jobs of all workers, as last published, sorted by name. */
  list(): Promise<readonly JobStatus[]>;
}
