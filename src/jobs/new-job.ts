/** What the body of `POST /jobs` asks for. Pure. */
import { JobError, type JobOptions, REDUCERS, type ReducerName } from './api.js';
import { checkName } from './names.js';

export interface NewJob {
  readonly job: string;
  readonly options: Partial<JobOptions>;
}

const KEYS = ['job', 'reducer', 'order', 'parts', 'deadlineSeconds'];
const MAX_DEADLINE_SECONDS = 366 * 24 * 60 * 60;

/**
 * @param hasModule whether jobs may have the reducer `module`
 * @throws JobError that says what is wrong
 */
export function newJob(text: string, nowMs: number, hasModule: boolean): NewJob {
  const value = parsed(text);
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key))
      throw bad(`"${key.slice(0, 50)}" is not known here; there are ${KEYS.join(', ')}`);
  }
  const { job, reducer, order, parts, deadlineSeconds } = value;
  if (typeof job !== 'string') throw bad('"job", its name, is missing');
  checkName(job, 'job');
  const reducers = REDUCERS.filter((name) => name !== 'module' || hasModule);
  if (reducer !== undefined && !reducers.includes(reducer as ReducerName)) {
    throw bad(`"reducer" is one of ${reducers.join(', ')}`);
  }
  if (order !== undefined && order !== 'name' && order !== 'arrival') throw bad('"order" is name or arrival');
  if (parts !== undefined && !isCount(parts, 1_000_000_000)) throw bad('"parts" is a whole number from 1');
  if (deadlineSeconds !== undefined && !isCount(deadlineSeconds, MAX_DEADLINE_SECONDS)) {
    throw bad(`"deadlineSeconds" is a whole number from 1 to ${MAX_DEADLINE_SECONDS}`);
  }
  return {
    job,
    options: {
      ...(reducer !== undefined && { reducer: reducer as ReducerName }),
      ...(order !== undefined && { order }),
      ...(parts !== undefined && { expectedParts: parts }),
      ...(deadlineSeconds !== undefined && { deadlineMs: nowMs + deadlineSeconds * 1000 }),
    },
  };
}

function parsed(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad('the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad('the body is no JSON object');
  return value as Record<string, unknown>;
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max;
}

function bad(message: string): JobError {
  return new JobError('bad-request', message);
}
