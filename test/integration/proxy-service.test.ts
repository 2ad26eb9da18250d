/** The proxy at work: several upstreams, reloads, keep-alive and pipelining, limits, and exact numbers. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { RawOrigin, response } from '../helpers/raw-origin.js';
import { relayed } from '../helpers/relayed-response.js';
import { TestServer } from '../helpers/server.js';
import { expectSums } from '../helpers/stats-checks.js';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

describe('proxy: several upstreams', () => {
  let origins: RawOrigin[];
  let server: TestServer;
  before(async () => {
    origins = [await RawOrigin.start(), await RawOrigin.start(), await RawOrigin.start()];
    server = await TestServer.start({
      settings: { NUM_WORKERS: '1', PROXY: `/ ${origins.map(({ url }) => url).join(' ')}` },
    });
  });
  after(async () => {
    await server?.stop();
    for (const origin of origins) await origin.stop();
  });
  beforeEach(async () => {
    for (const [i, origin] of origins.entries()) {
      await origin.reset();
      origin.answers(() => response(String(i)));
    }
  });

  async function ask(request = GET): Promise<string> {
    const client = await server.connect();
    client.send(request);
    const { status, body } = await relayed(client);
    client.destroy();
    return status === 200 ? body.toString() : String(status);
  }

  async function askTimes(count: number, request = GET): Promise<string[]> {
    const answers: string[] = [];
    for (let i = 0; i < count; i++) answers.push(await ask(request));
    return answers;
  }

  it('take turns', async () => {
    const answers = await askTimes(6);
    expect(answers.slice(0, 3)).to.have.members(['0', '1', '2']);
    expect(answers.slice(3)).to.deep.equal(answers.slice(0, 3));
  });

  it('stand in for one that dies over a request which may be repeated, and for no other', async () => {
    origins[0]!.answers((_, connection) => {
      connection.cut();
      return undefined;
    });
    const answers = await askTimes(9);
    expect(new Set(answers)).to.deep.equal(new Set(['1', '2']));
    const before = origins[0]!.requests.length;
    expect(before).to.be.above(0);
    const posts = await askTimes(6, 'POST /x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(posts.filter((answer) => answer === '502').length).to.equal(origins[0]!.requests.length - before);
    const all = origins.reduce(
      (sum, { requests }) => sum + requests.filter(({ method }) => method === 'POST').length,
      0,
    );
    expect(all, 'POST requests at all origins').to.equal(6);
  });

  it('stand in for one that refuses connections, also with a body, and it comes back when it can', async () => {
    const { port } = origins[1]!;
    await origins[1]!.stop();
    const post = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody';
    expect(new Set(await askTimes(6, post))).to.deep.equal(new Set(['0', '2']));
    for (const i of [0, 2]) {
      for (const request of origins[i]!.requests) expect(request.body.toString()).to.equal('body');
    }
    expect(new Set(await askTimes(6))).to.deep.equal(new Set(['0', '2']));
    await origins[1]!.listen(port);
    // It is asked again when the others refuse, however long it was down.
    const ports = [origins[0]!.port, origins[2]!.port];
    await origins[0]!.stop();
    await origins[2]!.stop();
    expect(await askTimes(3)).to.deep.equal(['1', '1', '1']);
    await origins[0]!.listen(ports[0]!);
    await origins[2]!.listen(ports[1]!);
  });

  it('are all refused: 502, and no more than one attempt each', async () => {
    const ports = origins.map(({ port }) => port);
    const { upstream } = await server.settled();
    await Promise.all(origins.map((origin) => origin.stop()));
    expect(await ask()).to.equal('502');
    const stats = await server.statsWhen((now) => now.upstream.failures > upstream.failures, 'failures');
    expect(stats.upstream.failures - upstream.failures).to.equal(3);
    await Promise.all(origins.map((origin, i) => origin.listen(ports[i]!)));
    expect(await ask()).to.match(/^[012]$/);
  });
});

describe('proxy: at work', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    origin = await RawOrigin.start();
    server = await TestServer.start({
      settings: {
        PROXY: `/api ${origin.url}`,
        PROXY_MAX_CONNECTIONS: '2',
        LOG_FORMAT: 'json',
      },
    });
    server.site.file('here.txt', 'here');
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

  it('answers pipelined requests in their order, from the origin and from here', async () => {
    origin.answers(({ target }, connection) => {
      // The later ones would be answered sooner.
      setTimeout(() => connection.send(response(target)), target === '/api/0' ? 50 : 0);
      return undefined;
    });
    const client = await server.connect();
    const targets = ['/api/0', '/here.txt', '/api/1', '/api/2', '/here.txt'];
    client.send(targets.map((target) => get(target)).join(''));
    const bodies: string[] = [];
    for (const _ of targets) bodies.push((await relayed(client)).body.toString());
    expect(bodies).to.deep.equal(['/api/0', 'here', '/api/1', '/api/2', 'here']);
    client.destroy();
  });

  it('answers pipelined requests with bodies, and takes none for a request', async () => {
    origin.answers(({ body }) => response(body.toString('latin1')));
    const client = await server.connect();
    const inner = get('/api/inner');
    const count = 50;
    for (let i = 0; i < count; i++) {
      const body = `${i}${inner}`;
      client.send(`POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
    for (let i = 0; i < count; i++) expect((await relayed(client)).body.toString()).to.equal(`${i}${inner}`);
    client.destroy();
    expect(origin.requests).to.have.lengthOf(count);
  });

  it('keeps connections to the origin, and no more than allowed', async () => {
    origin.answers(({ target }) => response(target));
    const clients = await Promise.all(Array.from({ length: 40 }, () => server.connect()));
    await Promise.all(
      clients.map(async (client, i) => {
        for (let round = 0; round < 5; round++) {
          client.send(get(`/api/${i}/${round}`));
          expect((await relayed(client)).body.toString()).to.equal(`/api/${i}/${round}`);
        }
        client.destroy();
      }),
    );
    expect(origin.requests).to.have.lengthOf(200);
    // Two workers with two each.
    expect(origin.connections.length).to.be.within(1, 4);
  });

  it('lets go of requests that wait for a connection when their clients leave', async () => {
    const waiting = await Promise.all(Array.from({ length: 12 }, () => server.connect()));
    // What may be stored is fetched to its end, whoever leaves.
    for (const client of waiting) client.send(get('/api/wait', 'Cache-Control: no-store\r\n'));
    await server.statsWhen(({ upstream }) => upstream.active === 12, 'all under way');
    for (const client of waiting) client.socket.resetAndDestroy();
    await server.settled();
    await server.statsWhen(({ upstream }) => upstream.active === 0, 'none under way');
    // The first four, and those whose turn came before it was known that their clients had left.
    expect(origin.requests.length).to.be.below(12);
    origin.answers(() => response('free'));
    expect((await server.request('DELETE', '/here.txt')).status).to.equal(405);
    const client = await server.connect();
    client.send(get('/api/'));
    expect((await relayed(client)).body.toString()).to.equal('free');
    client.destroy();
  });

  it('counts and logs exactly', async () => {
    const since = await server.settled();
    origin.answers(({ target }) =>
      target === '/api/none' ? response('no', '', '404 None') : response('x'.repeat(1000)),
    );
    const client = await server.connect();
    for (let i = 0; i < 20; i++) {
      client.send(get(i % 4 === 0 ? '/api/none' : '/api/', 'User-Agent: counter\r\nReferer: http://r/\r\n'));
      await relayed(client);
    }
    client.destroy();
    const stats = await server.settled();
    expectSums(stats);
    expect(stats.requests.total - since.requests.total).to.equal(20);
    expect(stats.status['200'] - since.status['200']).to.equal(15);
    expect(stats.status['404'] - since.status['404']).to.equal(5);
    expect(stats.requests.aborts).to.equal(since.requests.aborts);
    expect(stats.bytes.sent - since.bytes.sent).to.equal(client.receivedBytes);
    expect(stats.upstream.responses - since.upstream.responses).to.equal(20);
    const lines = await eventually(
      async () => {
        const all = (await server.logLines(0)).map((line) => JSON.parse(line) as Record<string, unknown>);
        const own = all.filter(({ userAgent }) => userAgent === 'counter');
        return own.length === 20 ? own : undefined;
      },
      () => 'twenty lines',
    );
    expect(lines[0]).to.include({ method: 'GET', target: '/api/none', status: 404, bytes: 2 });
    expect(lines.reduce((sum, { bytes }) => sum + Number(bytes), 0)).to.equal(15 * 1000 + 5 * 2);
  });

  it('reloads under load without a failed request', async () => {
    origin.answers(({ body, target }) => response(`${target} ${body.length}`));
    let isOver = false;
    let answered = 0;
    const load = Array.from({ length: 8 }, async (_, i) => {
      let client = await server.connect();
      for (let n = 0; !isOver; n++) {
        const target = `/api/${i}/${n}`;
        const body = 'b'.repeat((n * 997) % 30_000);
        client.send(`PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        const got = await relayed(client);
        expect([got.status, got.body.toString()]).to.deep.equal([200, `${target} ${body.length}`]);
        answered++;
        if (got.lines.some(([name, value]) => name === 'Connection' && value === 'close')) {
          client.destroy();
          client = await server.connect();
        }
      }
      client.destroy();
    });
    const ended = Promise.all(load);
    for (let i = 0; i < 3; i++) {
      const before = answered;
      await Promise.race([ended, server.reload()]);
      await eventually(
        () => answered > before || undefined,
        () => 'further answers',
      );
    }
    isOver = true;
    await ended;
    await server.settled();
  });

  it('takes other rules with a reload, and what is under way goes on by the old ones', async () => {
    const other = await RawOrigin.start(() => response('other'));
    const client = await server.connect();
    client.send(get('/api/old'));
    const connection = await origin.connection();
    await connection.request();
    const { reloads } = server.stats();
    server.configure({ PROXY: [`/api ${other.url}`, `/new ${other.url}`] });
    server.signal('SIGHUP');
    await server.statsWhen((stats) => stats.reloads > reloads, 'a reload');
    for (const target of ['/api/x', '/new/x']) {
      const next = await server.connect();
      next.send(get(target));
      expect((await relayed(next)).body.toString()).to.equal('other');
      next.destroy();
    }
    connection.send(response('old'));
    expect((await relayed(client)).body.toString()).to.equal('old');
    client.destroy();
    await server.settled();
    await other.stop();
  });

  it('ends in order with requests under way', async () => {
    const stopping = await TestServer.start({ settings: { PROXY: `/ ${origin.url}` } });
    const client = await stopping.connect();
    client.send(get('/last'));
    const connection = await origin.connection();
    await connection.request();
    const stopped = stopping.stop();
    await stopping.reported(/stopping/);
    connection.send(response('last'));
    expect((await relayed(client)).body.toString()).to.equal('last');
    client.destroy();
    await stopped;
  });
});
