/** What is asked of the server around a load of parts: the jobs are made, and their results looked at. */
import { type CrowdPlan, jobsOf, resultsOf } from '../../test/helpers/jobs-crowd.js';

const WAIT_SECONDS = 120;

/** Makes the jobs of a plan, each sealed when all its parts are there. */
export async function createJobs(url: string, plan: CrowdPlan): Promise<void> {
  const parts = (plan.clients * plan.sizes.length).toString();
  for (const job of jobsOf(plan)) {
    const body = `{"job":${JSON.stringify(job)},"parts":${parts}}`;
    await expectStatus(201, fetch(`${url}/jobs`, { method: 'POST', body }), job);
  }
}

/** What a server says of the result of a job. */
export interface ToldResult {
  readonly job: string;
  readonly bytes: number;
  readonly etag: string;
}

/** Resolves when all results are there. */
export function waitForResults(url: string, plan: CrowdPlan): Promise<ToldResult[]> {
  return Promise.all(
    jobsOf(plan).map(async (job) => {
      const target = `${url}/jobs/${job}/result?wait=${WAIT_SECONDS}`;
      const { headers } = await expectStatus(200, fetch(target, { method: 'HEAD' }), job);
      return { job, bytes: Number(headers.get('content-length')), etag: headers.get('etag') ?? '' };
    }),
  );
}

/** Throws when one is not what it must be. */
export function checkResults(plan: CrowdPlan, results: readonly ToldResult[]): void {
  const expected = resultsOf(plan);
  for (const { job, bytes, etag } of results) {
    const must = expected.get(job)!;
    if (bytes === must.bytes && etag.includes(must.sha256)) continue;
    throw new Error(`${job}: ${bytes} bytes, ${etag} and not ${JSON.stringify(must)}`);
  }
}

/** Makes room for the next. */
export async function removeJobs(url: string, plan: CrowdPlan): Promise<void> {
  for (const job of jobsOf(plan)) {
    await expectStatus(204, fetch(`${url}/jobs/${job}`, { method: 'DELETE' }), job);
  }
}

async function expectStatus(status: number, asked: Promise<Response>, job: string): Promise<Response> {
  const response = await asked;
  if (response.status !== status) throw new Error(`${job}: ${response.status} ${await response.text()}`);
  return response;
}
