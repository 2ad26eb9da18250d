/** The cache process beside a server: started with it, started again, ended with it; and by itself. */
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { CacheClient } from '../../src/shared-cache/client.js';
import { memoryRoot } from '../../src/shared-cache/directory.js';
import type { Fill } from '../../src/shared-cache/shared-cache.js';
import { cachePidOf, memoryOf } from '../helpers/cache-of-server.js';
import { eventually, within } from '../helpers/eventually.js';
import { signalGroup } from '../helpers/leftovers.js';
import { Sandbox, type SpawnedServer } from '../helpers/sandbox.js';
import { type ConfSettings, TestServer } from '../helpers/server.js';
import { bytesOf, collect, randomBytes, stored } from '../helpers/shared-cache.js';
import { treeWithoutKoffi } from '../helpers/tree-without-koffi.js';

/** For a server that has a proxy, and so a cache process. */
const PROXYING = '--port 0 --host 127.0.0.1 --num-workers 1 --proxy'
  .split(' ')
  .concat('/up http://127.0.0.1:9');
const PROXIED: ConfSettings = { PROXY: '/up http://127.0.0.1:9', SHARED_CACHE_MB: '8' };

function connect(socketPath: string): CacheClient {
  return new CacheClient({ socketPath, maxSegments: 4, chunkBytes: 65_536, report: () => undefined });
}

async function put(client: CacheClient, key: string, body: Uint8Array): Promise<void> {
  const fill = (await client.claim(bytesOf(key), { seen: 0, waitMs: 1000 })) as Fill;
  fill.write(body);
  expect(await fill.commit(bytesOf('head'))).to.equal(true);
}

describe('the cache process of a server', () => {
  let server: TestServer;
  let client: CacheClient;

  beforeEach(async () => {
    server = await TestServer.start({ settings: PROXIED });
    client = connect(socketOf(server));
    await within(client.up(), () => 'the connection');
  });
  afterEach(async () => {
    client.close();
    await server.stop();
  });

  function socketOf({ directory, pid }: TestServer): string {
    return directory.at(`run/handover/cache-${pid}.sock`);
  }

  it('is for this user alone', () => {
    const pid = cachePidOf(server.pid)!;
    expect(statSync(socketOf(server)).mode & 0o777).to.equal(0o600);
    const [directory] = memoryOf(pid);
    expect(statSync(`${memoryRoot()}/${directory}`).mode & 0o777).to.equal(0o700);
    expect(statSync(`${memoryRoot()}/${directory}/arena`).mode & 0o777).to.equal(0o600);
  });

  it('is started again when it is killed, and what it had is gone', async () => {
    await put(client, 'k', bytesOf('body'));
    const pid = cachePidOf(server.pid)!;
    process.kill(pid, 'SIGKILL');
    await server.reported(/cache process \(pid \d+\): it ended by SIGKILL; another starts now/);
    await eventually(
      () => ![undefined, pid].includes(cachePidOf(server.pid)) || undefined,
      () => 'another cache process',
    );
    await eventually(
      () => (client.state === 'up' ? true : undefined),
      () => client.state,
    );
    expect(stored(client, 'k')).to.equal(undefined);
    await put(client, 'k', bytesOf('body'));
    expect(memoryOf(pid), 'what the dead one had').to.deep.equal([]);
  });

  it('keeps what it has over a reload', async () => {
    await put(client, 'k', bytesOf('body'));
    const pid = cachePidOf(server.pid);
    await server.reload({ SHARED_CACHE_MB: '9' });
    await server.reported(/SHARED_CACHE_MB is changed by a restart, not by a reload/);
    expect(cachePidOf(server.pid)).to.equal(pid);
    expect(stored(client, 'k')).to.deep.equal(['head', 'body']);
  });

  it('ends when a reload wants none', async () => {
    const pid = cachePidOf(server.pid)!;
    await server.reload({ SHARED_CACHE_MB: '0' });
    await eventually(
      () => (cachePidOf(server.pid) === undefined ? true : undefined),
      () => 'the end of the cache process',
    );
    expect(memoryOf(pid)).to.deep.equal([]);
  });

  it('ends with the server, also when it stands still, and leaves nothing', async () => {
    const pid = cachePidOf(server.pid)!;
    process.kill(pid, 'SIGSTOP');
    // Throws when anything is left in the server's directories, or a process of it runs.
    await server.stop();
    expect(memoryOf(pid)).to.deep.equal([]);
  });
});

describe('a server without a proxy', () => {
  it('has no cache process', async () => {
    const server = await TestServer.start();
    expect(cachePidOf(server.pid)).to.equal(undefined);
    await server.stop();
  });
});

describe('handover cached', () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = new Sandbox();
  });
  afterEach(() => sandbox.end());

  function serve(...args: string[]): SpawnedServer {
    return sandbox.spawn(['cached', '--shared-cache-mb', '8', ...args]);
  }

  function socketPath(): string {
    return sandbox.directory.at('run/handover/cache.sock');
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`serves plain files and objects, and leaves nothing on ${signal}`, async () => {
      const body = randomBytes(300_000);
      sandbox.directory.write('site/file.bin', body);
      const server = serve('--root', 'site');
      await server.said(/^cache process \(pid \d+\) at .*cache\.sock: 8 MB, files of .*site\n/);
      const client = connect(socketPath());
      await within(client.up(), () => 'the connection');
      const arrival = await client.openFile('/file.bin');
      expect((await collect(arrival!.body)).equals(body)).to.equal(true);
      await put(client, 'k', body);
      expect(client.lookup(bytesOf('k'))?.body?.equals(body)).to.equal(true);
      server.child.kill(signal);
      expect(await server.ended).to.deep.equal({ code: 0, signal: null });
      client.close();
      expect(memoryOf(server.pid)).to.deep.equal([]);
      expect(existsSync(socketPath())).to.equal(false);
      expect(server.err).to.equal('');
    });
  }

  it('without koffi serves workers that have it', async () => {
    const main = treeWithoutKoffi(sandbox.directory)('main.js');
    const server = sandbox.spawn(['cached', '--shared-cache-mb', '8'], [], main);
    await server.said(/cache process/);
    const client = connect(socketPath());
    await within(client.up(), () => 'the connection');
    for (const size of [10_000, 3_000_000]) {
      const body = randomBytes(size);
      await put(client, `k${size}`, body);
      const found = await client.open(bytesOf(`k${size}`));
      expect((await collect(found!.body)).equals(body)).to.equal(true);
    }
    expect(client.lookup(bytesOf('k10000'))?.bodyBytes).to.equal(10_000);
    client.close();
    server.child.kill('SIGTERM');
    expect((await server.ended).code).to.equal(0);
    expect(server.err).to.equal('');
  });

  it('ends with exit code 2 when there is one already', async () => {
    const first = serve();
    await first.said(/cache process/);
    const outcome = await sandbox.run('cached');
    expect(outcome.code).to.equal(2);
    expect(outcome.err).to.match(
      /^handover: the cache process cannot listen at .*: another cache process answers there\n$/,
    );
  });

  it('ends with exit code 4 when there is no such root', async () => {
    const outcome = await sandbox.run('cached', '--root', 'none');
    expect(outcome.code).to.equal(4);
    expect(outcome.err).to.match(/^handover: cached --root .*none: ENOENT/);
  });

  it('is what a server with SHARED_CACHE_SOCKET uses instead of one of its own', async () => {
    const server = sandbox.spawn([sandbox.site, ...PROXYING, '--shared-cache-socket', socketPath()]);
    await server.ready();
    expect(cachePidOf(server.pid)).to.equal(undefined);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).to.equal(0);
  });

  it('sweeps what was left when everything was killed, and so does a server', async () => {
    const cached = serve();
    await cached.said(/cache process/);
    const server = sandbox.spawn([sandbox.site, ...PROXYING, '--shared-cache-mb', '8']);
    await server.ready();
    const pids = [cached.pid, cachePidOf(server.pid)!];
    for (const { pid } of [cached, server]) signalGroup(pid, 'SIGKILL');
    await Promise.all([cached.ended, server.ended]);
    expect(pids.flatMap(memoryOf), 'what a killed process cannot help leaving').to.have.length(2);

    const again = sandbox.spawn([sandbox.site, ...PROXYING, '--shared-cache-mb', '8']);
    await again.ready();
    expect(pids.flatMap(memoryOf)).to.deep.equal([]);
    const pid = cachePidOf(again.pid)!;
    expect(memoryOf(pid)).to.have.length(1);
    expect(
      readdirSync(sandbox.directory.at('run/handover')).filter((name) => /^cache-\d/.test(name)),
    ).to.have.length(1);
    const ended = once(again.child, 'exit');
    again.child.kill('SIGTERM');
    await ended;
    expect(memoryOf(pid)).to.deep.equal([]);
  });
});
