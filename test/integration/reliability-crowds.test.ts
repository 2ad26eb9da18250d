/** Many clients at once: nobody is reset, nobody hangs, every body is right, and the counters are exact. */
import { once } from 'node:events';
import { expect } from 'chai';
import { descriptorLimit } from '../../src/master/descriptors.js';
import type { StatsDocument } from '../../src/stats/schema.js';
import { type LoadResult, type Page, runLoad } from '../helpers/load-clients.js';
import { describeMemory, note } from '../helpers/proc.js';
import { Processes } from '../helpers/processes.js';
import { TestServer } from '../helpers/server.js';
import { expectExactly } from '../helpers/stats-checks.js';

const IDLE = 10_000;
/** Descriptors of the clients' process that are not connections. */
const SPARE = 200;

describe('crowds', () => {
  const text = 'one of ten thousand\n';
  const pages: Page[] = [
    { target: '/small.txt', body: Buffer.alloc(1000, 'small ') },
    { target: '/medium.bin', body: Buffer.alloc(30_000, 'medium ') },
    { target: '/small.txt', body: Buffer.alloc(1000, 'small ') },
    { target: '/from-disk.bin', body: Buffer.alloc(100_000, 'from disk ') },
  ];
  let server: TestServer;
  let since: StatsDocument;
  before(async () => {
    server = await TestServer.start({ settings: { CACHE_MAX_FILE_KB: '64', THREADS_PER_WORKER: '1' } });
    for (const { target, body } of pages) server.site.file(target, body);
    server.site.file('idle.txt', text);
  });
  after(() => server?.stop());
  beforeEach(async () => {
    since = await server.settled();
  });

  for (const clients of [500, 2000]) {
    it(`answers ${clients} keep-alive clients at once`, async () => {
      const result = await runLoad({ port: server.port, clients, pages, mode: 'keep-alive' }, 3);
      expectAll(result, 3 * clients);
      expect(result.connections).to.equal(clients);
      expectExactly(await server.settled(), result, since);
    });

    it(`answers ${clients} clients at once that connect for each request`, async () => {
      const result = await runLoad({ port: server.port, clients, pages, mode: 'per-request' }, 2);
      expectAll(result, 2 * clients);
      expect(result.connections).to.equal(2 * clients);
      expectExactly(await server.settled(), result, since);
    });
  }

  it(`keeps ${IDLE} idle connections, and answers on each of them again`, async () => {
    const clients = Math.min(IDLE, descriptorLimit() - SPARE);
    if (clients < IDLE) note(`the limit of descriptors allows for ${clients} connections only`);
    const processes = new Processes();
    try {
      const args = [String(server.port), String(clients), '/idle.txt', text];
      const crowd = await processes.start('./crowd-process.js', args);
      const ask = async (): Promise<LoadResult> => {
        const answered = once(crowd, 'message');
        crowd.send('ask');
        const [result] = await answered;
        return result;
      };

      expectAll(await ask(), clients);
      const stats = await server.statsWhen(({ connections }) => connections.active === clients, 'all idle');
      // A worker that is busy for a moment is passed over, so the shares may differ on a busy machine.
      const shares = stats.workers.map(({ connections }) => connections);
      expect(Math.min(...shares), 'shared').to.be.above(clients / 10);
      const memory = describeMemory([server.pid, ...server.workerPids()]);
      note(`${clients} idle connections: master and workers take ${memory}`);

      const result = await ask();
      expectAll(result, 2 * clients);
      expect(result.connections, 'connections made').to.equal(clients);
      await processes.end();
      expectExactly(await server.settled(), result, since);
    } finally {
      await processes.end();
    }
  });
});

function expectAll(result: LoadResult, whole: number): void {
  const { unavailable, broken, refused, wrong } = result;
  expect({ whole: result.whole, unavailable, broken, refused, wrong }).to.deep.equal({
    whole,
    unavailable: 0,
    broken: 0,
    refused: 0,
    wrong: [],
  });
}
