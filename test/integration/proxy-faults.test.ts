/**
 * The proxy while its cache process is killed, stands still, or has next to no room, with clients that hold every
 * answer against what it must be: none of them is to notice.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { cachePidOf, connectTo, memoryOf } from '../helpers/cache-of-server.js';
import { tlsSettings } from '../helpers/certificates.js';
import { eventually, within } from '../helpers/eventually.js';
import { H2Client } from '../helpers/h2-client.js';
import { signalGroup } from '../helpers/leftovers.js';
import { getObject, ObjectsCrowd } from '../helpers/objects-crowd.js';
import { factsOf, ObjectsOrigin } from '../helpers/objects-origin.js';
import { ownerOf } from '../helpers/proc.js';
import { Sandbox, type SpawnedServer } from '../helpers/sandbox.js';
import { type ConfSettings, TestServer } from '../helpers/server.js';
import { bytesOf } from '../helpers/shared-cache.js';

const CLIENTS = 16;
const KILLS = 2;
/** Workers keep little themselves, so that objects of 5 MB come from the cache process, again and again. */
const CACHES: ConfSettings = {
  PROXY_CACHE_MB: '16',
  PROXY_CACHE_MAX_OBJECT_KB: '8192',
  SHARED_CACHE_MB: '96',
};
/** Of 5 MB, and to be kept. */
const LARGE = 19;

describe('a proxy with a cache process in trouble', () => {
  let origin: ObjectsOrigin;
  let server: TestServer;
  let crowd: ObjectsCrowd;

  beforeEach(async () => {
    origin = await ObjectsOrigin.start();
    server = await TestServer.start({ settings: { PROXY: `/objects ${origin.url}`, ...CACHES } });
    crowd = new ObjectsCrowd(`${server.origin}/objects`, CLIENTS);
    await crowd.gets(1);
  });
  afterEach(async () => {
    await server.stop();
    await origin.stop();
  });

  /** Waits until the workers share again: of what both are asked for, the origin is asked once. */
  async function isShared(): Promise<void> {
    let round = 0;
    const ask = async (): Promise<true | undefined> => {
      const before = origin.asked.get(LARGE) ?? 0;
      round++;
      for (let i = 0; i < 8; i++) {
        const got = await getObject(`${server.origin}/objects/after-${round}/${LARGE}`);
        expect(got).to.deep.equal(factsOf(LARGE));
      }
      return (origin.asked.get(LARGE) ?? 0) === before + 1 || undefined;
    };
    await eventually(ask, () => `workers that share; ${server.reports}`);
  }

  it('answers all while it is killed again and again, and uses the next one', async () => {
    let killed = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const pid = await eventually(
        () => {
          const found = cachePidOf(server.pid);
          return found === killed ? undefined : found;
        },
        () => 'another cache process',
      );
      await crowd.gets(1);
      process.kill(pid, 'SIGKILL');
      killed = pid;
    }
    await crowd.gets(1);
    await crowd.end();
    await isShared();
    expect((await server.settled()).requests.aborts).to.equal(0);
  });

  it('answers all while it stands still, and uses it when it moves again', async () => {
    const pid = cachePidOf(server.pid)!;
    const client = connectTo(server);
    await within(client.up(), () => 'the connection');
    process.kill(pid, 'SIGSTOP');
    // Long enough for the workers to notice: this client does.
    expect(await client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 })).to.equal('none');
    await crowd.gets(2);
    process.kill(pid, 'SIGCONT');
    await crowd.gets(1);
    await crowd.end();
    await isShared();
    client.close();
    expect((await server.settled()).requests.aborts).to.equal(0);
  });

  it('leaves nothing in shared memory when the server is stopped', async () => {
    const pid = cachePidOf(server.pid)!;
    await crowd.end();
    await server.stop('SIGTERM', () => expect(memoryOf(pid)).to.deep.equal([]));
  });
});

describe('a proxy with a cache process or a worker that does not answer', () => {
  let server: TestServer;
  let text: string;
  /** Replies that are held back, while they are. */
  let held: http.ServerResponse[] | undefined;
  const origin = http.createServer((request, response) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Content-Type', 'text/plain');
    if (request.method === 'PUT') response.writeHead(204).end();
    else if (held === undefined) response.end(text);
    else {
      response.write(text);
      held.push(response);
    }
  });

  before(async () => {
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
  });
  after(() => origin.close());
  beforeEach(async () => {
    text = 'old';
    held = undefined;
    const { port } = origin.address() as AddressInfo;
    server = await TestServer.start({
      settings: { PROXY: `/p http://127.0.0.1:${port}` },
      mayLoseWorkers: true,
    });
  });
  afterEach(async () => {
    await server.stop();
    origin.closeAllConnections();
  });

  /** On connections of their own, so that all workers are asked. */
  async function textsOf(path: string): Promise<string[]> {
    const replies = await Promise.all(Array.from({ length: 16 }, () => server.get(path)));
    return [...new Set(replies.map((reply) => reply.text))];
  }

  it('gives nobody what was changed while the cache process stands still', async () => {
    const pid = cachePidOf(server.pid)!;
    const client = connectTo(server);
    await within(client.up(), () => 'the connection');
    expect(await textsOf('/p/a')).to.deep.equal(['old']);
    await eventually(
      () => client.stats().store?.entries || undefined,
      () => 'an object in the shared cache',
    );
    process.kill(pid, 'SIGSTOP');
    text = 'new';
    expect((await server.request('PUT', '/p/a')).status).to.equal(204);
    expect(await textsOf('/p/a')).to.deep.equal(['new']);
    // Now the workers know that it stands still.
    expect(await client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 })).to.equal('none');
    expect(await textsOf('/p/b')).to.deep.equal(['new']);
    text = 'newest';
    expect((await server.request('PUT', '/p/a')).status).to.equal(204);
    expect(await textsOf('/p/a')).to.deep.equal(['newest']);
    process.kill(pid, 'SIGCONT');
    await eventually(
      () => client.state === 'up' || undefined,
      () => client.state,
    );
    client.close();
    expect(await textsOf('/p/a')).to.deep.equal(['newest']);
  });

  it('answers those who wait for a worker that is killed while it fills', async () => {
    held = [];
    const replies = Array.from({ length: 32 }, () =>
      server.get('/p/a').then(
        (reply) => reply.text,
        () => 'broken',
      ),
    );
    const [first] = await eventually(
      () => (held?.length === 1 ? held : undefined),
      () => 'a request at the origin',
    );
    const filler = ownerOf(first!.socket!.remotePort!, server.workerPids());
    await server.statsWhen(({ connections }) => connections.active === replies.length, 'all of them wait');
    held = undefined;
    process.kill(filler!, 'SIGKILL');
    const texts = await within(Promise.all(replies), () => 'all answers');
    expect([...new Set(texts)].sort()).to.deep.equal(['broken', 'old']);
    expect(await textsOf('/p/a')).to.deep.equal(['old']);
  });
});

describe('a proxy with shared memory', () => {
  it('leaves none behind when all of it is killed under load, and another one starts', async () => {
    const origin = await ObjectsOrigin.start();
    const sandbox = new Sandbox();
    const serve = async (): Promise<SpawnedServer> => {
      const where = ['--host', '127.0.0.1', '--port', '0', '--num-workers', '2'];
      const server = sandbox.spawn([sandbox.site, ...where, '--proxy', `/objects ${origin.url}`]);
      await server.ready();
      return server;
    };
    const server = await serve();
    const crowd = new ObjectsCrowd(`http://127.0.0.1:${server.port}/objects`, CLIENTS);
    await crowd.gets(1);
    const pid = cachePidOf(server.pid)!;
    signalGroup(server.pid, 'SIGKILL');
    await server.ended;
    const failure = await crowd.end().catch((error: Error) => error.message);
    expect(failure, 'what a client sees').to.be.a('string');
    // Whichever server starts first sweeps it, and there may be others than ours.
    expect(memoryOf(pid), 'what a killed process cannot help leaving').to.have.length.at.most(1);
    const next = await serve();
    expect(memoryOf(pid)).to.deep.equal([]);
    const nextPid = cachePidOf(next.pid)!;
    next.child.kill('SIGTERM');
    expect(await next.ended).to.deep.equal({ code: 0, signal: null });
    expect(memoryOf(nextPid)).to.deep.equal([]);
    await sandbox.end();
    await origin.stop();
  });

  // 1 MB is less than can be used, of 2 MB no object of 5 MB finds room.
  for (const sharedMb of ['0', '1', '2']) {
    it(`answers all, also over HTTP/2 and slow clients, with ${sharedMb} MB of it`, async () => {
      const origin = await ObjectsOrigin.start();
      const settings = { PROXY: `/objects ${origin.url}`, ...CACHES, SHARED_CACHE_MB: sharedMb };
      const server = await TestServer.start({ settings: { ...settings, ...tlsSettings() } });
      const client = await H2Client.open(server.securePort);
      // Some of them come from a store.
      for (let i = 0; i < 4; i++) {
        const numbers = [LARGE, 7, 15, 23];
        const got = await Promise.all(numbers.map((number) => digestOf(client, `/objects/${number}`)));
        expect(got).to.deep.equal(numbers.map((number) => factsOf(number).digest));
      }
      client.close();
      expect(origin.asked.get(LARGE), 'asked by each worker at most once').to.be.at.most(2);
      const crowd = new ObjectsCrowd(`${server.origin}/objects`, 16);
      await crowd.gets(2);
      await crowd.end();
      if (sharedMb === '1') await server.reported(/no shared cache: .*at least 2 MB/);
      else expect(server.reports).to.equal('');
      await server.stop();
      await origin.stop();
    });
  }
});

/** Of a body that is taken piece by piece, with a pause after each. */
async function digestOf(client: H2Client, path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of client.stream(path)) {
    hash.update(bytes as Buffer);
    await nextTurn();
  }
  return hash.digest('hex');
}
