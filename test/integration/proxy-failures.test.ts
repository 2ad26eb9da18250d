/** Origins that refuse, stall, die or talk nonsense, and clients that leave: every request has one end, and none looks whole that is not. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { type Proxied, startProxied } from '../helpers/proxied.js';
import { type RawOrigin, response } from '../helpers/raw-origin.js';
import { bodyOf, relayed, relayedHead, valuesOf } from '../helpers/relayed-response.js';
import type { TestServer } from '../helpers/server.js';

const HEAD = 'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n';
const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
/** What others may wait for, too, would go on without the client. */
const GET_ALONE = 'GET /x HTTP/1.1\r\nHost: a\r\nCache-Control: no-store\r\n\r\n';
const post = (fields: string): string => `POST /x HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

/** What a client gets for a request while the origin does as told, and how many requests that took. */
async function askFor(
  request: string,
  { origin, server }: Proxied,
): Promise<{ readonly status: number; readonly count: number }> {
  const client = await server.connect();
  client.send(request);
  let status = 100;
  while (status < 200) ({ status } = await relayed(client, request.slice(0, request.indexOf(' '))));
  client.destroy();
  return { status, count: origin.requests.length };
}

describe('proxy: failures', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    ({ origin, server } = await startProxied({ PROXY_MAX_BODY_MB: '1' }));
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  const ask = (request: string) => askFor(request, { origin, server });

  for (const [what, bytes] of [
    ['nothing at all', ''],
    ['half a status line', 'HTTP/1.1 2'],
    ['half a head', `${HEAD}X-Half: `],
    ['only an interim response', 'HTTP/1.1 103 Hints\r\n\r\n'],
  ] as const) {
    for (const how of ['finish', 'cut'] as const) {
      it(`answers 502 when the origin says ${what} and ends (${how}); asks again only what is safe`, async () => {
        origin.answers((_, connection) => {
          connection.send(bytes);
          // What was sent leaves before a reset does.
          setImmediate(() => connection[how]());
          return undefined;
        });
        expect(await ask(GET)).to.deep.equal({ status: 502, count: 2 });
        origin.connections.length = 0;
        expect(await ask(post('Content-Length: 0\r\n'))).to.deep.equal({ status: 502, count: 1 });
        origin.connections.length = 0;
        expect(await ask(`${post('Content-Length: 2\r\n')}ab`)).to.deep.equal({ status: 502, count: 1 });
      });
    }
  }

  for (const nonsense of [
    'SSH-2.0-OpenSSH_9.6\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    `${HEAD}Bad Name: x\r\n\r\n`,
    `${HEAD}: x\r\n\r\n`,
    `${HEAD}X: a\x00b\r\n\r\n`,
    `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nfivefi`,
    `${HEAD}Content-Length: 5, 5\r\n\r\nfive!`,
    `${HEAD}Content-Length: -5\r\n\r\nfive!`,
    `${HEAD}Content-Length: 0x5\r\n\r\nfive!`,
    `${HEAD}Content-Length: 99999999999999999999\r\n\r\nfive!`,
    `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw',
    `${HEAD}X: ${'a'.repeat(20_000)}\r\n\r\n`,
  ]) {
    it(`answers 502 to ${JSON.stringify(nonsense.slice(0, 130))}`, async () => {
      origin.answers(() => nonsense);
      expect((await ask(GET)).status).to.equal(502);
      expect((await ask(post('Content-Length: 0\r\n'))).status).to.equal(502);
    });
  }

  for (const [what, head, part] of [
    ['counted', 'Content-Length: 100\r\n', 'half'],
    ['counted, of which nothing came', 'Content-Length: 100\r\n', ''],
    ['counted, on a connection that was to end', 'Connection: close\r\nContent-Length: 100\r\n', 'half'],
    ['chunked', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n'],
    ['chunked, within a chunk', 'Transfer-Encoding: chunked\r\n', '64\r\nhalf'],
    [
      'chunked, on a connection that was to end',
      'Connection: close\r\nTransfer-Encoding: chunked\r\n',
      '4\r\nhalf\r\n',
    ],
    ['chunked, with nonsense behind', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\nxyz\r\n'],
    ['chunked, with a chunk that is too long', 'Transfer-Encoding: chunked\r\n', '4\r\nhalfway\r\n'],
  ] as const) {
    for (const how of ['finish', 'cut'] as const) {
      it(`cuts a body that is ${what}, when the origin dies within it (${how})`, async () => {
        const client = await server.connect();
        client.send(GET);
        const connection = await origin.connection();
        await connection.request();
        connection.send(`${HEAD}${head}\r\n${part}`);
        const got = await relayedHead(client);
        expect(got.status).to.equal(200);
        connection[how]();
        const outcome = await bodyOf(client, got).catch((error: Error) => error);
        expect(outcome).to.be.an.instanceOf(Error);
        client.destroy();
        expect(origin.requests).to.have.lengthOf(1);
      });

      it(`cuts, for a client of HTTP/1.0 too, a body that is ${what} (${how})`, async () => {
        const client = await server.connect();
        client.send('GET /x HTTP/1.0\r\n\r\n');
        const connection = await origin.connection();
        await connection.request();
        connection.send(`${HEAD}${head}\r\n${part}`);
        const got = await relayedHead(client);
        connection[how]();
        const outcome = await bodyOf(client, got).catch((error: Error) => error);
        expect(outcome).to.be.an.instanceOf(Error);
        client.destroy();
      });
    }
  }

  for (const head of [
    'Connection: close\r\nContent-Length: 50000000\r\n',
    'Connection: close\r\n',
    'Content-Length: 50000000\r\n',
  ]) {
    it(`outlives an origin that breaks off while the client does not read: ${JSON.stringify(head)}`, async () => {
      const pids = server.workerPids();
      const client = await server.connect();
      client.send(GET);
      const connection = await origin.connection();
      await connection.request();
      connection.send(`${HEAD}${head}\r\n`).send(Buffer.alloc(20_000_000));
      const got = await relayedHead(client);
      client.socket.pause();
      await server.standing();
      connection.cut();
      client.socket.resume();
      const outcome = await bodyOf(client, got).catch((error: Error) => error);
      expect(outcome).to.be.an.instanceOf(Error);
      origin.answers(() => response('ok'));
      expect((await ask(GET)).status).to.equal(200);
      expect(server.workerPids()).to.deep.equal(pids);
    });
  }

  it('outlives an origin that breaks off right behind a head', async () => {
    const pids = server.workerPids();
    for (const head of [
      'Connection: close\r\n',
      'Content-Length: 9\r\n',
      'Connection: close\r\nContent-Length: 9\r\n',
    ]) {
      for (const bytes of ['', 'half', 'x'.repeat(200_000)]) {
        await origin.reset();
        origin.answers((_, connection) => {
          connection.socket.write(`${HEAD}${head}\r\n${bytes}`, () => connection.cut());
          return undefined;
        });
        const client = await server.connect();
        client.send(GET);
        // Whether the bytes come before the reset is up to the kernel; that none are lost is not.
        const got = await relayed(client).catch(() => undefined);
        const isEnough = head.includes('Length: 9') && bytes.length > 9;
        if (got?.status === 200) expect([isEnough, got.body.length]).to.deep.equal([true, 9]);
        client.destroy();
      }
    }
    await origin.reset();
    origin.answers(() => response('ok'));
    expect((await ask(GET)).status).to.equal(200);
    expect(server.workerPids()).to.deep.equal(pids);
  });

  it('answers 413 to a body in chunks that becomes too large, and the origin gets no end of it', async () => {
    const client = await server.connect();
    client.send(post('Transfer-Encoding: chunked\r\n'));
    const chunk = `10000\r\n${'c'.repeat(0x10000)}\r\n`;
    for (let i = 0; i < 17; i++) client.send(chunk);
    const { status } = await relayedHead(client);
    expect(status).to.equal(413);
    client.destroy();
    // It may not even have been connected to by then.
    await origin.connections[0]?.ended();
    expect(origin.requests).to.have.lengthOf(0);
  });

  it('tells the origin when a client leaves that waits for the head', async () => {
    const since = await server.settled();
    const client = await server.connect();
    client.send(GET_ALONE);
    const connection = await origin.connection();
    await connection.request();
    client.socket.resetAndDestroy();
    await connection.ended();
    await server.statsWhen(({ requests }) => requests.aborts === since.requests.aborts + 1, 'an abort');
    await server.statsWhen(({ upstream }) => upstream.active === 0, 'none under way');
    expect(origin.requests).to.have.lengthOf(1);
    expect(server.reports).to.not.include('the client is gone');
  });

  it('tells the origin when a client leaves within the body that it sends', async () => {
    const client = await server.connect();
    client.send(post('Content-Length: 1000\r\n')).send('half');
    const connection = await origin.connection();
    await connection.head();
    client.socket.resetAndDestroy();
    await connection.ended();
    expect(connection.requests).to.have.lengthOf(0);
  });

  it('tells the origin when a client leaves within the body that it gets', async () => {
    const since = await server.settled();
    const client = await server.connect();
    client.send(GET_ALONE);
    const connection = await origin.connection();
    await connection.request();
    connection.send(`${HEAD}Content-Length: 100000000\r\n\r\n`).send(Buffer.alloc(1_000_000));
    await relayedHead(client);
    client.socket.resetAndDestroy();
    await connection.ended();
    await server.statsWhen(({ requests }) => requests.aborts === since.requests.aborts + 1, 'an abort');
  });

  it('leaves nothing open behind clients that leave', async () => {
    const clients = await Promise.all(Array.from({ length: 30 }, () => server.connect()));
    for (const [i, client] of clients.entries()) {
      client.send(i % 2 === 0 ? GET_ALONE : `${post('Content-Length: 9\r\n')}half`);
    }
    const asked = () => origin.connections.filter(({ receivedBytes }) => receivedBytes > 0).length;
    await eventually(
      () => asked() === clients.length || undefined,
      () => `a request of each at the origin; there are ${asked()}`,
    );
    const left = [...origin.connections];
    for (const { socket } of clients) socket.resetAndDestroy();
    for (const connection of left) await connection.ended();
    const stats = await server.settled();
    expect(stats.upstream.active).to.equal(0);
  });

  it('answers a client that closes its direction behind the request', async () => {
    const client = await server.connect();
    client.send(GET).finish();
    const connection = await origin.connection();
    await connection.request();
    connection.send(response('still here'));
    expect((await relayed(client)).body.toString()).to.equal('still here');
    await client.closed();
  });

  it('asks again on a new connection when the origin has closed an old one, and never twice for POST', async () => {
    origin.answers(() => response('ok'));
    expect(await ask(GET)).to.deep.equal({ status: 200, count: 1 });
    // The next request on it finds it closing.
    origin.answers((_, connection) => {
      if (connection.requests.length === 1) return response('fresh');
      connection.cut();
      return undefined;
    });
    expect(await ask(GET)).to.deep.equal({ status: 200, count: 3 });
    expect(origin.connections).to.have.lengthOf(2);
    const before = origin.requests.length;
    expect((await ask(`${post('Content-Length: 2\r\n')}ab`)).status).to.equal(502);
    expect(origin.requests.length - before).to.equal(1);
  });

  it('answers 502 when connections are refused, and goes on when they no longer are', async () => {
    const { port } = origin;
    await origin.stop();
    expect((await server.get('/x')).status).to.equal(502);
    expect((await server.request('POST', '/x', { 'Content-Length': '2' }, 'ab')).status).to.equal(502);
    // Not at once, perhaps: what a crowd has caused before may have taken up the lines of this second.
    const refused = /\/x: http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/;
    await eventually(
      async () => ((await server.get('/x')).status === 502 && refused.test(server.reports)) || undefined,
      () => `a report like ${refused}; there is:\n${server.reports}`,
    );
    origin.answers(() => response('back'));
    await origin.listen(port);
    expect((await ask(GET)).status).to.equal(200);
  });

  it('has its errors in the language of all errors of the server', async () => {
    origin.answers((_, connection) => {
      connection.cut();
      return undefined;
    });
    const client = await server.connect();
    client.send(GET);
    const got = await relayed(client);
    expect(got.status).to.equal(502);
    expect(valuesOf(got, 'content-type')[0]).to.match(/^text\/html/);
    expect(valuesOf(got, 'server')).to.deep.equal(['handover']);
    client.send(GET);
    expect((await relayed(client)).status, 'the connection goes on').to.equal(502);
    client.destroy();
  });
});

describe('proxy: origins that take too long', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    ({ origin, server } = await startProxied({ PROXY_TIMEOUT_SECONDS: '1' }));
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  const ask = (request: string) => askFor(request, { origin, server });

  it('answers 504 when no response comes in time', async () => {
    expect(await ask(GET)).to.deep.equal({ status: 504, count: 1 });
    expect(await origin.connections[0]!.ended()).to.be.a('string');
  });

  it('answers 504 when half a head comes in time', async () => {
    origin.answers(() => `${HEAD}X: `);
    expect(await ask(GET)).to.deep.equal({ status: 504, count: 1 });
  });

  it('answers 504 when the origin does not read the body in time', async () => {
    const client = await server.connect();
    client.send(post('Content-Length: 1000000\r\n')).send('x');
    const connection = await origin.connection();
    await connection.head();
    connection.socket.pause();
    client.send(Buffer.alloc(999_999));
    expect((await relayed(client)).status).to.equal(504);
    client.destroy();
  });

  it('cuts a body that does not come on', async () => {
    origin.answers(() => `${HEAD}Content-Length: 10\r\n\r\nhalf`);
    const client = await server.connect();
    client.send(GET);
    const head = await relayedHead(client);
    expect(await bodyOf(client, head).catch((error: Error) => error)).to.be.an.instanceOf(Error);
    await origin.connections[0]!.ended();
  });
});
