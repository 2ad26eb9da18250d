import { JobError } from '../../src/jobs/api.js';

/** The code of the JobError that a promise rejects with; `none` when it does not. Rejects with any other error. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof JobError) return error.code;
    throw error;
  }
  return 'none';
}
