import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import type { Announced } from '../../../src/jobs/reception.js';
import { TestDirectory } from '../../helpers/directory.js';
import { eventually } from '../../helpers/eventually.js';
import { workerJobs } from '../../helpers/jobs-in-memory.js';

const ANNOUNCED: Announced = { job: 'build', part: 'one' };

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function refusal(act: () => unknown): Promise<JobError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof JobError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('jobs/part-reception', () => {
  const sandbox = new TestDirectory();
  let count = 0;
  let worker: ReturnType<typeof workerJobs>;
  let directory: string;
  beforeEach(() => {
    directory = sandbox.at(`jobs-${count++}`);
    worker = workerJobs(directory);
  });
  afterEach(() => worker.owner.close());
  after(() => sandbox.remove());

  const incoming = (): string[] => readdirSync(join(directory, '.incoming'));

  for (const size of [0, 1, 64 * 1024, 64 * 1024 + 1, 900_000]) {
    it(`makes ${size} bytes durable, with their digest`, async () => {
      const content = randomBytes(size);
      const reception = await worker.jobs.begin({ ...ANNOUNCED, bytes: size, sha256: sha256(content) });
      for (let at = 0; at < size; at += 10_000) {
        if (!reception.write(content.subarray(at, at + 10_000))) await reception.drained();
      }
      const receipt = await reception.commit();
      expect(receipt).to.deep.equal({ part: 'one', bytes: size, sha256: sha256(content), isNew: true });
      expect(incoming()).to.deep.equal([]);
      expect(worker.owner.peek('build')!.status()).to.include({ parts: 1, bytes: size, receiving: 0 });
    });
  }

  it('writes small ones to files when many together hold much memory, and makes them durable all the same', async () => {
    await worker.owner.close();
    worker = workerJobs(directory, { maxParts: 2000, maxJobBytes: 100_000_000 });
    const content = randomBytes(60_000);
    const bytes = content.length;
    const parts = Array.from({ length: 1300 }, (_, i) => ({ job: 'build', part: `part-${i}`, bytes }));
    const receptions = await Promise.all(parts.map((announced) => worker.jobs.begin(announced)));
    for (const reception of receptions) reception.write(content.subarray(0, 55_000));
    await eventually(
      () => (incoming().length >= 50 ? true : undefined),
      () => `files of what is beyond 64 MB; there are ${incoming().length}`,
    );
    expect(incoming().length, 'the first ones stay in memory').to.be.below(200);
    for (const reception of receptions) reception.write(content.subarray(55_000));
    const receipts = await Promise.all(receptions.map((reception) => reception.commit()));
    expect(new Set(receipts.map((receipt) => receipt.sha256))).to.deep.equal(new Set([sha256(content)]));
    expect(worker.owner.peek('build')!.status()).to.include({ parts: 1300, bytes: 1300 * bytes });
    expect(incoming()).to.deep.equal([]);
    // What they held is free again.
    const later = await worker.jobs.begin(ANNOUNCED);
    later.write(content);
    await later.commit();
    expect(readdirSync(join(directory, 'build', 'parts'))).to.not.include('one');
  });

  for (const [first, size] of [
    [5, 10],
    [100_000, 300_000],
  ] as const) {
    it(`goes on behind ${first} bytes of an attempt that broke off`, async () => {
      const content = randomBytes(size);
      const broken = await worker.jobs.begin(ANNOUNCED);
      broken.write(content.subarray(0, first));
      await broken.abandon();
      expect(await worker.jobs.partialBytes('build', 'one')).to.equal(first);
      const wrong = await refusal(() => worker.jobs.begin({ ...ANNOUNCED, offset: first - 1 }));
      expect([wrong.code, wrong.offset]).to.deep.equal(['wrong-offset', first]);
      const rest = await worker.jobs.begin({ ...ANNOUNCED, offset: first, bytes: size });
      rest.write(content.subarray(first));
      expect((await rest.commit()).sha256).to.equal(sha256(content));
      expect(incoming()).to.deep.equal([]);
    });
  }

  it('has nothing to go on from where nothing is', async () => {
    const wrong = await refusal(() => worker.jobs.begin({ ...ANNOUNCED, offset: 7 }));
    expect([wrong.code, wrong.offset]).to.deep.equal(['wrong-offset', 0]);
  });

  it('takes no part that is not what was announced', async () => {
    const content = randomBytes(50_000);
    const other = await worker.jobs.begin({ ...ANNOUNCED, sha256: sha256(Buffer.from('x')) });
    other.write(content);
    expect((await refusal(() => other.commit())).code).to.equal('wrong-digest');
    const longer = await worker.jobs.begin({ ...ANNOUNCED, bytes: 40_000 });
    expect((await refusal(() => longer.write(content))).code).to.equal('bad-request');
    await longer.abandon();
    const shorter = await worker.jobs.begin({ ...ANNOUNCED, bytes: 60_000 });
    shorter.write(content);
    expect((await refusal(() => shorter.commit())).code).to.equal('bad-request');
    const large = await worker.jobs.begin(ANNOUNCED);
    expect((await refusal(() => large.write(Buffer.alloc(1_000_001)))).code).to.equal('part-too-large');
    await large.abandon();
    const { parts } = worker.owner.peek('build')!.status();
    expect(parts).to.equal(0);
    expect(worker.owner.peek('build')!.status()).to.include({ receiving: 0, receivingBytes: 0 });
    expect(incoming()).to.deep.equal([]);
  });

  it('takes no more of a part that has no room in its job beside those on their way', async () => {
    worker = workerJobs(directory, { maxJobBytes: 300_000 });
    const announced = await worker.jobs.begin({ ...ANNOUNCED, bytes: 200_000 });
    expect(
      (await refusal(() => worker.jobs.begin({ job: 'build', part: 'b', bytes: 100_001 }))).code,
    ).to.equal('job-too-large');
    const unknown = await worker.jobs.begin({ job: 'build', part: 'c' });
    unknown.write(Buffer.alloc(90_000));
    expect((await refusal(() => unknown.write(Buffer.alloc(10_001)))).code).to.equal('job-too-large');
    unknown.abandon();
    await eventually(
      () => (incoming().length === 0 ? true : undefined),
      () => `nothing kept; ${incoming()}`,
    );
    const next = await worker.jobs.begin({ job: 'build', part: 'c', bytes: 100_000 });
    next.write(Buffer.alloc(100_000));
    announced.write(Buffer.alloc(200_000));
    expect([(await next.commit()).bytes, (await announced.commit()).bytes]).to.deep.equal([100_000, 200_000]);
  });

  it('keeps the longest of several attempts that broke off', async () => {
    for (const size of [30_000, 20_000]) {
      const broken = await worker.jobs.begin(ANNOUNCED);
      broken.write(Buffer.alloc(size));
      await broken.abandon();
      expect(incoming()).to.have.length(1);
    }
    expect(await worker.jobs.partialBytes('build', 'one')).to.equal(30_000);
  });

  it('makes jobs up to their number, and no more', async () => {
    for (let i = 0; i < 10; i++) await (await worker.jobs.begin({ job: `job-${i}`, part: 'a' })).abandon();
    expect((await refusal(() => worker.jobs.begin({ job: 'one more', part: 'a' }))).code).to.equal(
      'too-many-jobs',
    );
    await worker.jobs.call({ op: 'remove', job: 'job-3' });
    await (await worker.jobs.begin({ job: 'one more', part: 'a' })).abandon();
  });

  it('makes no more jobs than their number when many begin at once', async () => {
    const begun = Array.from({ length: 25 }, (_, i) => worker.jobs.begin({ job: `job-${i}`, part: 'a' }));
    const outcomes = await Promise.allSettled(begun);
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') outcome.value.abandon();
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(10);
  });
});
