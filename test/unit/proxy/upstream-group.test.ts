import { expect } from 'chai';
import fc from 'fast-check';
import type { BodyStream } from '../../../src/proxy/body-stream.js';
import type { Upstream } from '../../../src/proxy/upstream.js';
import { type GroupRequest, UpstreamGroup } from '../../../src/proxy/upstream-group.js';
import { UpstreamError, type UpstreamReply } from '../../../src/proxy/upstream-reply.js';

type Outcome = 'ok' | 'refused' | 'died' | 'late' | 'bad body';

const ERRORS: Readonly<Record<Exclude<Outcome, 'ok'>, () => UpstreamError>> = {
  refused: () => new UpstreamError(502, 'refused', true),
  died: () => new UpstreamError(502, 'died'),
  late: () => new UpstreamError(504, 'late'),
  'bad body': () => new UpstreamError(400, 'bad body'),
};
const REPLY: UpstreamReply = { status: 200, fields: [], body: null, length: undefined };

/** An upstream that does what the test says, and keeps when it was down as a real one does. */
class FakeUpstream {
  asked = 0;
  outcome: Outcome = 'ok';
  isCancelled = false;
  #downSinceMs = Number.NEGATIVE_INFINITY;

  send(): object {
    this.asked++;
    const reply = this.outcome === 'ok' ? Promise.resolve(REPLY) : Promise.reject(ERRORS[this.outcome]());
    return { reply, isCancelled: this.isCancelled };
  }

  note(error: UpstreamError | undefined, nowMs: number): void {
    if (error === undefined) this.#downSinceMs = Number.NEGATIVE_INFINITY;
    else if (error.isUnsent) this.#downSinceMs = nowMs;
  }

  isDown(nowMs: number): boolean {
    return nowMs - this.#downSinceMs < 10_000;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Bench {
  readonly upstreams: FakeUpstream[];
  readonly group: UpstreamGroup;
  nowMs = 0;
  active = 0;
  answered = 0;
  failed = 0;

  constructor(count: number) {
    this.upstreams = Array.from({ length: count }, () => new FakeUpstream());
    const counters = {
      asked: () => void this.active++,
      answered: () => {
        this.active--;
        this.answered++;
      },
      failed: () => {
        this.active--;
        this.failed++;
      },
    };
    this.group = new UpstreamGroup(this.upstreams as unknown as Upstream[], () => this.nowMs, counters);
  }

  get asked(): number[] {
    return this.upstreams.map(({ asked }) => asked);
  }

  /** The status that comes of a request. */
  async ask(method = 'GET', body?: Partial<BodyStream>): Promise<number> {
    const request = {
      method,
      body,
      requestTo: () => ({}),
      translated: (reply: unknown) => reply,
      began: () => undefined,
    };
    try {
      return (await this.group.send(request as unknown as GroupRequest)).status;
    } catch (error) {
      return (error as UpstreamError).status;
    }
  }
}

describe('proxy/upstream-group', () => {
  it('takes turns', async () => {
    const bench = new Bench(3);
    for (let i = 0; i < 9; i++) await bench.ask();
    expect(bench.asked).to.deep.equal([3, 3, 3]);
  });

  it('asks the only one again when it died, but not when it cannot be reached', async () => {
    const bench = new Bench(1);
    bench.upstreams[0]!.outcome = 'died';
    expect([await bench.ask(), bench.asked]).to.deep.equal([502, [2]]);
    bench.upstreams[0]!.outcome = 'refused';
    expect([await bench.ask(), bench.asked]).to.deep.equal([502, [3]]);
  });

  for (const [outcome, method, body, asked] of [
    ['refused', 'GET', undefined, 2],
    ['refused', 'POST', undefined, 2],
    ['refused', 'POST', { hasStarted: false, destroyed: false }, 2],
    ['refused', 'POST', { hasStarted: true, destroyed: false }, 1],
    ['refused', 'POST', { hasStarted: false, destroyed: true }, 1],
    ['died', 'GET', undefined, 2],
    ['died', 'HEAD', undefined, 2],
    ['died', 'DELETE', undefined, 2],
    ['died', 'PUT', { hasStarted: true, destroyed: false }, 1],
    ['died', 'POST', undefined, 1],
    ['died', 'PATCH', undefined, 1],
    ['died', 'BREW', undefined, 1],
    ['late', 'GET', undefined, 1],
    ['bad body', 'PUT', undefined, 1],
  ] as const) {
    it(`makes ${asked} attempts at ${method} (${outcome}, ${JSON.stringify(body)})`, async () => {
      const bench = new Bench(2);
      for (const upstream of bench.upstreams) upstream.outcome = outcome;
      expect(await bench.ask(method, body)).to.equal(ERRORS[outcome]().status);
      expect(bench.asked.reduce((sum, count) => sum + count)).to.equal(asked);
    });
  }

  it('asks nobody again for a client that is gone', async () => {
    const bench = new Bench(2);
    for (const upstream of bench.upstreams) Object.assign(upstream, { outcome: 'died', isCancelled: true });
    await bench.ask();
    expect(bench.asked).to.deep.equal([1, 0]);
  });

  it('asks those that are down last, and for ten seconds', async () => {
    const bench = new Bench(2);
    bench.upstreams[0]!.outcome = 'refused';
    for (let i = 0; i < 10; i++) expect(await bench.ask()).to.equal(200);
    expect(bench.asked).to.deep.equal([1, 10]);
    bench.nowMs += 10_000;
    bench.upstreams[0]!.outcome = 'ok';
    for (let i = 0; i < 4; i++) await bench.ask();
    expect(bench.asked).to.deep.equal([3, 12]);
  });

  for (const count of [1, 2, 3]) {
    it(`asks at once again when all ${count} were down, and one is back`, async () => {
      for (let back = 0; back < count; back++) {
        const bench = new Bench(count);
        for (const upstream of bench.upstreams) upstream.outcome = 'refused';
        for (let i = 0; i < 5; i++) expect(await bench.ask('POST')).to.equal(502);
        bench.upstreams[back]!.outcome = 'ok';
        expect(await bench.ask('POST')).to.equal(200);
      }
    });
  }

  it('asks no upstream that cannot be reached twice, and counts what came of each attempt', async () => {
    const outcomes = fc.constantFrom<Outcome>('ok', 'refused', 'died', 'late', 'bad body');
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcomes, { minLength: 1, maxLength: 4 }),
        fc.nat(3),
        async (all, skipped) => {
          const bench = new Bench(all.length);
          for (let i = 0; i < skipped; i++) await bench.ask();
          const before = bench.asked;
          for (const [i, outcome] of all.entries()) bench.upstreams[i]!.outcome = outcome;
          const status = await bench.ask();
          const now = bench.asked.map((count, i) => count - before[i]!);
          if (all.length > 1) expect(Math.max(...now)).to.equal(1);
          if (all.every((outcome) => outcome === 'ok' || outcome === 'refused')) {
            expect(status).to.equal(all.includes('ok') ? 200 : 502);
          }
          expect(bench.active).to.equal(0);
          const attempts = bench.asked.reduce((sum, count) => sum + count);
          expect(bench.answered + bench.failed).to.equal(attempts);
        },
      ),
    );
  });
});
