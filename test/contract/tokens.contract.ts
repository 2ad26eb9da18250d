/** What tokens are, whatever the way to the arbiter: see src/tokens/engine.ts. */
import { expect } from 'chai';
import { TokenError } from '../../src/tokens/token.js';
import type { Grant, TokenManager } from '../../src/tokens/token-manager.js';
import type { TokenBench } from '../helpers/token-bench.js';
import { until } from '../helpers/writing.js';

const RECORD = { etag: '"x"', bytes: 1 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A few turns of the loop: what could be granted by then is. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

export function tokensContract(name: string, newBench: () => TokenBench): void {
  describe(`tokens: ${name}`, () => {
    let bench: TokenBench;
    let a: TokenManager;
    let b: TokenManager;
    let c: TokenManager;
    beforeEach(() => {
      bench = newBench();
      [a, b, c] = [bench.open(), bench.open(), bench.open()];
    });
    afterEach(() => bench.close());

    /** Asks, and tells whether it was granted. */
    const ask = (manager: TokenManager, mode: 'read' | 'write') => {
      const asked = { grant: undefined as Grant | undefined, promise: manager.acquire('/f', mode) };
      asked.promise.then(
        (grant) => {
          asked.grant = grant;
        },
        () => undefined,
      );
      return asked;
    };
    const hold = async (manager: TokenManager, mode: 'read' | 'write') =>
      (await manager.acquire('/f', mode)).release();

    it('are shared to read', async () => {
      const grants = await Promise.all([a, b, c].map((manager) => manager.acquire('/f', 'read')));
      expect(grants.every((grant) => grant.isValid())).to.equal(true);
    });

    it('are exclusive to write', async () => {
      const grant = await a.acquire('/f', 'write');
      const [writing, reading] = [ask(b, 'write'), ask(c, 'read')];
      await settle();
      expect(writing.grant ?? reading.grant).to.equal(undefined);
      grant.release();
      (await writing.promise).release();
      await reading.promise;
    });

    it('are kept until others want them', async () => {
      await hold(a, 'write');
      await hold(a, 'write');
      expect(a.has('/f', 'write')).to.equal(true);
      await hold(b, 'write');
      await settle();
      expect(a.has('/f', 'read')).to.equal(false);
    });

    it('become tokens to read when others read', async () => {
      await hold(a, 'write');
      await hold(b, 'read');
      expect([a.has('/f', 'read'), a.has('/f', 'write')]).to.deep.equal([true, false]);
    });

    it('are given up by all readers before somebody writes', async () => {
      for (const manager of [a, b]) await hold(manager, 'read');
      const guards = [a.guard('/f')!, b.guard('/f')!];
      await c.acquire('/f', 'write');
      expect(guards.some((guard) => guard.isValid(performance.now()))).to.equal(false);
    });

    it('do not let two readers who want to write wait for each other', async () => {
      for (const manager of [a, b]) await hold(manager, 'read');
      await Promise.all([hold(a, 'write'), hold(b, 'write')]);
    });

    it('are granted in the order of asking', async () => {
      const first = await a.acquire('/f', 'write');
      const order: string[] = [];
      const waiting = async (manager: TokenManager, name: string) => {
        const grant = await manager.acquire('/f', 'write');
        order.push(name);
        grant.release();
      };
      const both = [waiting(b, 'b')];
      await settle();
      both.push(waiting(c, 'c'));
      await settle();
      first.release();
      await Promise.all(both);
      expect(order).to.deep.equal(['b', 'c']);
    });

    it('have fences that rise', async () => {
      const fences: number[] = [];
      for (let i = 0; i < 9; i++) {
        const grant = await [a, b, c][i % 3]!.acquire('/f', 'write');
        fences.push(grant.fence);
        grant.release();
      }
      expect(fences).to.deep.equal([...new Set(fences)].sort((x, y) => x - y));
    });

    it('have versions that rise', async () => {
      const versions: number[] = [];
      for (const manager of [a, b, a]) {
        const grant = await manager.acquire('/f', 'write');
        versions.push(await grant.commit(RECORD));
        grant.release();
      }
      expect(versions).to.deep.equal([...new Set(versions)].sort((x, y) => x - y));
    });

    it('let nobody commit who has lost them', async () => {
      const grant = await a.acquire('/f', 'write');
      bench.kill(a);
      const next = await b.acquire('/f', 'write');
      const failure = await Promise.race([grant.commit(RECORD).catch((error) => error), settle()]);
      expect(failure === undefined || failure instanceof TokenError).to.equal(true);
      expect(await next.commit(RECORD)).to.be.above(0);
    });

    it('are free when a session that held them, or waited, is gone', async () => {
      await a.acquire('/f', 'write');
      const waiting = ask(b, 'write');
      await settle();
      bench.kill(b);
      bench.kill(a);
      await c.acquire('/f', 'write');
      expect(waiting.grant).to.equal(undefined);
    });

    it('leave nothing of whoever does not want them any more', async () => {
      const grant = await a.acquire('/f', 'write');
      const wanted = new AbortController();
      const asked = b.acquire('/f', 'write', { signal: wanted.signal });
      await settle();
      wanted.abort();
      expect(await asked.catch((error: TokenError) => error.code)).to.equal('aborted');
      grant.release();
      await hold(c, 'write');
      await hold(b, 'write');
    });

    it('are for one at a time, whoever wants them, and for everybody in the end', async () => {
      let writing = 0;
      let reading = 0;
      let value = 0;
      const work = async (manager: TokenManager, n: number): Promise<void> => {
        for (let i = 0; i < 12; i++) {
          const mode = (i * 7 + n) % 3 === 0 ? 'write' : 'read';
          const grant = await manager.acquire('/f', mode);
          if (mode === 'write') writing++;
          else reading++;
          expect(
            writing === 0 || (writing === 1 && reading === 0),
            `${writing} write, ${reading} read`,
          ).to.equal(true);
          const before = value;
          await turn();
          if (mode === 'write') {
            value = before + 1;
            await grant.commit(RECORD);
            writing--;
          } else {
            expect(value).to.equal(before);
            reading--;
          }
          grant.release();
        }
      };
      await Promise.all([a, b, c, a, b, c].map(work));
      expect(value).to.equal(6 * 4);
    });

    it('are asked for in the background, for guards', async () => {
      expect(a.guard('/f')).to.equal(undefined);
      a.want('/f');
      await until(
        () => a.guard('/f') !== undefined,
        () => 'a guard',
      );
      expect(a.guard('/f')!.isValid(performance.now())).to.equal(true);
    });
  });
}
