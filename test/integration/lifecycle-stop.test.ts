/** How a server ends: in order, at a deadline, at once, or without having been asked. Nothing is left behind. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, within } from '../helpers/eventually.js';
import { Crowd, type Page, startLoad } from '../helpers/load-clients.js';
import { childrenOf } from '../helpers/proc.js';
import { RawClient } from '../helpers/raw-client.js';
import { Sandbox, type SpawnedServer } from '../helpers/sandbox.js';
import { TestServer } from '../helpers/server.js';
import { readBeginning } from '../helpers/slow-reader.js';
import { expectSums } from '../helpers/stats-checks.js';

const GET_LARGE = 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n';

describe('stop', () => {
  const small: Page = { target: '/small.txt', body: Buffer.alloc(1000, 'small ') };
  const large = Buffer.alloc(30_000_000, 'a large file ');
  let server: TestServer;
  let clients: RawClient[];

  const start = async (drainSeconds: number): Promise<void> => {
    clients = [];
    server = await TestServer.start({
      settings: { DRAIN_TIMEOUT_SECONDS: String(drainSeconds), THREADS_PER_WORKER: '1' },
    });
    server.site.file(small.target, small.body);
    server.site.file('large.bin', large);
  };
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await server.stop();
  });

  const connect = async (): Promise<RawClient> => {
    const client = await server.connect();
    clients.push(client);
    return client;
  };
  /** A client that has got the first bytes of a large file and reads no more. */
  const slowReader = async (): Promise<RawClient> => {
    const client = await connect();
    await readBeginning(client, GET_LARGE);
    return client;
  };

  it('lets what was begun end, and closes the rest between requests', async () => {
    await start(30);
    const download = await slowReader();
    const idle = await connect();
    await idle.exchange('GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n');
    const body = await connect();
    body.send('POST /small.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf ');
    const silent = await connect();
    await server.statsWhen(({ connections }) => connections.active === 4, 'all connected');

    server.signal('SIGTERM');
    await server.reported(/stopping: responses in flight have 30 s/);
    await idle.closed();
    await silent.closed();
    await expectRefused(server.port);

    const late = await body.send('later').response('POST');
    expect([late.status, late.field('connection')]).to.deep.equal([405, 'close']);
    await body.closed();
    download.socket.resume();
    expect((await download.response('GET')).body.equals(large)).to.equal(true);
    await download.closed();
  });

  it('SIGQUIT is graceful too', async () => {
    await start(30);
    const body = await connect();
    body.send('POST /small.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf ');
    await server.statsWhen(({ connections }) => connections.active === 1, 'connected');
    server.signal('SIGQUIT');
    await server.reported(/stopping: responses in flight have 30 s/);
    expect((await body.send('later').response('POST')).status).to.equal(405);
    await body.closed();
  });

  it('cuts no response short, however many are under way', async () => {
    await start(30);
    const pages = [small, { target: '/large.bin', body: large }, small, small];
    const running = startLoad({ port: server.port, clients: 16, pages, mode: 'keep-alive' });
    await eventually(
      () => (running.result.whole > 20 ? true : undefined),
      () => 'some load',
    );
    server.signal('SIGTERM');
    await server.reported(/stopping/);
    const result = await running.stop();
    // A request that met the end of an idle connection on its way has no answer; none has half of one.
    expect(result).to.deep.include({ cut: 0, wrong: [] });
  });

  it('cuts what is left after DRAIN_TIMEOUT_SECONDS, and says so', async () => {
    await start(1);
    const download = await slowReader();
    server.signal('SIGTERM');
    await server.reported(/1 connections? w(as|ere) cut after 1 s/);
    download.socket.resume();
    expect((await download.rest()).bytes.length).to.be.below(large.length);
  });

  it('SIGINT ends at once, with the counters and logs written', async () => {
    await start(30);
    const log = server.directory.at('access.log');
    const download = await slowReader();
    await server.get('/small.txt');
    // What the client has read so far may have been the head alone.
    await server.standing();
    await server.stop('SIGINT', () => {
      const lines = readFileSync(log, 'latin1').split('\n').slice(0, -1);
      expect(lines.length).to.equal(2);
      const [, bytes] = /"GET \/large\.bin HTTP\/1\.1" 200 (\d+)/.exec(lines.join('\n')) ?? [];
      expect(Number(bytes)).to.be.within(1, large.length - 1);
    });
    download.socket.resume();
    expect((await download.rest()).bytes.length).to.be.below(large.length);
  });

  it('SIGINT cuts a graceful stop short', async () => {
    await start(30);
    const download = await slowReader();
    server.signal('SIGTERM');
    await server.reported(/stopping: responses/);
    server.signal('SIGINT');
    await server.reported(/stopping at once/);
    download.socket.resume();
    expect((await download.rest()).bytes.length).to.be.below(large.length);
  });

  it('ignores a reload while it stops, and stops while it reloads', async () => {
    await start(30);
    const download = await slowReader();
    server.signal('SIGTERM');
    await server.reported(/stopping/);
    server.signal('SIGHUP');
    server.signal('SIGUSR1');
    await server.reported(/logs reopened/);
    download.socket.resume();
    expect((await download.response('GET')).body.equals(large)).to.equal(true);
    await server.stop();
    expect(server.reports).not.to.match(/reload/);

    await start(30);
    server.signal('SIGHUP');
    await eventually(
      () => (childrenOf(server.pid).length > 2 ? true : undefined),
      () => 'new workers that start',
    );
    await server.stop();
    expect(server.reports).not.to.match(/reload/);
  });

  it('writes the last numbers before it goes', async () => {
    clients = [];
    server = await TestServer.start({
      settings: (site) => ({ STATS_FILE: join(site.outside, 'statFile.txt'), THREADS_PER_WORKER: '1' }),
    });
    server.site.file(small.target, small.body);
    const crowd = new Crowd({ port: server.port, clients: 30, pages: [small] });
    await crowd.ask();
    await server.stop('SIGTERM', () => {
      const stats = JSON.parse(readFileSync(join(server.site.outside, 'stats.json'), 'utf8'));
      expectSums(stats);
      expect(stats.requests.total).to.equal(30);
      expect(stats.bytes.sent).to.equal(crowd.result.bytes);
      expect(stats.connections.active).to.equal(0);
    });
  });
});

describe('start and sudden death', () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = new Sandbox();
  });
  afterEach(() => sandbox.end());

  const args = (): string[] => [
    sandbox.site,
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--num-workers',
    '2',
    '--threads-per-worker',
    '1',
  ];

  // Told when the pid file is there, when a worker is, when all are, and when the banner is.
  type Moment = (server: SpawnedServer) => boolean;
  const moments: readonly (readonly [string, NodeJS.Signals, Moment])[] = [
    ['the pid file is there', 'SIGTERM', () => sandbox.leftovers.some((path) => path.endsWith('.pid'))],
    ['a worker starts', 'SIGINT', (server) => childrenOf(server.pid).length > 0],
    ['all workers start', 'SIGTERM', (server) => childrenOf(server.pid).length > 1],
    ['the banner is there', 'SIGQUIT', (server) => server.out !== ''],
  ];
  for (const [when, signal, holds] of moments) {
    it(`leaves nothing behind when ${signal} comes as soon as ${when}`, async () => {
      const server = sandbox.spawn(args());
      await eventually(
        () => (holds(server) ? true : undefined),
        () => `${when}:\n${server.out}${server.err}`,
      );
      server.child.kill(signal);
      const end = await within(server.ended, () => `the end of the server:\n${server.err}`);
      expect(end, server.err).to.deep.equal({ code: 0, signal: null });
      expect(server.isAlive).to.equal(false);
      expect(sandbox.leftovers).to.deep.equal([]);
    });
  }

  it('reloads after the start when told to while it starts', async () => {
    const server = sandbox.spawn(args());
    await eventually(
      () => (childrenOf(server.pid).length > 0 ? true : undefined),
      () => 'a worker that starts',
    );
    server.child.kill('SIGHUP');
    await server.ready();
    await server.reported(/reloaded: 2 new workers/);
    server.child.kill('SIGTERM');
    expect(await server.ended).to.deep.equal({ code: 0, signal: null });
  });

  it('workers end by themselves when the master is killed, and the next start sweeps up', async () => {
    const first = await sandbox.serve();
    const { port } = first;
    const crowd = new Crowd({ port, clients: 20, pages: [await statsPage(port)] });
    await crowd.ask();
    first.child.kill('SIGKILL');
    expect(await first.ended).to.deep.equal({ code: null, signal: 'SIGKILL' });
    await eventually(
      () => (first.isAlive ? undefined : true),
      () => 'the end of the workers',
    );
    await eventually(
      () => (crowd.clients.some((client) => client.isConnected) ? undefined : true),
      () => 'the end of the connections',
    );
    expect(sandbox.leftovers).to.include(`run/handover/${port}.pid`);

    const second = await sandbox.serve(port);
    expect(second.port).to.equal(port);
    expect((await sandbox.run('status', '--port', String(port))).code).to.equal(0);
    second.child.kill('SIGTERM');
    expect(await second.ended).to.deep.equal({ code: 0, signal: null });
    expect(sandbox.leftovers).to.deep.equal([]);
  });

  it('workers end by themselves when the master is killed while they hand back', async () => {
    const server = await sandbox.serve();
    const crowd = new Crowd({ port: server.port, clients: 300, pages: [await statsPage(server.port)] });
    await crowd.ask();
    server.child.kill('SIGHUP');
    await server.reported(/reloaded/);
    server.child.kill('SIGKILL');
    await eventually(
      () => (server.isAlive ? undefined : true),
      () => 'the end of the workers',
    );
    crowd.leave();
  });
});

async function statsPage(port: number): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${port}/statsPage.html`);
  return { target: '/statsPage.html', body: Buffer.from(await response.arrayBuffer()) };
}

async function expectRefused(port: number): Promise<void> {
  try {
    (await RawClient.open(port)).destroy();
  } catch (error) {
    expect(error).to.have.property('code', 'ECONNREFUSED');
    return;
  }
  expect.fail('a new connection was accepted');
}
