/** A job's reducer at work: what the owner of a job gives it, and what it gives back. */
import type { JobError, JobResult, PartOrder, ReducerName } from './api.js';

/** A part that lies on disk: all of a file, or a slice of it. */
export interface StoredPart {
  readonly name: string;
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface ReductionOptions {
  readonly job: string;
  readonly reducer: ReducerName;
  readonly order: PartOrder;
  /** Absolute path of the module, where the reducer is one. */
  readonly modulePath?: string | undefined;
  /** The file of the result, in a directory that is there. It appears when it is whole, in place of what was there. */
  readonly resultPath: string;
  /** So many bytes more of the parts have been reduced. */
  readonly onProgress: (bytes: number) => void;
  /**
   * The reducer has thrown, ended its thread or taken too long (`job-failed`), or the result cannot be written
   * (`storage-full`, `storage-failed`); called once, and nothing more follows.
   */
  readonly onFailed: (error: JobError) => void;
}

export interface Reduction {
  /** The next part, in the order in which they became durable. */
  add(part: StoredPart): void;
  /**
   * There are no more: resolves when the result is whole and durable (fsync). Rejects with what `onFailed` is told;
   * or, though nothing is wrong with the job, with `owner-lost` after `cancel` and `close`.
   */
  finish(): Promise<JobResult>;
  /** Gives up. Resolves when what was written of the result is removed, and nothing touches the files any more. */
  cancel(): Promise<void>;
}

export interface Reducing {
  /** Throws JobError `owner-lost` after `close`. */
  begin(options: ReductionOptions): Reduction;
  /** Ends the threads, and cancels what they do. */
  close(): Promise<void>;
}
