import { expect } from 'chai';
import { type JobAnswer, JobError, type JobRequest } from '../../../src/jobs/api.js';
import { Jobs } from '../../../src/jobs/jobs.js';
import { TestDirectory } from '../../helpers/directory.js';
import { workerJobs } from '../../helpers/jobs-in-memory.js';

const SECONDS = 1000;

describe('jobs/jobs', () => {
  const { now } = performance;
  const directory = new TestDirectory();
  const worker = workerJobs(directory.at('jobs'));
  let aheadMs: number;
  beforeEach(() => {
    aheadMs = 0;
    performance.now = () => now.call(performance) + aheadMs;
  });
  afterEach(() => {
    performance.now = now;
  });
  after(async () => {
    await worker.owner.close();
    directory.remove();
  });

  /** Jobs that belong to another worker, who answers so. */
  const elsewhere = (call: (request: JobRequest) => Promise<JobAnswer>): Jobs => {
    const link = { ...worker.link, members: [2], call: (_: number, request: JobRequest) => call(request) };
    return new Jobs({ ...worker, link, maxPartBytes: 1 });
  };

  it('wait for a job no longer than they were asked to, though its owner is lost', async () => {
    const waits: number[] = [];
    const jobs = elsewhere(async (request) => {
      waits.push(Math.ceil((request as { readonly waitMs: number }).waitMs / SECONDS));
      aheadMs += 20 * SECONDS;
      if (waits.length === 3) return {};
      throw new JobError('owner-lost', 'the worker is gone');
    });
    await jobs.call({ op: 'wait', job: 'j', waitMs: 50 * SECONDS });
    expect(waits).to.deep.equal([50, 30, 10]);
  });
});
