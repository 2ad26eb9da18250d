import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { eventually } from '../../helpers/eventually.js';
import { ReductionBed } from '../../helpers/reductions.js';

const MB = 1024 * 1024;

describe('jobs/reducer-threads', () => {
  let bed: ReductionBed;
  beforeEach(() => {
    bed = new ReductionBed();
  });
  afterEach(() => bed.end());

  it('reduces parts as they come, and says of the result what it is', async () => {
    const job = bed.begin(bed.threads(), 'job');
    job.add('b', 'second ').add('a', 'first').add('c', '');
    const sha256 = createHash('sha256').update('second first').digest('hex');
    expect(await job.finish()).to.deep.equal({ bytes: 12, sha256 });
    expect(readFileSync(job.resultPath, 'utf8')).to.equal('second first');
    expect(job.progress).to.equal(12);
    expect(bed.results).to.deep.equal(['job']);
  });

  it('sorts parts by the bytes of their names', async () => {
    const job = bed.begin(bed.threads(), 'job', { order: 'name' });
    const names = ['b', '\u{1f600}', 'a10', '\uffee', 'a1', 'B', 'a'];
    for (const name of names) job.add(name, `${name} `);
    expect(await job.result()).to.equal('B a a1 a10 b \uffee \u{1f600} ');
  });

  it('gives an empty result to a job without parts', async () => {
    expect(await bed.begin(bed.threads(), 'job').result()).to.equal('');
  });

  it('takes parts out of a file that holds many, and from others', async () => {
    const chunk = randomBytes(3 * MB);
    const path = bed.directory.write('journal', chunk);
    const job = bed.begin(bed.threads(), 'job');
    const ranges = [
      [10, 90],
      [100, 200_000],
      [200_100, 260_000],
      [2 * MB, 2 * MB + 1],
      [2 * MB + 2, 3 * MB],
      [0, 5],
    ];
    for (const [start = 0, end = 0] of ranges) {
      job.addStored({ name: `${start}`, path, offset: start, bytes: end - start });
      job.add(`${start} b`, 'x');
    }
    await job.finish();
    const expected = ranges.flatMap(([start, end]) => [chunk.subarray(start, end), Buffer.from('x')]);
    expect(readFileSync(job.resultPath).equals(Buffer.concat(expected))).to.equal(true);
  });

  it('fails a job whose part cannot be read, and says which', async () => {
    const job = bed.begin(bed.threads(), 'job').add('a', 'abc');
    const path = bed.directory.write('short', 'abc');
    job.addStored({ name: 'b', path, offset: 1, bytes: 5 });
    const error = await job.rejection();
    expect(error).to.be.instanceOf(JobError).with.property('code', 'storage-failed');
    expect(error.message).to.equal(`part "b" cannot be read from ${path}: it ends at 3`);
    expect(job.failures).to.deep.equal([error]);
    expect(bed.results).to.deep.equal([]);
  });

  it('lets jobs of one thread take turns', async () => {
    const threads = bed.threads();
    // Waits in `add` until the quick job is done: which could not be if that had to wait for the end of this one.
    const text = `
      import { existsSync } from 'node:fs';
      export function add(chunk, part, job) {
        job.chunks = (job.chunks ?? 0) + 1;
        if (existsSync(${JSON.stringify(bed.directory.at('results/quick'))})) job.saw = true;
      }
      export const finish = (job) => JSON.stringify({ chunks: job.chunks, saw: job.saw === true });`;
    const slow = bed.begin(threads, 'slow', { reducer: 'module', modulePath: bed.module(text) });
    const part = bed.directory.write('parts/zeros', Buffer.alloc(64 * MB));
    for (let i = 0; i < 8; i++) slow.addStored({ name: `${i}`, path: part, offset: 0, bytes: 64 * MB });
    const quick = bed.begin(threads, 'quick').add('a', Buffer.alloc(MB));
    const [result] = await Promise.all([slow.result(), quick.finish()]);
    expect(JSON.parse(result)).to.deep.equal({ chunks: 8 * 64 * 4, saw: true });
  });

  it('fails only the job whose module throws', async () => {
    const threads = bed.threads();
    const other = bed.begin(threads, 'other').add('a', 'other');
    const modulePath = bed.module('export function add() { throw new Error("no\\nmore"); }');
    const job = bed.begin(threads, 'job', { reducer: 'module', modulePath }).add('a "part"', 'x');
    const error = await job.rejection();
    expect(error).to.include({ code: 'job-failed', message: 'reduce.mjs, part "a \\"part\\"": no more' });
    expect(job.failures).to.deep.equal([error]);
    expect(await other.result()).to.equal('other');
    expect(bed.results).to.deep.equal(['other']);
  });

  describe('when a thread ends', () => {
    const ENDS = {
      'by its exit': ['process.exit(3);', 'ended its thread with exit code 3'],
      'for want of memory': [
        'const all = []; for (;;) all.push({ all });',
        'needed more than 32 MB of memory',
      ],
      'because a job hangs': ['for (;;);', 'took longer than 2 s'],
      'because a job waits for ever': ['await new Promise(() => {});', 'took longer than 2 s'],
    };
    for (const [how, [text, reason]] of Object.entries(ENDS)) {
      it(`${how}, fails the job that was at work, and begins the others again`, async function () {
        this.timeout(60_000);
        const threads = bed.threads({ callMs: how.startsWith('because') ? 2000 : 60_000, heapMb: 32 });
        const modulePath = bed.module(
          `export async function add(chunk, part, job) { if (job.name === 'bad') { ${text} } job.emit(chunk); }`,
        );
        const good = bed.begin(threads, 'good', { reducer: 'module', modulePath }).add('a', 'before, ');
        await eventually(
          () => good.progress === 8 || undefined,
          () => 'the first part is reduced',
        );
        const named = bed.begin(threads, 'named', { order: 'name' }).add('b', 'b');
        const bad = bed.begin(threads, 'bad', { reducer: 'module', modulePath }).add('p', 'x');
        good.add('b', 'meanwhile, ');
        expect(await bad.rejection()).to.include({
          code: 'job-failed',
          message: `reduce.mjs, part "p": ${reason}`,
        });
        expect(bad.failures).to.have.length(1);
        expect(await good.add('c', 'after').result()).to.equal('before, meanwhile, after');
        expect(await named.add('a', 'a').result()).to.equal('ab');
        expect(good.progress).to.equal(24);
        expect(bed.results).to.deep.equal(['good', 'named']);
      });
    }

    const LATER = {
      'in a callback': ['process.exit(1)', 'ended its thread with exit code 1'],
      'by an error that nobody catches': ['throw new Error("too late")', 'too late'],
      'by a promise that nobody awaits': ['Promise.reject(new Error("left alone"))', 'left alone'],
    };
    for (const [how, [text, reason]] of Object.entries(LATER)) {
      it(`${how}, while another job is at work, fails the one whose doing that is`, async () => {
        const threads = bed.threads();
        const modulePath = bed.module(`
          import { setTimeout as wait } from 'node:timers/promises';
          let begun;
          const other = new Promise((resolve) => { begun = resolve; });
          export async function add(chunk, part, job) {
            if (job.name === 'bad') void other.then(() => setImmediate(() => { ${text}; }));
            else {
              begun();
              await wait(20);
              job.emit(chunk);
            }
          }`);
        const bad = bed.begin(threads, 'bad', { reducer: 'module', modulePath }).add('p', 'x');
        await bad.begun();
        const good = bed.begin(threads, 'good', { reducer: 'module', modulePath }).add('a', 'good');
        expect(await good.result()).to.equal('good');
        expect((await bad.rejection()).message).to.equal(`reduce.mjs: ${reason}`);
        expect(good.failures).to.deep.equal([]);
      });
    }

    it('for want of memory, asks which of its jobs needs so much', async function () {
      this.timeout(60_000);
      const threads = bed.threads({ heapMb: 64 });
      // Each has room alone; together they have not, and it is the one that keeps nothing that asks last.
      const modulePath = bed.module(`
        const take = (megabytes) => Array.from({ length: megabytes * 16 }, () => new Array(8192).fill(1.5));
        export function add(chunk, part, job) {
          if (job.name === 'bad') job.kept = take(40);
          else take(40);
          job.emit(chunk);
        }`);
      const bad = bed.begin(threads, 'bad', { reducer: 'module', modulePath }).add('a', 'x');
      await bad.begun();
      const good = bed.begin(threads, 'good', { reducer: 'module', modulePath });
      for (let i = 0; i < 3; i++) good.add(`${i}`, 'x');
      expect(await good.result()).to.equal('xxx');
    });
  });

  describe('when a call takes long', () => {
    /** A module whose jobs wait in the call for a part called `wait`, until the job is to go on. */
    function waitingModule(): string {
      return bed.module(`
        import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
        const at = (what, job) => ${JSON.stringify(bed.directory.at('parts'))} + '/' + what + '-' + job.name;
        const cell = new Int32Array(new SharedArrayBuffer(4));
        export function init(job) {
          appendFileSync(at('begun', job), 'x');
        }
        export function add(chunk, part, job) {
          writeFileSync(at('works', job), '');
          if (part === 'wait') while (!existsSync(at('go', job))) Atomics.wait(cell, 0, 0, 5);
          job.emit(chunk);
        }`);
    }

    function atWork(job: string): Promise<unknown> {
      return eventually(
        () => existsSync(bed.directory.at(`parts/works-${job}`)) || undefined,
        () => `${job} is at work`,
      );
    }

    it('lets the other jobs of its thread go on elsewhere, and it goes on where it was', async () => {
      const threads = bed.threads({ lookMs: 50 });
      const modulePath = waitingModule();
      const others = ['one', 'two'].map((name) =>
        bed.begin(threads, name, { reducer: 'module', modulePath }).add('a', `${name} `),
      );
      for (const other of others) {
        await eventually(
          () => other.progress === 4 || undefined,
          () => 'it has begun',
        );
      }
      const slow = bed.begin(threads, 'slow', { reducer: 'module', modulePath });
      slow.add('a', 'slow ').add('wait', 'waits ');
      const builtIn = bed.begin(threads, 'builtIn').add('a', 'beside it');
      for (const other of others) other.add('b', 'goes on');
      expect(await builtIn.result()).to.equal('beside it');
      expect(await Promise.all(others.map((other) => other.result()))).to.deep.equal([
        'one goes on',
        'two goes on',
      ]);
      const late = bed.begin(threads, 'late', { reducer: 'module', modulePath }).add('a', 'comes late');
      expect(await late.result()).to.equal('comes late');
      bed.directory.write('parts/go-slow', '');
      expect(await slow.add('c', 'and ends').result()).to.equal('slow waits and ends');
      expect(others.map(({ progress }) => progress)).to.deep.equal([11, 11]);
      expect(bed.results).to.deep.equal(['builtIn', 'late', 'one', 'slow', 'two']);
    });

    it('lets a job begin again a few times only: so that it comes to its end', async () => {
      const threads = bed.threads({ lookMs: 25 });
      const modulePath = waitingModule();
      const begin = (name: string) => bed.begin(threads, name, { reducer: 'module', modulePath });
      const steady = begin('steady').add('a', 'x');
      await atWork('steady');
      for (let i = 0; i < 9; i++) {
        const slow = begin(`slow-${i}`).add('wait', 'slow');
        await atWork(`slow-${i}`);
        expect(await begin(`quick-${i}`).add('a', 'quick').result()).to.equal('quick');
        bed.directory.write(`parts/go-slow-${i}`, '');
        expect(await slow.result()).to.equal('slow');
      }
      expect(await steady.add('b', 'y').result()).to.equal('xy');
      expect(statSync(bed.directory.at('parts/begun-steady')).size).to.be.within(1, 9);
    });

    it('ends the thread of a job that is not wanted any more', async () => {
      const threads = bed.threads({ callMs: 3_600_000, lookMs: 50 });
      const job = bed.begin(threads, 'job', { reducer: 'module', modulePath: waitingModule() });
      const other = bed.begin(threads, 'other', { reducer: 'module', modulePath: waitingModule() });
      job.add('wait', 'x');
      await atWork('job');
      await job.cancel();
      expect(await other.add('a', 'on').result()).to.equal('on');
      expect(job.failures).to.deep.equal([]);
      expect(bed.results).to.deep.equal(['other']);
    });
  });

  it('says what was thrown, whatever it is', async () => {
    const modulePath = bed.module(
      'export function add() { throw Object.assign(Object.create(null), { code: 7 }); }',
    );
    const job = bed.begin(bed.threads(), 'job', { reducer: 'module', modulePath }).add('a', 'x');
    expect((await job.rejection()).message).to.equal(
      'reduce.mjs, part "a": [Object: null prototype] { code: 7 }',
    );
  });

  it('does not heed what a module says to whoever has started its thread, nor what it emits too late', async () => {
    const threads = bed.threads();
    const modulePath = bed.module(`
      import { writeFileSync } from 'node:fs';
      import { parentPort } from 'node:worker_threads';
      export function add(chunk, part, job) {
        job.emit(chunk);
        parentPort.postMessage(null);
        parentPort.close();
      }
      export function finish(job) {
        setTimeout(() => {
          job.emit('x'.repeat(100_000));
          writeFileSync(${JSON.stringify(bed.directory.at('parts/emitted'))}, '');
        }, 50);
      }`);
    const options = { reducer: 'module', modulePath } as const;
    expect(await bed.begin(threads, 'one', options).add('a', 'one').result()).to.equal('one');
    await eventually(
      () => existsSync(bed.directory.at('parts/emitted')) || undefined,
      () => 'it has emitted too late',
    );
    expect(await bed.begin(threads, 'two', options).add('a', 'two').result()).to.equal('two');
    expect(bed.results).to.deep.equal(['one', 'two']);
  });

  it('fails a job whose JSON would take all memory of the process', async () => {
    const json = `[${'{},'.repeat(1e6)}0]`;
    const job = bed.begin(bed.threads({ heapMb: 16 }), 'job', { reducer: 'merge-json' }).add('a', json);
    expect((await job.rejection()).message).to.match(
      /^merge-json, part "a": its values may need more than the \d+ MB of memory that there are$/,
    );
  });

  it('cancels a job that waits, or is at work, and leaves nothing of it', async () => {
    const threads = bed.threads();
    const waiting = bed.begin(threads, 'waiting');
    const path = bed.directory.write('parts/zeros', Buffer.alloc(64 * MB));
    const working = bed.begin(threads, 'working');
    for (let i = 0; i < 100; i++) working.addStored({ name: `${i}`, path, offset: 0, bytes: 64 * MB });
    await working.begun();
    const end = working.rejection();
    await Promise.all([waiting.cancel(), working.cancel()]);
    expect(await end).to.have.property('code', 'owner-lost');
    expect([...waiting.failures, ...working.failures]).to.deep.equal([]);
    expect(bed.results).to.deep.equal([]);
  });

  it('cancels a job whose reducer hangs when that is found out', async () => {
    const threads = bed.threads({ callMs: 1000, lookMs: 250 });
    const modulePath = bed.module(
      'export function add(chunk, part, job) { job.emit("x".repeat(1e6)); for (;;); }',
    );
    const job = bed.begin(threads, 'job', { reducer: 'module', modulePath }).add('a', 'x');
    await eventually(
      () => bed.results.length > 0 || undefined,
      () => 'it has begun',
    );
    await job.cancel();
    expect(job.failures).to.deep.equal([]);
    expect(bed.results).to.deep.equal([]);
  });

  it('leaves a result that is there until the next is whole', async () => {
    writeFileSync(bed.directory.at('results/job'), 'old');
    const job = bed.begin(bed.threads(), 'job').add('a', 'new');
    await job.begun();
    expect(readFileSync(job.resultPath, 'utf8')).to.equal('old');
    expect(await job.result()).to.equal('new');
    expect(bed.results).to.deep.equal(['job']);
  });

  it('fails a job whose result has no room on the disk, and leaves nothing of it', async function () {
    const disk = bed.directory.at('results');
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'ignore' });
    if (mount.status !== 0) {
      console.log('        skipped: this user may not mount a file system');
      this.skip();
    }
    try {
      const threads = bed.threads();
      const deaf = bed.module(
        'export function add(chunk, part, job) { try { job.emit(chunk); } catch { return; } }',
      );
      for (const modulePath of [undefined, deaf]) {
        const reducer = modulePath === undefined ? 'concat' : 'module';
        const job = bed.begin(threads, 'job', { reducer, modulePath }).add('a', Buffer.alloc(2 * MB));
        const error = await job.rejection();
        expect(error).to.have.property('code', 'storage-full');
        expect(error.message).to.match(
          /^the result cannot be written to .*: ENOSPC: no space left on device/,
        );
        expect(job.failures).to.deep.equal([error]);
        expect(bed.results).to.deep.equal([]);
      }
      expect(await bed.begin(threads, 'small').add('a', 'fits').result()).to.equal('fits');
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  });

  it('closes: jobs are cancelled, and no more begin', async () => {
    const threads = bed.threads({ threads: 2 });
    const jobs = ['one', 'two', 'three'].map((name) => bed.begin(threads, name).add('a', Buffer.alloc(MB)));
    await Promise.all(
      jobs.map((job) =>
        eventually(
          () => job.progress === MB || undefined,
          () => 'the part is reduced',
        ),
      ),
    );
    const sizes = bed.results.map((name) => statSync(bed.directory.at(`results/${name}`)).size);
    expect(sizes).to.deep.equal([MB, MB, MB]);
    await threads.close();
    for (const job of jobs) {
      expect(await job.rejection()).to.have.property('code', 'owner-lost');
      expect(job.failures).to.deep.equal([]);
    }
    expect(bed.results).to.deep.equal([]);
    expect(() => bed.begin(threads, 'four'))
      .to.throw(JobError)
      .with.property('code', 'owner-lost');
  });

  it('works on as many jobs at once as it has threads', async () => {
    const threads = bed.threads({ threads: 2 });
    const text = `
      import { existsSync, writeFileSync } from 'node:fs';
      const at = (name) => ${JSON.stringify(bed.directory.at('parts'))} + '/met-' + name;
      export function add(chunk, other, job) {
        writeFileSync(at(job.name), '');
        while (!existsSync(at(other)));
      }`;
    const modulePath = bed.module(text);
    const jobs = ['one', 'two'].map((name) => bed.begin(threads, name, { reducer: 'module', modulePath }));
    jobs[0]?.add('two', 'x');
    jobs[1]?.add('one', 'x');
    await Promise.all(jobs.map((job) => job.finish()));
  });
});
