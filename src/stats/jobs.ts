/** What `stats.json` says of jobs, from what their owners have last said of them. Pure. */
import type { JobStats, JobsStats } from './schema.js';

/** What is known of one job: the part of its status that the statistics need. */
export interface JobSample {
  readonly job: string;
  readonly state: JobStats['state'];
  readonly reducer: string;
  readonly createdMs: number;
  readonly parts: number;
  readonly expectedParts?: number | undefined;
  /** Of durable parts, and of those that are not whole yet. */
  readonly bytes: number;
  readonly receivingBytes: number;
  readonly reducedBytes: number;
  readonly receiving: number;
}

/** So many jobs stand in the list: `stats.json` is read every second, and people read no more. */
export const LISTED_JOBS = 50;

/** What rates are computed over. */
export interface JobsInterval {
  /** The jobs when it began. */
  readonly previous: readonly JobSample[];
  /** When it ended, in milliseconds since the epoch. */
  readonly nowMs: number;
  readonly elapsedMs: number;
}

/** The figures of all jobs but for the counters, which come from the totals. */
export function summariseJobs(
  jobs: readonly JobSample[],
  interval: JobsInterval,
): Omit<JobsStats, 'parts' | 'bytes'> {
  const before = new Map(interval.previous.map((job) => [job.job, job]));
  const rates = new Map(jobs.map((job) => [job, rateOf(job, before.get(job.job), interval)]));
  const inState = (state: JobStats['state']): number => jobs.filter((job) => job.state === state).length;
  return {
    open: inState('open'),
    sealed: inState('sealed'),
    done: inState('done'),
    failed: inState('failed'),
    heldBytes: sum(jobs, (job) => job.bytes),
    receiving: sum(jobs, (job) => job.receiving),
    bytesPerSecond: sum(jobs, (job) => rates.get(job)!),
    list: listed(jobs).map((job) => statsOf(job, rates.get(job)!)),
  };
}

function listed(jobs: readonly JobSample[]): readonly JobSample[] {
  const isOver = ({ state }: JobSample): number => Number(state === 'done' || state === 'failed');
  const order = (a: JobSample, b: JobSample): number => isOver(a) - isOver(b) || b.createdMs - a.createdMs;
  return jobs.toSorted(order).slice(0, LISTED_JOBS);
}

function statsOf(job: JobSample, bytesPerSecond: number): JobStats {
  return {
    job: job.job,
    state: job.state,
    reducer: job.reducer,
    parts: job.parts,
    expectedParts: job.expectedParts ?? null,
    bytes: job.bytes,
    reducedBytes: job.reducedBytes,
    receiving: job.receiving,
    bytesPerSecond,
  };
}

/** Bytes per second. What broke off is not subtracted: then there are fewer than before. */
function rateOf(job: JobSample, before: JobSample | undefined, { nowMs, elapsedMs }: JobsInterval): number {
  if (elapsedMs <= 0) return 0;
  const grown = arrived(job) - arrivedBefore(job, before, nowMs - elapsedMs);
  return Math.max(0, Math.round((grown * 1000) / elapsedMs));
}

/** Of a job that is new to us but older than that, an owner has found the parts on disk: none has come. */
function arrivedBefore(job: JobSample, before: JobSample | undefined, sinceMs: number): number {
  if (before?.createdMs === job.createdMs) return arrived(before);
  return job.createdMs >= sinceMs ? 0 : arrived(job);
}

function arrived({ bytes, receivingBytes }: JobSample): number {
  return bytes + receivingBytes;
}

function sum(jobs: readonly JobSample[], of: (job: JobSample) => number): number {
  return jobs.reduce((total, job) => total + of(job), 0);
}
