/** What workers answer from memory while files are written through the server: never what was there before. */
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { settled } from '../helpers/eventually.js';
import { childrenOf } from '../helpers/proc.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { TestServer } from '../helpers/server.js';
import { askForLock, put, until, writableServer } from '../helpers/writing.js';

const GET = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** A connection to each worker, and more: they are handed out in turn. */
async function connections(server: TestServer, count = 4): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => server.connect()));
  for (const client of clients) await client.exchange(GET('/'));
  return clients;
}

describe('coherence', () => {
  let server: TestServer;
  before(async () => {
    // So long that only tokens make a difference.
    server = await writableServer({ CACHE_REVALIDATE_MS: '60000', CACHE_MAX_FILE_KB: '16' });
  });
  after(() => server?.stop());

  for (const [what, target, size] of [
    ['in memory', '/c.txt', 20],
    ['on disk', '/d.txt', 40_000],
    ['that is the index', '/docs/', 20],
  ] as const) {
    it(`no worker answers with an old version of a file ${what}`, async () => {
      server.site.directory('docs');
      const clients = await connections(server);
      const path = target.endsWith('/') ? `${target}index.html` : target;
      for (let version = 0; version < 60; version++) {
        const body = `${version} `.padEnd(size, '.');
        const response = await put(server, path, body);
        expect(response.status).to.be.oneOf([201, 204]);
        const answers = await Promise.all(clients.map((client) => client.exchange(GET(target))));
        for (const { text } of answers) expect(text.slice(0, 8)).to.equal(body.slice(0, 8));
      }
      for (const client of clients) client.destroy();
    });
  }

  it('and none answers with what was deleted or moved away', async () => {
    const clients = await connections(server);
    for (let i = 0; i < 20; i++) {
      await put(server, '/now.txt', `${i}`);
      for (const client of clients) expect((await client.exchange(GET('/now.txt'))).text).to.equal(`${i}`);
      await server.request('MOVE', '/now.txt', { Destination: '/then.txt' });
      for (const client of clients) {
        expect((await client.exchange(GET('/now.txt'))).status).to.equal(404);
        expect((await client.exchange(GET('/then.txt'))).text).to.equal(`${i}`);
      }
      await server.request('DELETE', '/then.txt');
      for (const client of clients) expect((await client.exchange(GET('/then.txt'))).status).to.equal(404);
    }
    for (const client of clients) client.destroy();
  });

  it('and none answers with what was in a directory that is replaced', async () => {
    const clients = await connections(server);
    for (let i = 0; i < 10; i++) {
      server.site.file(`next/page.txt`, `${i}`);
      await server.request('MOVE', '/next', { Destination: '/current' });
      for (const client of clients) {
        for (let n = 0; n < 3; n++) {
          expect((await client.exchange(GET('/current/page.txt'))).text).to.equal(`${i}`);
        }
      }
    }
    for (const client of clients) client.destroy();
  });

  it('answers from memory as long as nobody writes', async () => {
    await settled(server.site.file('hot.txt', 'hot'));
    const [client] = await connections(server, 1);
    await until(
      async () => (await client!.exchange(GET('/hot.txt'))).field('x-cache') === 'HIT',
      () => 'a hit',
    );
    expect((await client!.exchange(GET('/hot.txt'))).field('x-cache')).to.equal('HIT');
    await put(server, '/hot.txt', 'hotter');
    expect((await client!.exchange(GET('/hot.txt'))).field('x-cache')).not.to.equal('HIT');
    client!.destroy();
  });

  it('reads without waiting while somebody keeps the file from others', async () => {
    await put(server, '/kept.txt', 'kept');
    const lock = await askForLock(server, { file: '/kept.txt', mode: 'write' });
    expect(lock.status).to.equal(201);
    expect((await server.get('/kept.txt')).text).to.equal('kept');
    const { lock: id } = lock.json as { lock: string };
    expect((await server.request('DELETE', `/.handover/locks/${id}`)).status).to.equal(204);
  });
});

describe('changes that the server does not make', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ CACHE_REVALIDATE_MS: '50', NUM_WORKERS: '1' });
  });
  after(() => server?.stop());

  it('are found after CACHE_REVALIDATE_MS', async () => {
    await settled(server.site.file('edited.txt', 'old'));
    for (let i = 0; i < 5; i++) await server.get('/edited.txt');
    server.site.file('edited.txt', 'newer');
    await until(
      async () => (await server.get('/edited.txt')).text === 'newer',
      () => 'the new text',
    );
  });
});

describe('workers that die or stand still', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ TOKEN_TTL_SECONDS: '2', TOKEN_WAIT_SECONDS: '20' }, true);
  });
  after(() => server?.stop());

  it('leave what they held to others, and nothing of what they were receiving', async () => {
    await put(server, '/k.txt', 'old');
    const clients = await connections(server);
    for (const client of clients) await client.exchange(GET('/k.txt'));
    const uploading = await server.connect();
    uploading.send('PUT /k.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    const spooled = (): number => readdirSync(server.site.at('.handover/spool')).length;
    await until(
      () => spooled() === 1,
      () => 'a body on its way',
    );
    for (const pid of server.workerPids()) process.kill(pid, 'SIGKILL');
    await server.statsWhen(
      ({ workers }) => workers.length === 2 && workers.every((w) => w.restarts > 0),
      'new workers',
    );
    expect((await put(server, '/k.txt', 'new')).status).to.equal(204);
    expect((await server.get('/k.txt')).text).to.equal('new');
    await until(
      () => spooled() === 0,
      () => 'an empty spool',
    );
    uploading.destroy();
    for (const client of clients) client.destroy();
  });

  it('answer with nothing old when they go on', async () => {
    await settled(server.site.file('s.txt', 'old'));
    const clients = await connections(server);
    for (const client of clients) {
      for (let i = 0; i < 4; i++) await client.exchange(GET('/s.txt'));
    }
    const workers = childrenOf(server.pid).filter((pid) => server.workerPids().includes(pid));
    const [stopped] = workers;
    process.kill(stopped!, 'SIGSTOP');
    try {
      const response = await put(server, '/s.txt', 'new');
      expect(response.status).to.equal(204);
    } finally {
      // What its clients ask meanwhile waits for it.
      for (const client of clients) client.send(GET('/s.txt'));
      process.kill(stopped!, 'SIGCONT');
    }
    for (const client of clients) expect((await client.response()).text).to.equal('new');
    for (const client of clients) client.destroy();
  });
});
