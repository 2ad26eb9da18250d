import { expect } from 'chai';
import { LocalArbiter, type LocalSession } from '../../../src/tokens/local-arbiter.js';
import type { TokenError } from '../../../src/tokens/token.js';
import { TokenManager } from '../../../src/tokens/token-manager.js';
import { settled } from '../../helpers/session-bench.js';

const RECORD = { etag: '"x"', bytes: 1 };

describe('tokens/token-manager', () => {
  let nowMs: number;
  let fence: number;
  let arbiter: LocalArbiter;
  const sessions: LocalSession[] = [];

  beforeEach(() => {
    nowMs = 1000;
    fence = 0;
    sessions.length = 0;
    arbiter = new LocalArbiter({ nextFence: () => ++fence, now: () => nowMs });
  });

  function manager(options: { maxIdle?: number } = {}): TokenManager {
    const session = arbiter.open({ id: `s${sessions.length}`, who: `s${sessions.length}` });
    sessions.push(session);
    return new TokenManager(session, { now: () => nowMs, ...options });
  }

  it('keeps a token until others want it', async () => {
    const [a, b] = [manager(), manager()];
    (await a.acquire('/f', 'write')).release();
    (await a.acquire('/f', 'write')).release();
    expect(fence).to.equal(1);
    expect(a.has('/f', 'write')).to.equal(true);
    (await b.acquire('/f', 'write')).release();
    expect(a.has('/f', 'write')).to.equal(false);
  });

  it('gives nothing up that is in use', async () => {
    const [a, b] = [manager(), manager()];
    const grant = await a.acquire('/f', 'write');
    let granted = false;
    const waiting = b.acquire('/f', 'read').then(() => {
      granted = true;
    });
    await settled();
    expect(granted).to.equal(false);
    expect(await grant.commit(RECORD)).to.equal(1);
    grant.release();
    await waiting;
    // A reader takes from a writer only the writing.
    expect(a.has('/f', 'read')).to.equal(true);
    expect(a.has('/f', 'write')).to.equal(false);
  });

  it('lets one request of a process write at a time', async () => {
    const a = manager();
    const first = await a.acquire('/f', 'write');
    let granted = false;
    const second = a.acquire('/f', 'write').then((grant) => {
      granted = true;
      return grant;
    });
    await settled();
    expect(granted).to.equal(false);
    first.release();
    (await second).release();
    expect(fence).to.equal(1);
  });

  it('does not let two readers who want to write wait for each other', async () => {
    const [a, b] = [manager(), manager()];
    (await a.acquire('/f', 'read')).release();
    (await b.acquire('/f', 'read')).release();
    const both = [a.acquire('/f', 'write'), b.acquire('/f', 'write')];
    const first = await Promise.race(both);
    first.release();
    for (const grant of await Promise.all(both)) grant.release();
  });

  it('puts others before those who wait here', async () => {
    const [a, b] = [manager(), manager()];
    const first = await a.acquire('/f', 'write');
    const order: string[] = [];
    const there = b.acquire('/f', 'write').then((grant) => {
      order.push('there');
      grant.release();
    });
    await settled();
    const here = a.acquire('/f', 'write').then((grant) => {
      order.push('here');
      grant.release();
    });
    first.release();
    await Promise.all([here, there]);
    expect(order).to.deep.equal(['there', 'here']);
  });

  it('serves whoever asked before it gives in to a demand', async () => {
    const managers = [manager(), manager(), manager()];
    let writers = 0;
    let most = 0;
    let served = 0;
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const grant = await managers[i % 3]!.acquire('/f', i % 4 === 0 ? 'write' : 'read');
        if (grant.mode === 'write') most = Math.max(most, ++writers);
        await settled();
        if (grant.mode === 'write') writers--;
        served++;
        grant.release();
      }),
    );
    expect(served).to.equal(60);
    expect(most).to.equal(1);
  });

  it('stops waiting in time, and leaves nothing', async () => {
    const [a, b, c] = [manager(), manager(), manager()];
    const grant = await a.acquire('/f', 'write');
    const code = await b.acquire('/f', 'write', { timeoutMs: 1 }).catch((e: TokenError) => e.code);
    expect(code).to.equal('timeout');
    grant.release();
    (await c.acquire('/f', 'write')).release();
    expect(arbiter.counters.waiting).to.equal(0);
  });

  it('loses everything with its session', async () => {
    const a = manager();
    const grant = await a.acquire('/f', 'write');
    await sessions[0]!.expel('it was silent');
    expect(grant.isValid()).to.equal(false);
    expect(a.has('/f', 'read')).to.equal(false);
    expect(await grant.commit(RECORD).catch((e: TokenError) => e.code)).to.equal('stale');
    grant.release();
  });

  describe('guards', () => {
    it('are there once a token was asked for, until others write', async () => {
      const [a, b] = [manager(), manager()];
      expect(a.guard('/f')).to.equal(undefined);
      a.want('/f');
      await settled();
      const guard = a.guard('/f')!;
      expect(guard.isValid(nowMs)).to.equal(true);
      const writing = b.acquire('/f', 'write');
      expect(guard.isValid(nowMs)).to.equal(false);
      (await writing).release();
    });

    it('survive others who read', async () => {
      const [a, b] = [manager(), manager()];
      (await a.acquire('/f', 'write')).release();
      const guard = a.guard('/f')!;
      (await b.acquire('/f', 'read')).release();
      expect(guard.isValid(nowMs)).to.equal(true);
    });

    it('end when this process itself writes, and there is none while it does', async () => {
      const a = manager();
      a.want('/f');
      await settled();
      const guard = a.guard('/f')!;
      const grant = await a.acquire('/f', 'write');
      expect(guard.isValid(nowMs)).to.equal(false);
      expect(a.guard('/f')).to.equal(undefined);
      grant.release();
      expect(a.guard('/f')!.isValid(nowMs)).to.equal(true);
      expect(guard.isValid(nowMs)).to.equal(false);
    });

    it('end with the time for which the session may be believed', async () => {
      const session = arbiter.open({ id: 's', who: 's' });
      const engine = Object.create(session, { validUntilMs: { value: 2000 } }) as LocalSession;
      engine.request = (...asked) => session.request(...asked);
      engine.listen = (events) => session.listen(events);
      const a = new TokenManager(engine, { now: () => nowMs });
      a.want('/f');
      await settled();
      const guard = a.guard('/f')!;
      expect(guard.isValid(1999)).to.equal(true);
      expect(guard.isValid(2000)).to.equal(false);
      nowMs = 2000;
      expect(a.guard('/f')).to.equal(undefined);
    });

    it('are not asked for again at once when others have just written', async () => {
      const [a, b] = [manager(), manager()];
      a.want('/f');
      await settled();
      (await b.acquire('/f', 'write')).release();
      a.want('/f');
      await settled();
      expect(a.guard('/f')).to.equal(undefined);
      nowMs += 60;
      a.want('/f');
      await settled();
      expect(a.guard('/f')).not.to.equal(undefined);
    });
  });

  it('keeps so many that nobody uses, and no more', async () => {
    const a = manager({ maxIdle: 10 });
    for (let i = 0; i < 50; i++) (await a.acquire(`/${i}`, 'read')).release();
    await settled();
    expect(arbiter.counters.read).to.be.within(5, 11);
    expect(a.has('/49', 'read')).to.equal(true);
  });
});
