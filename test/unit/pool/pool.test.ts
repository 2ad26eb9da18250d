import { expect } from 'chai';
import { ThreadPool, type ThreadPoolOptions } from '../../../src/pool/pool.js';

type Samples = typeof import('./sample-tasks.js');

/** `gate[0]`: 0 while closed. `gate[1]`: tasks that have arrived at it. */
function newGate(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

function open(gate: Int32Array): void {
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
}

/** Resolves when so many tasks have arrived at the gate. */
async function arrived(gate: Int32Array, count: number): Promise<void> {
  while (Atomics.load(gate, 1) < count) await new Promise(setImmediate);
}

/** What a promise was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => expect.fail('was not rejected'),
    (error: Error) => error,
  );
}

describe('pool/pool', () => {
  const pools: ThreadPool<Samples>[] = [];
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close()));
  });

  function newPool(overrides: Partial<ThreadPoolOptions> = {}): ThreadPool<Samples> {
    const entry = new URL('./sample-tasks.js', import.meta.url);
    const pool = new ThreadPool<Samples>({
      entry,
      threads: 2,
      maxQueue: 100,
      data: { greeting: 'hi' },
      ...overrides,
    });
    pools.push(pool);
    return pool;
  }

  it('runs tasks by name in other threads, with the data they were given', async () => {
    const answer = await newPool().run('whoAmI', null);
    expect(answer.data).to.deep.equal({ greeting: 'hi' });
    expect(answer.threadId).to.be.above(0);
  });

  it('runs as many tasks at once as it has threads, each in its own', async () => {
    const pool = newPool({ threads: 3 });
    const gate = newGate();
    const tasks = [1, 2, 3, 4].map(() => pool.run('wait', gate));
    await arrived(gate, 3);
    expect(pool.counters).to.include({ tasks: 4, busy: 3, queued: 1 });
    open(gate);
    const threads = (await Promise.all(tasks)).map(({ threadId }) => threadId);
    expect(new Set(threads)).to.have.property('size', 3);
    expect(pool.counters).to.include({ tasks: 4, busy: 0, queued: 0 });
  });

  it('keeps its threads', async () => {
    const pool = newPool({ threads: 1 });
    const first = await pool.run('whoAmI', null);
    for (let i = 0; i < 5; i++) expect((await pool.run('whoAmI', null)).threadId).to.equal(first.threadId);
  });

  it('counts the time that tasks take in their threads', async () => {
    const pool = newPool();
    expect(pool.counters.busyUs).to.equal(0);
    const gate = newGate();
    const task = pool.run('wait', gate);
    await arrived(gate, 1);
    const startedMs = performance.now();
    // Not a wait for something to happen: this is the time to be counted.
    while (performance.now() < startedMs + 5) await new Promise(setImmediate);
    open(gate);
    await task;
    expect(pool.counters.busyUs).to.be.at.least(5000);
    const counted = pool.counters.busyUs;
    await rejection(pool.run('fail', 'x'));
    expect(pool.counters.busyUs).to.be.at.least(counted);
  });

  it('moves memory out of a task and into it without a copy', async () => {
    const pool = newPool({ threads: 1 });
    const { body } = await pool.run('fill', { bytes: 100_000, value: 7 });
    expect(body).to.have.length(100_000);
    expect(body[99_999]).to.equal(7);
    expect(await pool.run('left', null)).to.deep.equal({ bytes: 0 });
    const bytes = new Uint8Array([1, 2, 3]);
    expect(await pool.run('sum', bytes)).to.deep.equal({ sum: 6 });
    expect(bytes.length).to.equal(3);
    expect(await pool.run('sum', bytes, [bytes.buffer])).to.deep.equal({ sum: 6 });
    expect(bytes.length, 'moved away').to.equal(0);
  });

  it('rejects with what a task throws, and goes on', async () => {
    const pool = newPool({ threads: 1 });
    const { threadId } = await pool.run('whoAmI', null);
    const error = await rejection(pool.run('fail', 'no good'));
    expect(error).to.be.instanceOf(RangeError);
    expect(error.message).to.equal('no good');
    expect((await pool.run('whoAmI', null)).threadId).to.equal(threadId);
  });

  it('refuses more than may wait, and takes tasks again later', async () => {
    const pool = newPool({ threads: 1, maxQueue: 2 });
    const gate = newGate();
    const tasks = [1, 2, 3].map(() => pool.run('wait', gate));
    expect(await rejection(pool.run('whoAmI', null))).to.have.property('code', 'POOL_FULL');
    expect(pool.counters).to.include({ tasks: 3, busy: 1, queued: 2 });
    open(gate);
    await Promise.all(tasks);
    expect(await pool.run('sum', new Uint8Array([1]))).to.deep.equal({ sum: 1 });
  });

  describe('when a thread dies', () => {
    it('fails the task it had, and no other', async () => {
      const pool = newPool({ threads: 2 });
      const gate = newGate();
      const running = pool.run('wait', gate);
      await arrived(gate, 1);
      const dying = rejection(pool.run('die', 3));
      const waiting = [1, 2, 3].map((value) => pool.run('sum', new Uint8Array([value])));
      expect((await dying).message).to.include('3');
      expect((await Promise.all(waiting)).map(({ sum }) => sum)).to.deep.equal([1, 2, 3]);
      open(gate);
      expect((await running).threadId).to.be.above(0);
    });

    it('replaces it, even the only one with tasks waiting', async () => {
      const pool = newPool({ threads: 1 });
      const before = await pool.run('whoAmI', null);
      const dying = rejection(pool.run('die', 3));
      const waiting = pool.run('whoAmI', null);
      await dying;
      expect((await waiting).threadId).not.to.equal(before.threadId);
      expect(pool.counters).to.include({ busy: 0, queued: 0 });
    });

    it('fails what waits when no thread can start, and tries again for the next task', async () => {
      const errors: unknown[] = [];
      const onThreadError = (error: unknown) => errors.push(error);
      const pool = newPool({
        entry: new URL('./broken-entry.js', import.meta.url),
        threads: 2,
        onThreadError,
      });
      for (let round = 0; round < 3; round++) {
        const tasks = [1, 2, 3, 4, 5].map(() => rejection(pool.run('whoAmI', null)));
        const reasons = (await Promise.all(tasks)).map((error) => error.code ?? error.message);
        expect([...new Set(reasons)].sort()).to.deep.equal(['POOL_THREAD', 'cannot start']);
      }
      expect(errors).not.to.have.length(0);
      expect(pool.counters).to.include({ busy: 0, queued: 0 });
    });
  });

  describe('when it is closed', () => {
    it('ends its threads, fails what it has, and refuses the rest', async () => {
      const pool = newPool({ threads: 1 });
      const gate = newGate();
      const tasks = [1, 2].map(() => rejection(pool.run('wait', gate)));
      await arrived(gate, 1);
      await pool.close();
      for (const error of await Promise.all(tasks)) expect(error).to.have.property('code', 'POOL_CLOSED');
      expect(await rejection(pool.run('whoAmI', null))).to.have.property('code', 'POOL_CLOSED');
      await pool.close();
    });

    it('has threads that import their entry: ended in a require of it, they would abort the process', async () => {
      expect((await newPool().run('requiresModules', null)).answer).to.equal(false);
    });

    it('needs no thread to have run', async () => {
      await newPool().close();
    });
  });
});
