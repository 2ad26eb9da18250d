/** Locks over HTTP, for whoever works on the same files by other means. */
import { expect } from 'chai';
import type { TestServer } from '../helpers/server.js';
import { askForLock, put, until, writableServer } from '../helpers/writing.js';

interface Lock {
  readonly lock: string;
  readonly fence: number;
}

interface Listing {
  readonly files: readonly { readonly file: string; readonly queue: readonly unknown[] }[];
}

describe('locks', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ TOKEN_WAIT_SECONDS: '0' });
  });
  after(() => server?.stop());

  const unlock = (lock: string) => server.request('DELETE', `/.handover/locks/${lock}`);
  const take = async (file: string, mode: string, options = {}): Promise<Lock> => {
    const response = await askForLock(server, { file, mode, waitSeconds: 20, ...options });
    expect(response.status).to.equal(201);
    return response.json as Lock;
  };

  it('keep others from writing', async () => {
    const { lock } = await take('/f', 'write');
    expect((await askForLock(server, { file: '/f', mode: 'write', waitSeconds: 0.05 })).status).to.equal(423);
    const refused = await put(server, '/f', 'x');
    expect(refused.status).to.equal(423);
    expect(refused.field('retry-after')).to.equal('1');
    expect((await unlock(lock)).status).to.equal(204);
    expect((await put(server, '/f', 'x')).status).to.equal(201);
  });

  it('for reading are shared, and keep writers out', async () => {
    const [a, b] = [await take('/r', 'read'), await take('/r', 'read')];
    expect((await put(server, '/r', 'x')).status).to.equal(423);
    await unlock(a.lock);
    await unlock(b.lock);
  });

  it('are granted in turn, with fences that rise', async () => {
    const first = await take('/turn', 'write');
    const waiting = take('/turn', 'write');
    await until(
      async () => {
        const { files } = (await server.get('/.handover/tokens?prefix=/turn')).json as Listing;
        return files[0]?.queue.length === 1;
      },
      () => 'one who waits',
    );
    await unlock(first.lock);
    const second = await waiting;
    expect(second.fence).to.be.above(first.fence);
    await unlock(second.lock);
  });

  it('of a client that has gone while it waited are not taken', async () => {
    const { lock } = await take('/left', 'write');
    const client = await server.connect();
    const body = JSON.stringify({ file: '/left', mode: 'write', waitSeconds: 20 });
    client.send(
      `POST /.handover/locks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const queue = async (): Promise<number> => {
      const { files } = (await server.get('/.handover/tokens?prefix=/left')).json as Listing;
      return files[0]?.queue.length ?? 0;
    };
    await until(
      async () => (await queue()) === 1,
      () => 'one who waits',
    );
    client.destroy();
    await until(
      async () => (await queue()) === 0,
      () => 'nobody who waits',
    );
    await unlock(lock);
  });

  it('end when they are not refreshed', async () => {
    const { lock } = await take('/ttl', 'write', { ttlSeconds: 1 });
    expect((await server.request('PUT', `/.handover/locks/${lock}`)).status).to.equal(200);
    await take('/ttl', 'write');
    expect((await server.request('PUT', `/.handover/locks/${lock}`)).status).to.equal(404);
    expect((await unlock(lock)).status).to.equal(404);
  });

  it('go on over a reload', async () => {
    const { lock } = await take('/reload', 'write', { ttlSeconds: 60 });
    await server.reload();
    expect((await put(server, '/reload', 'x')).status).to.equal(423);
    expect((await server.request('PUT', `/.handover/locks/${lock}`)).status).to.equal(200);
    await unlock(lock);
  });

  for (const [what, lock, status] of [
    ['no file', { mode: 'write' }, 400],
    ['no mode', { file: '/f' }, 400],
    ['a path that climbs', { file: '/../f', mode: 'read' }, 400],
    ['the server’s own', { file: '/.handover/epoch', mode: 'read' }, 400],
  ] as const) {
    it(`are refused for ${what}`, async () => {
      expect((await askForLock(server, lock)).status).to.equal(status);
    });
  }
});
