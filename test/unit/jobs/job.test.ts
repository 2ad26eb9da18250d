import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { type Delivery, JobError, type JobOptions } from '../../../src/jobs/api.js';
import { Job, type JobContext } from '../../../src/jobs/job.js';
import { TestDirectory } from '../../helpers/directory.js';
import { eventually } from '../../helpers/eventually.js';
import { FailingFiles } from '../../helpers/failing-files.js';
import { refusal } from '../../helpers/job-refusal.js';
import { type FakeReducing, jobContext } from '../../helpers/jobs-in-memory.js';

const OPTIONS: JobOptions = { reducer: 'concat', order: 'name' };

function inline(part: string, text: string): Delivery {
  const content = Buffer.from(text);
  return { part, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex'), content };
}

describe('jobs/job', () => {
  const sandbox = new TestDirectory();
  let count = 0;
  let context: JobContext & { reports: string[] };
  beforeEach(() => {
    context = jobContext(sandbox.at(`jobs-${count++}`));
  });
  after(() => sandbox.remove());

  const reducing = (): FakeReducing => context.reducing as FakeReducing;
  const reopened = async (job: Job): Promise<Job> => {
    await job.close();
    return (await Job.open(job.name, context))!;
  };

  function fileFor(part: string, text: string): Delivery {
    const name = `file-of-${part}`;
    writeFileSync(context.incomingPath(name), text);
    const { content: _, ...delivery } = inline(part, text);
    return { ...delivery, file: name };
  }

  it('has its parts after it was opened again, small and large ones, in the order in which they came', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(inline('b', 'bbb'));
    await job.deliver(fileFor('a', 'aaaa'));
    await job.deliver(inline('empty', ''));
    const again = await reopened(job);
    expect(again.status()).to.include({ job: 'build', state: 'open', parts: 3, bytes: 7 });
    const read = reducing().last.parts.map(({ name, path, offset, bytes }) => [
      name,
      readFileSync(path).toString('latin1', offset, offset + bytes),
    ]);
    expect(read).to.deep.equal([
      ['b', 'bbb'],
      ['a', 'aaaa'],
      ['empty', ''],
    ]);
    await again.close();
  });

  it('gives its reducer parts that can be read where they are said to be, from its first moment', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(inline('a', 'aaa'));
    const { path, offset, bytes } = reducing().last.parts[0]!;
    expect(readFileSync(path).toString('latin1', offset, offset + bytes)).to.equal('aaa');
    await job.close();
  });

  it('takes the same part twice, and another of its name never', async () => {
    const job = await Job.create('build', OPTIONS, context);
    expect((await job.deliver(inline('a', 'one'))).isNew).to.equal(true);
    expect((await job.deliver(inline('a', 'one'))).isNew).to.equal(false);
    expect(await refusal(job.deliver(inline('a', 'two')))).to.equal('part-differs');
    const both = await Promise.allSettled([job.deliver(inline('b', 'x')), job.deliver(inline('b', 'y'))]);
    expect(both.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected']);
    expect(job.status().parts).to.equal(2);
    await job.close();
  });

  it('is sealed by request, by its last part, or by its deadline, and takes no more then', async () => {
    const asked = await Job.create('asked', OPTIONS, context);
    await asked.deliver(inline('a', '1'));
    await asked.seal();
    expect(asked.status().state).to.equal('sealed');
    expect(await refusal(asked.deliver(inline('b', '2')))).to.equal('job-sealed');
    expect((await asked.deliver(inline('a', '1'))).isNew).to.equal(false);
    const counted = await Job.create('counted', { ...OPTIONS, expectedParts: 2 }, context);
    await counted.deliver(inline('a', '1'));
    expect(counted.status().state).to.equal('open');
    await counted.deliver(inline('b', '2'));
    await eventually(
      () => (counted.status().state === 'sealed' ? true : undefined),
      () => 'sealed by count',
    );
    const timed = await Job.create('timed', { ...OPTIONS, deadlineMs: Date.now() + 30 }, context);
    await eventually(
      () => (timed.status().state === 'sealed' ? true : undefined),
      () => 'sealed by deadline',
    );
    await Promise.all([asked.close(), counted.close(), timed.close()]);
  });

  it('is done when it was reduced, and remembers that', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(inline('a', '1'));
    await job.seal();
    const over = job.over(5000);
    reducing().last.done();
    await over;
    expect(job.status()).to.deep.include({ state: 'done', result: { bytes: 1, sha256: 'f'.repeat(64) } });
    const begun = reducing().begun.length;
    const again = await reopened(job);
    expect(again.status().state).to.equal('done');
    expect(reducing().begun.length).to.equal(begun);
    await again.close();
  });

  it('is reduced again from all parts when its owner was lost before it was done', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(inline('a', '1'));
    await job.deliver(inline('b', '2'));
    await job.seal();
    const first = reducing().last;
    const again = await reopened(job);
    expect(first.isCancelled).to.equal(true);
    expect(reducing().last.parts.map(({ name }) => name)).to.deep.equal(['a', 'b']);
    expect(reducing().last.isFinishing).to.equal(true);
    await again.close();
  });

  it('has failed for good when its reducer has', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(inline('a', '1'));
    reducing().last.failed(new JobError('job-failed', 'line 3 of part a is no number'));
    await job.over(5000);
    expect(job.status()).to.include({ state: 'failed', error: 'line 3 of part a is no number' });
    expect(await refusal(job.deliver(inline('b', '2')))).to.equal('job-failed');
    const again = await reopened(job);
    expect(again.status().state).to.equal('failed');
    await again.close();
  });

  it('has failed though it is sealed in the same moment', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(inline('a', '1'));
    reducing().last.failed(new JobError('job-failed', 'no number'));
    await job.seal();
    await job.over(5000);
    const again = await reopened(job);
    expect(again.status().state).to.equal('failed');
    await again.close();
  });

  it('refuses what is beyond its limits', async () => {
    context = jobContext(sandbox.at(`jobs-${count++}`), { maxParts: 2, maxPartBytes: 10, maxJobBytes: 12 });
    const job = await Job.create('build', OPTIONS, context);
    expect(await refusal(job.deliver(inline('a', '12345678901')))).to.equal('part-too-large');
    await job.deliver(inline('a', '1234567890'));
    expect(await refusal(job.deliver(inline('b', '123')))).to.equal('job-too-large');
    await job.deliver(inline('b', '12'));
    expect(await refusal(job.deliver(inline('c', '')))).to.equal('too-many-parts');
    await job.close();
  });

  it('is not filled beyond its limits by parts that come at once', async () => {
    context = jobContext(sandbox.at(`jobs-${count++}`), { maxParts: 4, maxPartBytes: 10, maxJobBytes: 25 });
    const job = await Job.create('build', OPTIONS, context);
    const large = ['a', 'b', 'c'].map((name) => refusal(job.deliver(inline(name, '1234567890'))));
    expect(await Promise.all(large)).to.deep.equal(['none', 'none', 'job-too-large']);
    const small = ['d', 'e', 'f'].map((name) => refusal(job.deliver(inline(name, ''))));
    expect(await Promise.all(small)).to.deep.equal(['none', 'none', 'too-many-parts']);
    expect(job.status()).to.include({ parts: 4, bytes: 20 });
    job.receive('a', 10).came(10);
    expect((await job.deliver(inline('a', '1234567890'))).isNew).to.equal(false);
    await job.close();
  });

  it('makes many parts durable that come at once', async () => {
    context = jobContext(sandbox.at(`jobs-${count++}`), { maxParts: 2000 });
    const job = await Job.create('build', OPTIONS, context);
    const names = Array.from({ length: 1500 }, (_, i) => `part-${i}`);
    await Promise.all(
      names.map((name) => job.deliver(name.endsWith('7') ? fileFor(name, name) : inline(name, name))),
    );
    const again = await reopened(job);
    for (const name of names) expect((await again.part(name))?.bytes).to.equal(name.length);
    expect(readdirSync(join(context.directory, 'build/parts'))).to.have.length(150);
    await again.close();
  });

  it('takes nothing for a part that has no record', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.close();
    writeFileSync(join(context.directory, 'build/parts/x'), 'left behind');
    appendFileSync(join(context.directory, 'build/journal'), 'half a record');
    const again = (await Job.open('build', context))!;
    expect(again.status().parts).to.equal(0);
    expect(context.reports.join()).to.match(/^job build: 13 bytes at the end of its journal were no record/);
    expect(existsSync(join(context.directory, 'build/parts/x'))).to.equal(false);
    await again.deliver(inline('a', '1'));
    const third = await reopened(again);
    expect(third.status().parts).to.equal(1);
    await third.close();
  });

  it('acknowledges no part again whose file is gone, or another', async () => {
    const job = await Job.create('build', OPTIONS, context);
    const delivery = fileFor('a', 'aaaa');
    await job.deliver(delivery);
    const path = join(context.directory, 'build/parts/a');
    expect((await job.deliver(delivery)).isNew).to.equal(false);
    for (const spoil of [() => writeFileSync(path, 'aa'), () => rmSync(path)]) {
      spoil();
      expect(await refusal(job.deliver(delivery))).to.equal('storage-failed');
      expect(await refusal(job.part('a'))).to.equal('storage-failed');
    }
    await job.close();
  });

  it('answers nothing any more when it was given up', async () => {
    const job = await Job.create('build', OPTIONS, context);
    const waiting = refusal(job.over(10_000));
    await job.close();
    expect(await waiting).to.equal('owner-lost');
    expect(await refusal(job.deliver(inline('a', '1')))).to.equal('owner-lost');
  });

  it('takes nothing away that is not its own', async () => {
    const directory = context.directory;
    sandbox.write(`${basename(directory)}/photos/holiday.jpg`, 'of somebody');
    sandbox.write(`${basename(directory)}/notes`, 'a file');
    for (const name of ['photos', 'notes']) {
      expect(await refusal(Job.create(name, OPTIONS, context))).to.equal('storage-failed');
    }
    expect(readFileSync(join(directory, 'photos/holiday.jpg'), 'latin1')).to.equal('of somebody');
    expect(readFileSync(join(directory, 'notes'), 'latin1')).to.equal('a file');
    expect(readdirSync(directory).sort()).to.deep.equal(['.incoming', 'notes', 'photos']);
  });

  it('is gone when it was removed', async () => {
    const job = await Job.create('build', OPTIONS, context);
    await job.deliver(fileFor('a', '1'));
    await job.remove();
    expect(readdirSync(context.directory)).to.deep.equal(['.incoming']);
    expect(await Job.open('build', context)).to.equal(undefined);
  });

  it('waits for a reducer that is far behind', async () => {
    context = jobContext(sandbox.at(`jobs-${count++}`), { maxPartBytes: 1e9, maxJobBytes: 1e9 });
    const job = await Job.create('build', { ...OPTIONS, order: 'arrival' }, context);
    await job.deliver({ ...fileFor('a', ''), bytes: 70 * 2 ** 20 });
    const room = job.room();
    expect(room).to.be.an.instanceOf(Promise);
    reducing().last.options.onProgress(10 * 2 ** 20);
    await room;
    expect(job.room()).to.equal(undefined);
    await job.close();
  });

  it('fails for a reason of any length, and remembers that', async () => {
    const job = await Job.create('build', OPTIONS, context);
    reducing().last.failed(new JobError('job-failed', 'no '.repeat(100_000)));
    await job.over(5000);
    const again = await reopened(job);
    expect(again.status().state).to.equal('failed');
    expect(again.status().error).to.match(/^no no no/);
    await again.close();
  });

  it('keeps to a deadline though the clock is set meanwhile', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      let nowMs = 0;
      context = jobContext(sandbox.at(`jobs-${count++}`), { now: () => nowMs });
      const job = await Job.create('build', { ...OPTIONS, deadlineMs: 3_600_000 }, context);
      nowMs = 3_600_000;
      mock.timers.tick(60_000);
      while (!reducing().last.isFinishing) await setImmediate();
      expect(job.status().state).to.equal('sealed');
      await job.close();
    } finally {
      mock.timers.reset();
    }
  });

  describe('on a disk that fails', () => {
    let files: FailingFiles;
    beforeEach(async () => {
      files = await FailingFiles.begin();
    });
    afterEach(() => {
      files.restore();
      mock.timers.reset();
    });

    /** Time goes by until something is so. */
    async function ticking(holds: () => boolean): Promise<void> {
      while (!holds()) {
        mock.timers.tick(1000);
        await setImmediate();
      }
    }

    it('is sealed, and done, when the disk takes that again', async () => {
      mock.timers.enable({ apis: ['setTimeout'] });
      const job = await Job.create('build', { ...OPTIONS, expectedParts: 1 }, context);
      await job.deliver(inline('a', '1'));
      files.fail('ENOSPC', 3, 'write');
      expect(await refusal(job.seal())).to.equal('storage-full');
      expect(job.status().state).to.equal('open');
      await ticking(() => job.status().state === 'sealed');
      files.fail('EIO', 2, 'datasync');
      reducing().last.done();
      await ticking(() => job.isOver);
      expect(job.status().state).to.equal('done');
      await job.close();
    });

    it('says of no request to seal it that it was done when it was not', async () => {
      const job = await Job.create('build', OPTIONS, context);
      files.fail('ENOSPC', 1, 'write');
      const both = [job.seal(), job.seal()].map(refusal);
      expect(await Promise.all(both)).to.deep.equal(['storage-full', 'storage-full']);
      await job.close();
    });

    it('knows no part, and loses none, that it could neither note nor take back', async () => {
      const job = await Job.create('build', OPTIONS, context);
      await job.deliver(fileFor('a', 'aaaa'));
      files.fail('EIO', 1, 'datasync');
      files.fail('EIO', 1, 'truncate');
      expect(await refusal(job.deliver(fileFor('b', 'bbbb')))).to.equal('storage-failed');
      const again = await reopened(job);
      for (const { path } of reducing().last.parts) expect(readFileSync(path).length).to.equal(4);
      expect((await again.deliver(fileFor('b', 'bbbb'))).sha256).to.equal(inline('b', 'bbbb').sha256);
      expect(readFileSync(join(context.directory, 'build/parts/b'), 'latin1')).to.equal('bbbb');
      await again.close();
    });

    it('goes on when its journal can be mended later', async () => {
      const job = await Job.create('build', OPTIONS, context);
      files.fail('EIO', 1, 'datasync');
      files.fail('EIO', 2, 'truncate');
      expect(await refusal(job.deliver(inline('a', '1')))).to.equal('storage-failed');
      expect(await refusal(job.deliver(inline('b', '22')))).to.equal('storage-failed');
      await job.deliver(inline('c', '333'));
      const again = await reopened(job);
      expect(again.status()).to.include({ parts: 1, bytes: 3 });
      await again.close();
    });

    it('refuses a part whose file is missing, and none that come with it', async () => {
      const job = await Job.create('build', OPTIONS, context);
      const { content: _, ...lost } = inline('lost', 'x');
      // While the first is written, the others gather.
      const all = [
        inline('first', '1'),
        { ...lost, file: 'not there' },
        fileFor('a', 'aaaa'),
        inline('b', 'b'),
      ];
      const codes = await Promise.all(all.map((delivery) => refusal(job.deliver(delivery))));
      expect(codes).to.deep.equal(['none', 'storage-failed', 'none', 'none']);
      await job.close();
    });

    it('takes for durable what it finds only after it has made it so', async () => {
      const job = await Job.create('build', OPTIONS, context);
      await job.close();
      files.fail('EIO', 1, 'datasync');
      expect(await refusal(Job.open('build', context))).to.equal('storage-failed');
      await (await Job.open('build', context))!.close();
    });
  });
});
