/** Out of descriptors: everybody gets an answer, it is reported, and afterwards all is as before. */
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { type Page, runLoad } from '../helpers/load-clients.js';
import { descriptorsOf, note } from '../helpers/proc.js';
import { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';
import { readBeginning } from '../helpers/slow-reader.js';
import { expectExactly, expectSums } from '../helpers/stats-checks.js';

const LIMIT = 96;

describe('without descriptors', () => {
  const small: Page = { target: '/small.txt', body: Buffer.alloc(1000, 'small ') };
  const GET_SMALL = 'GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n';
  const GET_HUGE = 'GET /huge.bin HTTP/1.1\r\nHost: x\r\n\r\n';
  let server: TestServer;
  let clients: RawClient[];
  const start = async (limit: number | undefined, settings: Record<string, string>): Promise<void> => {
    clients = [];
    const shell = ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh'];
    server = await TestServer.start({
      mayLoseWorkers: true,
      settings: { THREADS_PER_WORKER: '1', ...settings },
      ...(limit !== undefined && { prefix: shell }),
    });
    server.site.file('small.txt', small.body);
    truncateSync(server.site.file('huge.bin', ''), 1e9);
  };
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await server?.stop();
  });
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  };
  const serves = async (): Promise<void> => {
    const result = await runLoad({ port: server.port, clients: 4, pages: [small], mode: 'per-request' }, 5);
    expect(result).to.deep.include({ whole: 20, unavailable: 0, broken: 0, refused: 0, wrong: [] });
  };

  it(`answers 400 clients at once with ${LIMIT} descriptors for each process: served, or told to come again`, async () => {
    await start(LIMIT, {});
    await serves();
    const used = descriptorsOf(server.pid).length;
    for (let round = 0; round < 2; round++) {
      const load = { port: server.port, clients: 400, pages: [small], mode: 'per-request' } as const;
      const before = await server.settled();
      const result = await runLoad(load, 2);
      expect(result).to.deep.include({ broken: 0, refused: 0, wrong: [], connections: 800 });
      expect(result.whole).to.be.at.least(40);
      const after = await server.settled();
      expectSums(after);
      expect(after.requests.total - before.requests.total).to.equal(800);
      expect(after.status['200'] - before.status['200']).to.equal(result.whole);
      expect(after.connections.refused - before.connections.refused).to.equal(result.unavailable);
    }
    await server.reported(
      /the master is short of descriptors \(ulimit -n\): (clients are answered 503|new conn)/,
    );
    await serves();
    await eventually(
      () => (descriptorsOf(server.pid).length <= used + 1 ? true : undefined),
      () => `${used} descriptors; the master has ${descriptorsOf(server.pid).join(' ')}`,
    );
  });

  it('answers 503 when a file cannot be opened, and lets connections wait that a worker cannot take', async () => {
    const outOfDescriptors = /worker 1 is out of descriptors/;
    /** How the response begins; 'waits' when there was none left for the connection. */
    const download = async (): Promise<string> => {
      const client = await connect();
      let beginning: string | undefined;
      readBeginning(client, GET_HUGE).then(
        (head) => {
          beginning = head;
        },
        // It waited, and was left.
        () => undefined,
      );
      return eventually(
        () => beginning ?? (outOfDescriptors.test(server.reports) ? 'waits' : undefined),
        () => `a download that begins or waits; ${clients.length} have begun`,
      );
    };
    // Each download takes two descriptors, until there is none left for a file.
    const firstRefusal = async (): Promise<string> => {
      for (;;) {
        const head = await download();
        if (!head.startsWith('HTTP/1.1 200 ')) return head;
      }
    };
    await start(LIMIT, { NUM_WORKERS: '1' });
    let refusal = await firstRefusal();
    if (refusal === 'waits') {
      // There was an even number of them.
      for (const client of clients) client.destroy();
      await server.stop();
      await start(LIMIT + 1, { NUM_WORKERS: '1' });
      refusal = await firstRefusal();
    }
    expect(refusal).to.match(/^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s);
    await server.reported(/huge\.bin: EMFILE/);

    // Then until there is none left for a connection: it stays with the master.
    const waiting: RawClient[] = [];
    await eventually(
      async () => {
        const client = await connect();
        client.send(GET_SMALL);
        waiting.push(client);
        return outOfDescriptors.test(server.reports) ? true : undefined;
      },
      () => `a worker out of descriptors:\n${server.reports}`,
    );
    const { connections } = await server.statsWhen((stats) => stats.connections.waiting > 0, 'some wait');
    expect(connections.refused).to.equal(0);
    // Its gauges are brought up to date all the same.
    const { heapBytes } = server.stats().workers[0]!;
    await server.statsWhen(({ workers }) => workers[0]!.heapBytes !== heapBytes, 'newer gauges');

    for (const client of clients) if (!waiting.includes(client)) client.destroy();
    for (const client of waiting) {
      const { status, body } = await client.response('GET');
      // Who had a connection and no descriptor for the file was told so.
      expect(status).to.be.oneOf([200, 503]);
      if (status === 200) expect(body.equals(small.body)).to.equal(true);
    }
    expect(waiting.at(-1)!.receivedBytes, 'who waited was served').to.be.above(small.body.length);
    for (const client of waiting) client.destroy();
    await server.settled();
    await serves();
    expect(server.reports).not.to.match(/ended/);
  });

  it('starts a worker again when that was not possible at first', async function () {
    await start(undefined, {});
    const [victim, other] = server.workerPids();
    // So few that no number below is free, whatever a worker that ends gives back.
    const few = Math.floor(descriptorsOf(server.pid).length / 2);
    if (!limitDescriptors(server.pid, few)) {
      note('skipped, for there is no prlimit(1) to change the limit of a process');
      this.skip();
    }
    process.kill(victim!, 'SIGKILL');
    await server.reported(/worker 1 cannot start: .*EMFILE.*; another starts in \d+ ms/);
    limitDescriptors(server.pid, 10_000);
    const ready = await server.statsWhen(
      ({ workers }) => workers.filter(({ state }) => state === 'ready').length === 2,
      'two workers',
    );
    expect(ready.workers.map(({ pid }) => pid)).to.include(other);
    const result = await runLoad({ port: server.port, clients: 10, pages: [small], mode: 'keep-alive' }, 5);
    expect(result).to.deep.include({ whole: 50, broken: 0, refused: 0, wrong: [] });
    expectExactly(await server.settled(), result);
  });
});

/** Sets the soft limit; false when that is not possible here. */
function limitDescriptors(pid: number, count: number): boolean {
  return spawnSync('prlimit', ['--pid', String(pid), `--nofile=${count}:`]).status === 0;
}
