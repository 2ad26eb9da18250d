/**
 * What master and workers say to each other about jobs, inside a message of master/protocol.ts (`kind: 'jobs'`).
 *
 *     worker                                  master
 *       │ ── join ─────────────────────────────► │  this worker takes part; it hears nothing of jobs before
 *       │ ◄─ members { places, isMember } ─────  │  who may own jobs; again whenever that changes
 *       │ ── claim { job } ────────────────────► │
 *       │ ◄─ wanted { job } ───────────────────  │  to whoever has it
 *       │ ── release { job } ──────────────────► │
 *       │ ◄─ granted { job } ──────────────────  │  to the next one
 *       │ ── call { id, place, request } ──────► │ ── call { id, request } ──► the worker at that place
 *       │ ◄─ reply { id, outcome } ────────────  │ ◄─ reply { id, outcome } ──
 *       │ ── publish { statuses, removed } ────► │  of jobs that it has claimed
 *       │ ── list { id } ──────────────────────► │
 *       │ ◄─ list { id, statuses } ────────────  │
 *
 * An id is the asker's own: what the master asks has another one than what it was asked.
 */
import type { JobAnswer, JobErrorCode, JobRequest, JobStatus } from './api.js';

/** A JobError on its way to another process. */
export interface JobFailure {
  readonly code: JobErrorCode;
  readonly message: string;
  readonly offset?: number | undefined;
}

/** What became of a call. */
export type JobOutcome = { readonly answer: JobAnswer } | { readonly failure: JobFailure };

export type JobsToMaster =
  | { readonly op: 'join' }
  | { readonly op: 'claim'; readonly job: string }
  | { readonly op: 'release'; readonly job: string }
  | { readonly op: 'call'; readonly id: number; readonly place: number; readonly request: JobRequest }
  | { readonly op: 'reply'; readonly id: number; readonly outcome: JobOutcome }
  | {
      readonly op: 'publish';
      readonly statuses: readonly JobStatus[];
      readonly removed: readonly string[];
    }
  | { readonly op: 'list'; readonly id: number };

export type JobsToWorker =
  /** `isMember`: the receiver is one of them, and not another worker that has its place by now. */
  | { readonly op: 'members'; readonly places: readonly number[]; readonly isMember: boolean }
  | { readonly op: 'granted'; readonly job: string }
  | { readonly op: 'wanted'; readonly job: string }
  | { readonly op: 'call'; readonly id: number; readonly request: JobRequest }
  | { readonly op: 'reply'; readonly id: number; readonly outcome: JobOutcome }
  | { readonly op: 'list'; readonly id: number; readonly statuses: readonly JobStatus[] };
