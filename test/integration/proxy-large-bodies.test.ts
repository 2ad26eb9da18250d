/**
 * A body of 64 MB that is sent straight from shared memory: whole and in parts, to clients that take their time while it
 * is removed, evicted, or its cache process is gone.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { cachePidOf, connectTo, memoryOf } from '../helpers/cache-of-server.js';
import { tlsSettings } from '../helpers/certificates.js';
import { eventually, within } from '../helpers/eventually.js';
import { H2Client } from '../helpers/h2-client.js';
import { residentBytes } from '../helpers/proc.js';
import { TestServer } from '../helpers/server.js';
import { bytesOf, MB, randomBytes } from '../helpers/shared-cache.js';

const BODY = randomBytes(64 * MB);
const DIGEST = digestOf(BODY);
const CLIENTS = 4;
/** For what a slow client has not taken, buffers, and what the collector has left: three bodies, and not as many as there are clients. */
const MAX_GROWTH_BYTES = 192 * MB;
/** A download takes its time on a busy machine. */
const BOUND_MS = 60_000;

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('large bodies of the proxy', function () {
  this.timeout(180_000);
  let server: TestServer;
  let asked: string[];
  const origin = http.createServer((request, response) => {
    asked.push(request.url!);
    const fields = { 'Cache-Control': 'max-age=3600', ETag: '"a"' };
    if (request.url!.startsWith('/p/small')) {
      response.writeHead(200, fields).end('small');
      return;
    }
    // Some say how long they are, some do not.
    const length = request.url!.endsWith('chunked') ? {} : { 'Content-Length': BODY.length };
    response.writeHead(200, { ...fields, ...length }).end(BODY);
  });

  before(async () => {
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
  });
  after(() => {
    origin.closeAllConnections();
    origin.close();
  });
  beforeEach(async () => {
    asked = [];
    const { port } = origin.address() as AddressInfo;
    server = await TestServer.start({
      settings: {
        PROXY: `/p http://127.0.0.1:${port}`,
        // A client that is slower than the origin does not keep the body from being stored.
        PROXY_CACHE_MB: '256',
        PROXY_CACHE_MAX_OBJECT_KB: '131072',
        SHARED_CACHE_MB: '192',
        ...tlsSettings(),
      },
    });
    await sharing();
    asked = [];
  });
  afterEach(async () => {
    const pid = cachePidOf(server.pid);
    await server.stop();
    if (pid !== undefined) expect(memoryOf(pid)).to.deep.equal([]);
  });

  /** Waits until both workers are connected with the cache process: of what they are asked for, one of them asks. */
  async function sharing(): Promise<void> {
    let round = 0;
    await eventually(
      async () => {
        const path = `/p/small-${round++}`;
        for (let i = 0; i < 4; i++) await digest(await begin(path));
        return asked.filter((each) => each === path).length === 1 || undefined;
      },
      () => `workers that share; ${server.reports}`,
    );
  }

  /** Begins a download, of which nothing more is read than comes by itself. */
  async function begin(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<http.IncomingMessage> {
    const request = http.get({ port: server.port, path, headers, agent: false });
    const [response] = await within(once(request, 'response'), () => `the head of ${path}`, BOUND_MS);
    return response as http.IncomingMessage;
  }

  /** Takes the rest of it. Rejects when it does not come whole. */
  async function digest(response: http.IncomingMessage): Promise<string> {
    const hash = createHash('sha256');
    const take = async (): Promise<void> => {
      for await (const bytes of response) hash.update(bytes as Buffer);
    };
    await within(take(), () => 'the rest of a body', BOUND_MS);
    return hash.digest('hex');
  }

  async function get(path: string): Promise<readonly [cache: string, digest: string]> {
    const response = await begin(path);
    return [String(response.headers['x-cache']), await digest(response)];
  }

  /** Brings it into the shared cache; the origin was asked once then. */
  async function store(path: string): Promise<void> {
    expect(await get(path)).to.deep.equal(['MISS', DIGEST]);
    expect(await get(path)).to.deep.equal(['HIT', DIGEST]);
  }

  it('are asked for once, and sent to all, over HTTP/1.1 and HTTP/2', async () => {
    for (const path of ['/p/a', '/p/chunked']) {
      await store(path);
      const replies = await Promise.all(Array.from({ length: CLIENTS }, () => get(path)));
      for (const reply of replies) expect(reply).to.deep.equal(['HIT', DIGEST]);
      const client = await H2Client.open(server.securePort);
      for (let i = 0; i < 2; i++) {
        const hash = createHash('sha256');
        for await (const bytes of client.stream(path)) hash.update(bytes as Buffer);
        expect(hash.digest('hex'), 'HTTP/2').to.equal(DIGEST);
      }
      client.close();
      // With another scheme it is another resource.
      expect(asked.splice(0)).to.deep.equal([path, path]);
    }
  });

  it('are sent in parts', async () => {
    await store('/p/a');
    const part = await begin('/p/a', { Range: 'bytes=1000000-41000000' });
    expect(part.statusCode).to.equal(206);
    expect(await digest(part)).to.equal(digestOf(BODY.subarray(1_000_000, 41_000_001)));
    const parts = await begin('/p/a', { Range: 'bytes=0-9,-10' });
    const pieces: Buffer[] = [];
    for await (const bytes of parts) pieces.push(bytes as Buffer);
    const bytes = Buffer.concat(pieces);
    for (const wanted of [BODY.subarray(0, 10), BODY.subarray(-10)])
      expect(bytes.includes(wanted)).to.equal(true);
    expect((await begin('/p/a', { 'If-None-Match': '"a"' })).statusCode).to.equal(304);
    expect(asked).to.have.length(1);
  });

  it('take no memory of workers, however many are on their way', async () => {
    const pids = server.workerPids();
    const resident = (): number => pids.reduce((sum, pid) => sum + residentBytes(pid), 0);
    const before = resident();
    await store('/p/a');
    const afterFill = resident();
    const responses = await Promise.all(Array.from({ length: CLIENTS }, () => begin('/p/a')));
    let most = resident();
    for (const response of responses) {
      expect(await digest(response)).to.equal(DIGEST);
      most = Math.max(most, resident());
    }
    expect(afterFill - before, 'for one that was fetched').to.be.below(MAX_GROWTH_BYTES);
    expect(most - before, 'for many that were sent').to.be.below(MAX_GROWTH_BYTES);
  });

  for (const [what, remove] of [
    ['they are removed', () => server.request('PURGE', '/p/a')],
    ['they are evicted', () => get('/p/another')],
    ['their cache process is killed', async () => process.kill(cachePidOf(server.pid)!, 'SIGKILL')],
    ['their cache process stands still', async () => process.kill(cachePidOf(server.pid)!, 'SIGSTOP')],
  ] as const) {
    it(`come whole to slow clients though ${what}`, async () => {
      await store('/p/a');
      const pid = cachePidOf(server.pid)!;
      const responses = await Promise.all(Array.from({ length: CLIENTS }, () => begin('/p/a')));
      await remove();
      // Not before it was noticed.
      expect((await get('/p/other'))[1]).to.equal(DIGEST);
      for (const response of responses) expect(await digest(response)).to.equal(DIGEST);
      if (what.endsWith('still')) process.kill(pid, 'SIGCONT');
      const client = connectTo(server);
      await within(client.up(), () => 'a cache process');
      await eventually(
        () => client.state === 'up' || undefined,
        () => client.state,
      );
      expect(client.lookup(bytesOf('nothing'))).to.equal(undefined);
      client.close();
      expect((await get('/p/a'))[1]).to.equal(DIGEST);
    });
  }
});
