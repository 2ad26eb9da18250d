/** More clients than the settings allow, and clients that only take up room: the others are served. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { Crowd, type Page, runLoad } from '../helpers/load-clients.js';
import { descriptorsOf } from '../helpers/proc.js';
import { RawClient } from '../helpers/raw-client.js';
import { TestServer, TRANSPORT } from '../helpers/server.js';
import { expectSums } from '../helpers/stats-checks.js';

const small: Page = { target: '/small.txt', body: Buffer.alloc(1000, 'small ') };
const GET_SMALL = 'GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a full house', () => {
  let server: TestServer;
  let clients: RawClient[];
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  };
  beforeEach(() => {
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await server?.stop();
  });

  /** Four clients are served, three wait with the master, and there is no room for more. */
  async function fill(): Promise<{ inside: Crowd; waiting: RawClient[] }> {
    server = await TestServer.start({
      settings: { THREADS_PER_WORKER: '1', MAX_CONNECTIONS: '4', MAX_QUEUE_SIZE: '3' },
    });
    server.site.file('small.txt', small.body);
    const inside = new Crowd({ port: server.port, clients: 4, pages: [small] });
    await inside.ask();
    const waiting = await Promise.all(Array.from({ length: 3 }, connect));
    for (const client of waiting) client.send(GET_SMALL);
    const full = await server.statsWhen(({ connections }) => connections.waiting === 3, 'three wait');
    expect(full.connections).to.deep.include({ active: 4, max: 4, refused: 0 });
    return { inside, waiting };
  }

  /** One after another leaves, and those who wait get the places, in their order. */
  async function expectServed(inside: Crowd, waiting: readonly RawClient[]): Promise<void> {
    for (const client of waiting) {
      inside.clients.find((other) => other.isConnected)!.leave();
      expect((await client.response('GET')).body.equals(small.body)).to.equal(true);
    }
  }

  const lets = 'lets MAX_QUEUE_SIZE connections wait beyond MAX_CONNECTIONS';
  if (TRANSPORT === 'native') leavesTheRestWithTheKernel();
  else answersTheRest();

  function leavesTheRestWithTheKernel(): void {
    it(`${lets}, and leaves the rest with the kernel until there is room`, async () => {
      const { inside, waiting } = await fill();
      await server.reported(/every worker and the wait queue are full: new connections wait with the kernel/);
      const late = await Promise.all(Array.from({ length: 5 }, connect));
      for (const client of late) client.send(GET_SMALL);
      const still = await server.statsWhen(({ requests }) => requests.total === 4, 'nothing more is served');
      expect(still.connections).to.deep.include({ active: 4, accepted: 7, waiting: 3, refused: 0 });

      await expectServed(inside, waiting);
      inside.leave();
      for (const client of waiting) client.destroy();
      for (const client of late) {
        expect((await client.response('GET')).body.equals(small.body)).to.equal(true);
        client.destroy();
      }
      const stats = await server.settled();
      expectSums(stats);
      expect(stats.requests.total).to.equal(4 + 3 + 5);
      expect(stats.connections).to.include({ accepted: 12, refused: 0 });
    });
  }

  function answersTheRest(): void {
    it(`${lets}, and answers 503 to the rest`, async () => {
      const { inside, waiting } = await fill();
      for (let n = 1; n <= 5; n++) {
        const refused = await connect();
        refused.send(GET_SMALL);
        const response = await refused.response('GET');
        expect(response.status).to.equal(503);
        expect(response.field('retry-after')).to.equal('1');
        expect(response.field('connection')).to.equal('close');
        await refused.closed();
      }
      await server.reported(/every worker and the wait queue are full: clients are answered 503/);
      expect(waiting.map(({ receivedBytes }) => receivedBytes)).to.deep.equal([0, 0, 0]);

      await expectServed(inside, waiting);
      for (const client of waiting) client.destroy();
      inside.leave();
      const stats = await server.settled();
      expectSums(stats);
      expect(stats.requests.total).to.equal(4 + 5 + 3);
      expect(stats.status).to.include({ '200': 7, '5xx': 5 });
      expect(stats.connections).to.include({ accepted: 12, refused: 5 });
      expect(server.reports.match(/are full/g), 'reported once').to.have.length(1);
    });
  }

  it('serves many more than fit at a time, one after another', async () => {
    server = await TestServer.start({
      settings: { THREADS_PER_WORKER: '1', MAX_CONNECTIONS: '4', MAX_QUEUE_SIZE: '500' },
    });
    server.site.file('small.txt', small.body);
    const load = { port: server.port, clients: 100, pages: [small], mode: 'per-request' } as const;
    const result = await runLoad(load, 2);
    expect(result).to.deep.include({ whole: 200, unavailable: 0, broken: 0, refused: 0, wrong: [] });
    expect((await server.settled()).connections).to.include({ accepted: 200, refused: 0 });
  });

  it('frees the places of clients that are slow without end, and serves the others meanwhile', async () => {
    server = await TestServer.start({
      settings: {
        THREADS_PER_WORKER: '1',
        HEADER_TIMEOUT_SECONDS: '1',
        BODY_TIMEOUT_SECONDS: '1',
        WRITE_TIMEOUT_SECONDS: '1',
        CACHE_MAX_FILE_KB: '64',
      },
    });
    server.site.file('small.txt', small.body);
    server.site.file('large.bin', Buffer.alloc(60_000_000, 'large '));
    // Each sends at once: who has said nothing for a second is let go without a word.
    const many = (count: number, bytes: string): Promise<RawClient[]> =>
      Promise.all(Array.from({ length: count }, async () => (await connect()).send(bytes)));
    const readers = await many(10, 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    for (const client of readers) client.socket.pause();
    const heads = await many(100, 'GET /small.txt HTTP/1.1\r\nX-Slow: ');
    const silent = await many(100, '');
    const bodies = await many(100, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
    const others = { port: server.port, clients: 10, pages: [small], mode: 'per-request' } as const;
    expect(await runLoad(others, 20)).to.deep.include({ whole: 200, broken: 0, refused: 0, wrong: [] });

    for (const client of [...heads, ...bodies]) {
      const response = await client.response('GET');
      expect([response.status, response.field('connection')]).to.deep.equal([408, 'close']);
      await client.closed();
    }
    for (const client of silent) await client.closed();
    // The readers are still there and read nothing; the server has let go of them.
    const stats = await server.settled();
    expect(stats.requests).to.include({ total: 200 + 200 + 10, timeouts: 200 + 10, aborts: 10 });
    expect(stats.status).to.include({ '200': 210, '4xx': 200 });
    const open = server.workerPids().flatMap(descriptorsOf);
    expect(open.filter((path) => path.endsWith('large.bin'))).to.deep.equal([]);
  });

  it('is not held up by clients that leave before they are served', async () => {
    server = await TestServer.start({
      settings: { THREADS_PER_WORKER: '1', MAX_CONNECTIONS: '2', MAX_QUEUE_SIZE: '1000' },
    });
    server.site.file('small.txt', small.body);
    const inside = new Crowd({ port: server.port, clients: 2, pages: [small] });
    await inside.ask();
    // They wait in the master, with and without a request, and leave with a FIN or with a reset.
    const leaving = await Promise.all(Array.from({ length: 100 }, connect));
    await server.statsWhen(({ connections }) => connections.waiting === 100, 'all wait');
    leaving.forEach((client, i) => {
      if (i % 2 === 0) client.send(GET_SMALL);
      if (i % 3 === 0) client.socket.resetAndDestroy();
      else client.destroy();
    });
    inside.leave();
    await server.settled();
    const load = { port: server.port, clients: 2, pages: [small], mode: 'per-request' } as const;
    expect(await runLoad(load, 10)).to.deep.include({ whole: 20, broken: 0, wrong: [] });
    const stats = await eventually(
      async () => {
        const now = await server.settled();
        return now.connections.accepted === 122 ? now : undefined;
      },
      () => 'all were accepted',
    );
    expectSums(stats);
    expect(stats.requests.total).to.be.within(22, 22 + 50);
  });
});
