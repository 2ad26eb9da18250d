/** What a server says of its jobs over HTTP, as its clients read it. */
import type { PublicStatus } from '../replies.js';

/** True when no more will happen with it. */
export function isOver({ state }: Pick<PublicStatus, 'state'>): boolean {
  return state === 'done' || state === 'failed';
}

/** The job in an answer. @throws Error when it is none */
export function readJob(value: unknown): PublicStatus {
  if (isJob(value)) return value;
  throw new Error('this server does not know jobs: its answer is none');
}

/** The jobs in the answer to `GET /jobs`. @throws Error when it is something else */
export function readJobs(value: unknown): readonly PublicStatus[] {
  const isList = typeof value === 'object' && value !== null && 'jobs' in value && Array.isArray(value.jobs);
  if (!isList) throw new Error('this server does not know jobs: its answer is no list of them');
  return (value.jobs as unknown[]).map(readJob);
}

function isJob(value: unknown): value is PublicStatus {
  return (
    typeof value === 'object' && value !== null && 'job' in value && 'state' in value && 'parts' in value
  );
}
