import { mkdirSync } from 'node:fs';
import { mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { TestDirectory } from '../../helpers/directory.js';
import { eventually } from '../../helpers/eventually.js';
import { refusal } from '../../helpers/job-refusal.js';
import { workerJobs } from '../../helpers/jobs-in-memory.js';

describe('jobs/owner', () => {
  const sandbox = new TestDirectory();
  let count = 0;
  let worker: ReturnType<typeof workerJobs>;
  beforeEach(() => {
    const directory = sandbox.at(`jobs-${count++}`);
    mkdirSync(directory);
    worker = workerJobs(directory);
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
    return worker.owner.close();
  });
  after(() => sandbox.remove());

  const create = (job: string): Promise<unknown> => worker.owner.handle({ op: 'create', job, options: {} });

  it('says of no job that it was removed when it was given up in that moment', async () => {
    await create('build');
    worker.owner.start();
    worker.link.wanted('build');
    const removing = worker.owner.handle({ op: 'remove', job: 'build' });
    expect(await refusal(removing)).to.equal('owner-lost');
    expect(await refusal(worker.owner.handle({ op: 'status', job: 'build' }))).to.equal('none');
  });

  it('gives a job up though its journal cannot be closed in order', async () => {
    await create('build');
    worker.owner.start();
    const job = worker.owner.peek('build')!;
    mock.method(job, 'close', () => Promise.reject(new Error('EIO')));
    const released = mock.method(worker.link, 'released');
    worker.link.wanted('build');
    await eventually(
      () => worker.context.reports.find((report) => report.includes('not closed in order')),
      () => 'the report',
    );
    expect(released.mock.calls.map((call) => call.arguments)).to.deep.include(['build']);
    mock.restoreAll();
    await job.close();
  });

  it('lets nobody wait for a job that another worker does not give up, nor for those behind it', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { link, owner } = worker;
    let grant!: () => void;
    const granted = new Promise<void>((resolve) => {
      grant = resolve;
    });
    await create('b');
    await create('a');
    await owner.close();
    worker = workerJobs(worker.context.directory);
    mock.method(worker.link, 'claim', (job: string) => {
      worker.link.claims.push(job);
      return job === 'a' ? granted : Promise.resolve();
    });
    worker.owner.start();
    const asked = [1, 2, 3].map(() => refusal(worker.owner.handle({ op: 'status', job: 'a' })));
    while (worker.owner.peek('b') === undefined) {
      mock.timers.tick(100);
      await setImmediate();
    }
    expect(await Promise.all(asked)).to.deep.equal(['owner-lost', 'owner-lost', 'owner-lost']);
    expect(link.claims).to.deep.equal([]);
    grant();
    while (worker.owner.peek('a') === undefined) await setImmediate();
    expect(worker.owner.peek('a')!.status().state).to.equal('open');
  });

  it('gives up what it has come to have when it does not want it any more', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let grant!: () => void;
    const granted = new Promise<void>((resolve) => {
      grant = resolve;
    });
    mock.method(worker.link, 'claim', async (job: string) => {
      await granted;
      worker.link.claims.push(job);
    });
    const asked = refusal(create('a'));
    await setImmediate();
    mock.timers.tick(1000);
    expect(await asked).to.equal('owner-lost');
    await worker.owner.close();
    grant();
    await setImmediate();
    expect(worker.link.claims).to.deep.equal([]);
  });

  it('has 15 seconds from when a job was lost, however long somebody has waited for it', async () => {
    await create('build');
    let nowMs = 0;
    mock.method(performance, 'now', () => nowMs);
    let losses = 0;
    const { jobs, owner } = worker;
    mock.method(owner, 'handle', async () => {
      if (++losses === 1) nowMs += 60_000;
      else if (losses === 5) return {};
      throw new JobError('owner-lost', 'moved');
    });
    expect(await refusal(jobs.call({ op: 'wait', job: 'build', waitMs: 90_000 }))).to.equal('none');
    mock.method(owner, 'handle', async () => {
      nowMs += 1001;
      throw new JobError('owner-lost', 'moved');
    });
    nowMs = 0;
    expect(await refusal(jobs.call({ op: 'wait', job: 'build', waitMs: 90_000 }))).to.equal('owner-lost');
    expect(nowMs).to.be.within(15_000, 17_000);
  });
});
