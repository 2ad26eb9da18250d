/** SIGHUP: other workers take over, no client notices, and what is wrong with the new settings changes nothing. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { expect } from 'chai';
import type { StatsDocument } from '../../src/stats/schema.js';
import { eventually } from '../helpers/eventually.js';
import { Crowd, type Page, runLoad, startLoad } from '../helpers/load-clients.js';
import { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';
import { SiteTree } from '../helpers/site-tree.js';
import { readBeginning } from '../helpers/slow-reader.js';
import { expectExactly } from '../helpers/stats-checks.js';

describe('reload', () => {
  const pages: Page[] = [
    { target: '/small.txt', body: Buffer.alloc(1000, 'small ') },
    { target: '/from-disk.bin', body: Buffer.alloc(100_000, 'from disk ') },
  ];
  const large = Buffer.alloc(30_000_000, 'a large file ');
  let server: TestServer;
  let since: StatsDocument;
  const start = async (): Promise<void> => {
    server = await TestServer.start({ settings: { CACHE_MAX_FILE_KB: '64', THREADS_PER_WORKER: '1' } });
    for (const { target, body } of pages) server.site.file(target, body);
    server.site.file('large.bin', large);
  };

  const load = (clients: number) => ({ port: server.port, clients, pages });

  describe('while clients are served', () => {
    before(start);
    after(() => server?.stop());
    beforeEach(async () => {
      // What one test says of draining is not for the next.
      server.configure({ DRAIN_TIMEOUT_SECONDS: '20' });
      since = await server.settled();
    });

    for (const mode of ['keep-alive', 'per-request'] as const) {
      it(`loses nothing under load, ${mode}`, async () => {
        const running = startLoad({ ...load(24), mode });
        for (let round = 0; round < 3; round++) await server.reload();
        const result = await running.stop();
        expect(result).to.deep.include({ broken: 0, refused: 0, unavailable: 0, wrong: [] });
        if (mode === 'keep-alive') expect(result.connections, 'connections made').to.equal(24);
        expectExactly(await server.settled(), result, since);
      });
    }

    for (const seconds of ['0', '2']) {
      it(`keeps idle connections, on which the new workers answer, DRAIN_TIMEOUT_SECONDS=${seconds}`, async () => {
        server.configure({ DRAIN_TIMEOUT_SECONDS: seconds });
        const crowd = new Crowd(load(100));
        await crowd.ask();
        await server.reload();
        const { connections } = await server.statsWhen((stats) => stats.connections.active === 100, 'all');
        expect(connections.waiting).to.equal(0);
        await crowd.ask();
        await server.reload();
        await crowd.ask();
        expect(crowd.result).to.deep.include({ whole: 300, broken: 0, connections: 100, wrong: [] });
        crowd.leave();
        expectExactly(await server.settled(), crowd.result, since);
      });
    }

    it('hands on what was read of a request, however often', async () => {
      const request = 'GET /small.txt HTTP/1.1\r\nHost: x\r\nUser-Agent: half way\r\n\r\n';
      const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.open(server.port)));
      try {
        for (const client of clients) await client.exchange(request);
        clients.forEach((client, i) => {
          client.send(request.slice(0, 1 + (i % (request.length - 1))));
        });
        for (let round = 0; round < 2; round++) await server.reload();
        server.signal('SIGHUP');
        await server.reload();
        clients.forEach((client, i) => {
          client.send(request.slice(1 + (i % (request.length - 1))));
        });
        for (const client of clients) {
          const response = await client.response('GET');
          expect(response.body.equals(pages[0]!.body)).to.equal(true);
        }
      } finally {
        for (const client of clients) client.destroy();
      }
      const { requests } = await server.settled();
      expect(requests.total - since.requests.total).to.equal(400);
    });

    it('lets a download end on the worker that began it, and takes its connection over then', async () => {
      const client = await server.connect();
      const request = 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n';
      const old = server.workerPids();
      const { reloads } = server.stats();
      await readBeginning(client, request);
      server.signal('SIGHUP');
      const { workers } = await server.statsWhen(
        (stats) => stats.reloads > reloads && stats.workers.length === 3,
        'one old worker left',
      );
      const draining = workers.filter(({ state }) => state === 'draining');
      expect(draining.map(({ pid }) => old.includes(pid))).to.deep.equal([true]);
      client.socket.resume();
      expect((await client.response('GET')).body.equals(large)).to.equal(true);
      await server.statsWhen((stats) => stats.workers.length === 2, 'the old worker is gone');
      expect((await client.exchange(request)).body.equals(large)).to.equal(true);
      client.destroy();
    });

    it('cuts a download that takes longer than DRAIN_TIMEOUT_SECONDS, and says so', async () => {
      server.configure({ DRAIN_TIMEOUT_SECONDS: '1' });
      const client = await server.connect();
      await readBeginning(client, 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      server.signal('SIGHUP');
      await server.reported(/1 connections? w(as|ere) cut after 1 s/);
      client.socket.resume();
      const { bytes } = await client.rest();
      expect(bytes.length).to.be.below(large.length);
      await server.statsWhen((stats) => stats.workers.length === 2, 'the old worker is gone');
    });

    it('puts another worker in the place of a new one that dies before the reload is complete', async () => {
      const others = await TestServer.start({
        mayLoseWorkers: true,
        settings: { NUM_WORKERS: '4', THREADS_PER_WORKER: '1' },
      });
      try {
        others.site.file('small.txt', pages[0]!.body);
        const old = others.workerPids();
        others.signal('SIGHUP');
        const victim = await eventually(
          () => {
            const { workers } = others.stats();
            return workers.find(({ pid, state }) => state === 'ready' && !old.includes(pid))?.pid;
          },
          () => 'a new worker that is ready',
        );
        process.kill(victim, 'SIGKILL');
        await others.statsWhen(
          ({ reloads, workers }) =>
            reloads === 1 &&
            workers.length === 4 &&
            workers.every(({ pid, state }) => state === 'ready' && pid !== victim && !old.includes(pid)),
          'four new workers',
        );
        const result = await runLoad(
          { ...load(8), port: others.port, pages: [pages[0]!], mode: 'keep-alive' },
          4,
        );
        expect(result).to.deep.include({ whole: 32, broken: 0 });
        expectExactly(await others.settled(), result);
      } finally {
        await others.stop();
      }
    });

    it('takes several reloads at once', async () => {
      const running = startLoad({ ...load(16), mode: 'keep-alive' });
      for (let n = 0; n < 5; n++) server.signal('SIGHUP');
      await server.statsWhen(({ reloads }) => reloads > since.reloads, 'a reload');
      for (let n = 0; n < 3; n++) server.signal('SIGHUP');
      // Signals that come before the first is handled are one signal to the system.
      server.configure({ HEADERS: '/** X-Reloads: many' });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .*HEADERS/);
      const result = await running.stop();
      expect(result).to.deep.include({ broken: 0, refused: 0, unavailable: 0, wrong: [], connections: 16 });
      expectExactly(await server.settled(), result, since);
    });
  });

  describe('with other settings', () => {
    beforeEach(start);
    afterEach(() => server?.stop());

    it('applies them, and says which', async () => {
      const site = new SiteTree();
      try {
        site.file('small.txt', 'from another root');
        server.configure({ HEADERS: '/** X-Test: one' });
        await server.reload({ DOCUMENT_ROOT: site.root });
        const response = await server.get('/small.txt');
        expect(response.text).to.equal('from another root');
        expect(response.field('x-test')).to.equal('one');
        await server.reported(
          /reloaded: 2 new workers, 2 old ones hand over; DOCUMENT_ROOT: .* -> .*; HEADERS: off -> .*one/,
        );
      } finally {
        site.remove();
      }
      await server.reload({ DOCUMENT_ROOT: server.site.root, HEADERS: 'off' });
      expect((await server.get('/small.txt')).body.equals(pages[0]!.body)).to.equal(true);
      await server.reload();
      await server.reported(/hand over; no setting changed/);
    });

    it('runs more workers, and fewer', async () => {
      const running = startLoad({ ...load(16), mode: 'keep-alive' });
      for (const count of [4, 1, 2]) {
        await server.reload({ NUM_WORKERS: String(count) });
        const { workers } = server.stats();
        expect(workers.map(({ id }) => id)).to.deep.equal(Array.from({ length: count }, (_, i) => i + 1));
      }
      const result = await running.stop();
      expect(result).to.deep.include({ broken: 0, refused: 0, unavailable: 0, connections: 16 });
      expectExactly(await server.settled(), result);
    });

    it('moves to another port: the new one answers, the old one refuses, its connections stay', async () => {
      const crowd = new Crowd(load(20));
      await crowd.ask();
      const old = server.port;
      const oldPidFile = server.directory.at(`run/handover/${old}.pid`);
      const free = await freePort();
      server.configure({ PORT: String(free) });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .* PORT: 0 -> \d+/);
      server.port = free;
      expect((await server.get('/small.txt')).status).to.equal(200);
      expect(await refused(old)).to.equal(true);
      await crowd.ask();
      expect(crowd.result).to.include({ whole: 40, broken: 0, connections: 20 });
      crowd.leave();
      // What tells of the server goes with it.
      expect(existsSync(oldPidFile)).to.equal(false);
      const [pid, statsFile] = readFileSync(server.directory.at(`run/handover/${free}.pid`), 'utf8').split(
        '\n',
      );
      expect(Number(pid)).to.equal(server.pid);
      expect(statsFile).to.equal(server.directory.at(`run/handover/${free}-stats/stats.json`));
      expect(existsSync(server.directory.at(`run/handover/${old}-stats`))).to.equal(false);
      const { requests } = await server.settled();
      expect(requests.total).to.equal(41);
      // The port that it got is as good as any.
      await server.reload({ PORT: '0' });
      expect((await server.get('/small.txt')).status).to.equal(200);
    });

    it('stays where it is when the new port is taken', async () => {
      const other = await TestServer.start();
      try {
        server.configure({ PORT: String(other.port) });
        server.signal('SIGHUP');
        await server.reported(/reload failed, going on as before: .*EADDRINUSE/);
        expect((await server.get('/small.txt')).status).to.equal(200);
        expect(server.stats().reloads).to.equal(0);
      } finally {
        await other.stop();
      }
    });

    it('says so when another HOST cannot be had without a restart', async () => {
      server.configure({ HOST: '0.0.0.0', PORT: String(server.port) });
      server.signal('SIGHUP');
      await server.reported(/going on as before: port \d+ is our own on 127\.0\.0\.1.* takes a restart/);
      expect((await server.get('/small.txt')).status).to.equal(200);
    });

    it('writes log, statistics and pid file where they are wanted now', async () => {
      await server.get('/small.txt');
      await server.logLines(1);
      const oldLog = server.directory.at('access.log');
      const settings = {
        LOG_FILE: server.directory.at('other.log'),
        STATS_FILE: server.directory.at('statFile.txt'),
        PID_FILE: server.directory.at('handover.pid'),
      };
      const runDirectory = server.directory.at(`run/handover/${server.port}-stats`);
      server.configure(settings);
      server.signal('SIGHUP');
      await server.reported(/reloaded/);
      await server.get('/small.txt?after');
      expect((await server.logLines(1))[0]).to.match(/"GET \/small\.txt\?after HTTP\/1\.1" 200/);
      expect(readFileSync(oldLog, 'latin1')).to.match(/^[^\n]*"GET \/small\.txt HTTP[^\n]*\n$/);
      const stats = await server.settled();
      expect([stats.reloads, stats.requests.total]).to.deep.equal([1, 2]);
      const sixNumbers = (): string => readFileSync(settings.STATS_FILE, 'utf8');
      await eventually(
        () => /^0,\d+,2,0,0,2\n?$/.test(sixNumbers()) || undefined,
        () => `both requests and no connection in ${sixNumbers()}`,
      );
      expect(readFileSync(settings.PID_FILE, 'utf8').split('\n').slice(0, 2)).to.deep.equal([
        String(server.pid),
        server.directory.at('stats.json'),
      ]);
      expect(existsSync(runDirectory), 'the old statistics').to.equal(false);
      expect(existsSync(server.directory.at(`run/handover/${server.port}.pid`))).to.equal(false);
      const response = await server.get('/stats.json');
      expect(response.json).to.have.nested.property('reloads', 1);
    });
  });

  describe('with settings that cannot be', () => {
    beforeEach(start);
    afterEach(() => server?.stop());

    it('goes on with the old ones, and reports every mistake', async () => {
      const pids = server.workerPids();
      server.configure({
        NUM_WORKERS: 'many',
        PROT: '80',
        DOCUMENT_ROOT: '/nowhere/at/all',
        AUTOINDEX: 'on',
      });
      server.signal('SIGHUP');
      await server.reported(/reload refused, going on with the old settings/);
      for (const pattern of [
        /NUM_WORKERS.*many/,
        /PROT.*did you mean PORT/,
        /DOCUMENT_ROOT.*no such directory/,
      ])
        expect(server.reports).to.match(pattern);
      expect((await server.get('/small.txt')).status).to.equal(200);
      expect((await server.get('/')).status, 'AUTOINDEX is still off').to.equal(404);
      expect(server.workerPids()).to.deep.equal(pids);
      expect(server.stats().reloads).to.equal(0);
    });

    it('goes on with the old workers when new ones cannot boot', async () => {
      const running = startLoad({ ...load(8), mode: 'keep-alive' });
      const pids = server.workerPids();
      // A directory that only the master sees there.
      server.configure({ DOCUMENT_ROOT: `/proc/self/task/${server.pid}`, NUM_WORKERS: '3' });
      server.signal('SIGHUP');
      await server.reported(/reload failed, going on as before: worker \d cannot start: ENOENT/);
      const { reloads, workers } = await server.statsWhen(
        (stats) => stats.workers.length === 2,
        'the old ones',
      );
      expect(reloads).to.equal(0);
      expect(workers.map(({ pid }) => pid)).to.deep.equal(pids);
      const result = await running.stop();
      expect(result).to.deep.include({ broken: 0, refused: 0, wrong: [], connections: 8 });
      expectExactly(await server.settled(), result);
      // And when that is put right, a reload works again.
      await server.reload({ DOCUMENT_ROOT: realpathSync(server.site.root), NUM_WORKERS: '2' });
      expect((await runLoad({ ...load(4), mode: 'per-request' }, 1)).whole).to.equal(4);
    });
  });
});

async function freePort(): Promise<number> {
  const other = await TestServer.start();
  await other.stop();
  return other.port;
}

async function refused(port: number): Promise<boolean> {
  try {
    (await RawClient.open(port)).destroy();
    return false;
  } catch {
    return true;
  }
}
