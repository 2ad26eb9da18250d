import { expect } from 'chai';
import { LocalArbiter, type LocalSession } from '../../../src/tokens/local-arbiter.js';
import { TokenError } from '../../../src/tokens/token.js';
import { settled } from '../../helpers/session-bench.js';

/** An arbiter, what its sessions are asked to give up, and its clock. */
class Bench {
  nowMs = 0;
  readonly fenced: string[] = [];
  readonly demands: string[] = [];
  readonly lost: string[] = [];
  holdFence: Promise<void> = Promise.resolve();
  #fence = 0;
  readonly arbiter = new LocalArbiter({
    nextFence: () => ++this.#fence,
    now: () => this.nowMs,
    onExpired: async (session) => {
      this.fenced.push(session);
      await this.holdFence;
    },
  });

  open(id: string, ttlMs?: number): LocalSession {
    const session = this.arbiter.open({ id, who: id, ttlMs });
    session.listen({
      demand: (file, to) => this.demands.push(`${id} ${file} ${to}`),
      lost: () => this.lost.push(id),
    });
    return session;
  }
}

describe('tokens/local-arbiter', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it('lets many read and one write', async () => {
    const [a, b, c] = [bench.open('a'), bench.open('b'), bench.open('c')];
    const read = await a.request('/f', 'read');
    await b.request('/f', 'read');
    let granted = false;
    const writing = c.request('/f', 'write').then(() => {
      granted = true;
    });
    await settled();
    expect(bench.demands).to.deep.equal(['a /f none', 'b /f none']);
    await a.yieldToken('/f', read.fence, 'none');
    await settled();
    expect(granted).to.equal(false);
    await b.yieldToken('/f', read.fence + 1, 'none');
    await writing;
    expect(bench.arbiter.counters).to.include({ write: 1, read: 0, waiting: 0, grants: 3 });
  });

  it('asks a writer only to read where somebody else wants to read', async () => {
    const [a, b] = [bench.open('a'), bench.open('b')];
    const { fence } = await a.request('/f', 'write');
    const reading = b.request('/f', 'read');
    expect(bench.demands).to.deep.equal(['a /f read']);
    await a.yieldToken('/f', fence, 'read');
    await reading;
    expect(bench.arbiter.counters).to.include({ read: 2, write: 0, downgrades: 1 });
  });

  it('grants in the order of asking, readers behind a writer together', async () => {
    const order: string[] = [];
    const sessions = ['a', 'b', 'c', 'd', 'e'].map((id) => bench.open(id));
    const { fence } = await sessions[0]!.request('/f', 'write');
    const modes = ['write', 'read', 'read', 'write'] as const;
    const fences: number[] = [];
    for (const [i, mode] of modes.entries()) {
      void sessions[i + 1]!.request('/f', mode).then((granted) => {
        order.push(sessions[i + 1]!.id);
        fences.push(granted.fence);
      });
    }
    await sessions[0]!.yieldToken('/f', fence, 'none');
    await settled();
    expect(order).to.deep.equal(['b']);
    await sessions[1]!.yieldToken('/f', fences[0]!, 'none');
    await settled();
    expect(order).to.deep.equal(['b', 'c', 'd']);
    await sessions[2]!.yieldToken('/f', fences[1]!, 'none');
    await sessions[3]!.yieldToken('/f', fences[2]!, 'none');
    await settled();
    expect(order).to.deep.equal(['b', 'c', 'd', 'e']);
    expect(fences).to.deep.equal([...fences].sort((x, y) => x - y));
  });

  it('does not let a reader pass a writer that waits', async () => {
    const [a, b, c] = [bench.open('a'), bench.open('b'), bench.open('c')];
    await a.request('/f', 'read');
    void b.request('/f', 'write');
    let granted = false;
    void c.request('/f', 'read').then(() => {
      granted = true;
    });
    await settled();
    expect(granted).to.equal(false);
  });

  it('asks again whoever does not give up', async () => {
    const [a, b] = [bench.open('a'), bench.open('b')];
    await a.request('/f', 'read');
    void b.request('/f', 'write');
    bench.arbiter.sweep();
    expect(bench.demands).to.deep.equal(['a /f none', 'a /f none']);
  });

  it('takes no notice of a yield of an earlier holding', async () => {
    const [a, b] = [bench.open('a'), bench.open('b')];
    const first = await a.request('/f', 'write');
    await a.yieldToken('/f', first.fence, 'none');
    const second = await a.request('/f', 'write');
    void b.request('/f', 'write');
    await a.yieldToken('/f', first.fence, 'none');
    expect(await a.commit('/f', second.fence, { etag: '', bytes: 0 })).to.be.above(0);
  });

  it('lets only the holder commit', async () => {
    const [a, b] = [bench.open('a'), bench.open('b')];
    const { fence } = await a.request('/f', 'write');
    await a.yieldToken('/f', fence, 'none');
    await b.request('/f', 'write');
    const code = await a.commit('/f', fence, { etag: '', bytes: 0 }).catch((e: TokenError) => e.code);
    expect(code).to.equal('stale');
    expect(bench.arbiter.counters.staleCommits).to.equal(1);
  });

  it('leaves nothing of who does not want it any more', async () => {
    const [a, b, c] = [bench.open('a'), bench.open('b'), bench.open('c')];
    await a.request('/f', 'read');
    const wanted = new AbortController();
    const writing = b.request('/f', 'write', wanted.signal);
    const reading = c.request('/f', 'read');
    wanted.abort();
    expect(await writing.catch((e: unknown) => e)).to.be.instanceOf(TokenError);
    await reading;
  });

  it('frees what a silent session held, after it was fenced off', async () => {
    let release!: () => void;
    bench.holdFence = new Promise((resolve) => {
      release = resolve;
    });
    const silent = bench.open('silent', 1000);
    const other = bench.open('other', 1000);
    const { fence } = await silent.request('/f', 'write');
    let granted = false;
    const writing = other.request('/f', 'write').then(() => {
      granted = true;
    });
    bench.nowMs = 999;
    bench.arbiter.sweep();
    expect(bench.lost).to.deep.equal([]);
    other.alive(999);
    bench.nowMs = 1000;
    bench.arbiter.sweep();
    await settled();
    expect(bench.lost).to.deep.equal(['silent']);
    expect(bench.fenced).to.deep.equal(['silent']);
    expect(granted).to.equal(false);
    const code = await silent.commit('/f', fence, { etag: '', bytes: 0 }).catch((e: TokenError) => e.code);
    expect(code).to.equal('stale');
    release();
    await writing;
    expect(bench.arbiter.counters.expiredSessions).to.equal(1);
  });

  it('tells who holds what and who waits', async () => {
    const [a, b] = [bench.open('a'), bench.open('b')];
    await a.request('/f', 'write');
    void b.request('/f', 'read');
    bench.nowMs = 5;
    expect(bench.arbiter.rows()).to.deep.equal([
      {
        file: '/f',
        holders: [{ who: 'a', mode: 'write', fence: 1, heldMs: 5 }],
        queue: [{ who: 'b', mode: 'read', waitedMs: 5 }],
      },
    ]);
  });

  it('forgets files that nobody holds', async () => {
    const a = bench.open('a');
    const { fence } = await a.request('/f', 'read');
    await a.yieldToken('/f', fence, 'none');
    expect(bench.arbiter.rows()).to.deep.equal([]);
  });
});
