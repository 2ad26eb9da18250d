import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import {
  type LentSegment,
  SegmentPool,
  type SegmentPoolOptions,
  type SegmentUser,
} from '../../../src/shared-cache/segment-pool.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('SegmentPool', () => {
  let directory: TestDirectory;
  let pool: SegmentPool;
  let sent: string[];

  beforeEach(() => {
    directory = new TestDirectory();
    sent = [];
    pool = make();
  });
  afterEach(() => {
    pool.close(new Error('the end'));
    directory.remove();
  });

  function make(options: Partial<SegmentPoolOptions> = {}): SegmentPool {
    return new SegmentPool({
      directory: directory.path,
      maxSegments: 2,
      chunkBytes: 4096,
      mapping: 'auto',
      attach: (index) => sent.push(`attach ${index}`),
      cancel: (index, gen) => sent.push(`cancel ${index} ${gen}`),
      onFull: () => sent.push('full'),
      ...options,
    });
  }

  function user(told: string[] = []): SegmentUser {
    return {
      head: () => told.push('head'),
      ready: () => told.push('ready'),
      acknowledged: () => told.push('acknowledged'),
      fail: ({ message }) => told.push(message),
    };
  }

  async function acquire(): Promise<LentSegment> {
    return (await pool.acquire(user()))!;
  }

  it('makes segments when they are needed, and lends them again', async () => {
    const first = await acquire();
    expect(sent).to.deep.equal(['attach 0']);
    pool.release(first);
    const again = await acquire();
    expect([again.index, again.gen]).to.deep.equal([0, first.gen + 1]);
    await acquire();
    expect(sent).to.deep.equal(['attach 0', 'attach 1']);
    expect(pool.counts).to.deep.equal({ free: 0, lent: 2, quarantined: 0, waiting: 0 });
  });

  it('takes the name of a segment away when the cache has it', async () => {
    await acquire();
    expect(readdirSync(directory.path)).to.have.length(1);
    pool.attached(0);
    expect(readdirSync(directory.path)).to.deep.equal([]);
  });

  it('lends to who waits longest', async () => {
    const first = await acquire();
    await acquire();
    const order: string[] = [];
    const waiting = ['a', 'b'].map(async (who) => {
      const lent = await pool.acquire(user());
      order.push(who);
      pool.release(lent!);
    });
    expect(pool.counts.waiting).to.equal(2);
    pool.release(first);
    await Promise.all(waiting);
    expect(order).to.deep.equal(['a', 'b']);
  });

  it('lends what was given up only when the cache writes there no more', async () => {
    const [first, second] = [await acquire(), await acquire()];
    pool.giveUp(first);
    expect(sent.at(-1)).to.equal(`cancel ${first.index} ${first.gen}`);
    expect(pool.counts).to.include({ lent: 1, quarantined: 1 });
    const waiting = pool.acquire(user());
    expect(pool.counts.waiting).to.equal(1);
    pool.cancelled(first.index, first.gen + 7);
    pool.cancelled(second.index, second.gen);
    expect(pool.counts.waiting, 'said of other transfers').to.equal(1);
    pool.cancelled(first.index, first.gen);
    expect((await waiting)?.index).to.equal(first.index);
  });

  it('hands no late answer to another transfer', async () => {
    const first = await acquire();
    pool.release(first);
    const told: string[] = [];
    const second = (await pool.acquire(user(told)))!;
    expect(pool.answered(first.index, first.gen)).to.equal(undefined);
    pool.answered(second.index, second.gen)?.ready();
    expect(told).to.deep.equal(['ready']);
    expect(pool.answered(99, 1)).to.equal(undefined);
  });

  it('gives up who waits too long, for a segment or for a chunk', async () => {
    const told: string[] = [];
    const lent = (await pool.acquire(user(told)))!;
    await acquire();
    pool.await(lent);
    const waiting = pool.acquire(user());
    for (let i = 0; i < 3; i++) pool.tick(2, 3);
    expect(await waiting).to.equal(undefined);
    expect(told).to.deep.equal([]);
    pool.tick(2, 3);
    expect(told).to.deep.equal(['the cache process did not give a chunk in time']);
    expect(pool.counts.quarantined).to.equal(1);
  });

  it('fails all who are under way when it is closed, and leaves no name', async () => {
    const told: string[] = [];
    await pool.acquire(user(told));
    await acquire();
    const waiting = pool.acquire(user());
    pool.close(new Error('gone'));
    expect(told).to.deep.equal(['gone']);
    expect(await waiting).to.equal(undefined);
    expect(await pool.acquire(user())).to.equal(undefined);
    expect(readdirSync(directory.path)).to.deep.equal([]);
  });

  it('has no segments where there is no room, and says so once', async () => {
    pool = make({ directory: directory.at('none') });
    expect(await pool.acquire(user())).to.equal(undefined);
    expect(await pool.acquire(user())).to.equal(undefined);
    expect(sent).to.deep.equal(['full']);
  });
});
