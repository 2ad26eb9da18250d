/** Upstreams that speak TLS: trusted like all other servers, or not at all, and believed about where a body ends. */
import { expect } from 'chai';
import { certificate } from '../helpers/certificates.js';
import { RawOrigin, response } from '../helpers/raw-origin.js';
import { bodyOf, relayed, relayedHead } from '../helpers/relayed-response.js';
import { TestServer } from '../helpers/server.js';

const HEAD = 'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n';
const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const TRUSTED = { NODE_EXTRA_CA_CERTS: certificate('first').cert };

/** How an origin can end a connection, and whether that says that all has come. */
const ENDS = [
  ['in order', 'finish', true],
  ['without close_notify', 'breakOff', false],
  ['with a reset', 'cut', false],
] as const;

describe('proxy: upstreams over TLS', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    origin = await RawOrigin.startSecure();
    const settings = { NUM_WORKERS: '1', PROXY: `/ ${origin.url}` };
    server = await TestServer.start({ settings, env: TRUSTED });
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  it('are asked when their certificate is trusted, again and again on one connection', async () => {
    origin.answers(({ body }) => response(body.toString('latin1')));
    const client = await server.connect();
    const body = 'x'.repeat(100_000);
    for (let i = 0; i < 3; i++) {
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      const got = await relayed(client);
      expect([got.status, got.body.toString() === body]).to.deep.equal([200, true]);
    }
    client.destroy();
    expect(origin.connections).to.have.lengthOf(1);
  });

  it('are refused when it is not', async () => {
    const { port } = origin;
    const other = await TestServer.start({ settings: { PROXY: `/ https://localhost:${port}` } });
    expect((await other.get('/')).status).to.equal(502);
    await other.reported(/self.signed certificate/);
    await other.stop();
  });

  for (const [name, how, isInOrder] of ENDS) {
    for (const minor of [0, 1]) {
      for (const part of ['', 'all that came']) {
        it(`${isInOrder ? 'passes on' : 'cuts'} for HTTP/1.${minor} ${part.length} bytes that end ${name}`, async () => {
          const client = await server.connect();
          client.send(`GET /x HTTP/1.${minor}\r\nHost: a\r\n\r\n`);
          const connection = await origin.connection();
          await connection.request();
          connection.send(`${HEAD}Connection: close\r\n\r\n${part}`);
          const got = await relayedHead(client);
          if (minor === 0 && part !== '') expect((await client.bytes(part.length)).toString()).to.equal(part);
          connection[how]();
          const outcome = await bodyOf(client, got).catch(() => undefined);
          const whole = minor === 0 ? '' : part;
          expect(outcome?.toString()).to.equal(isInOrder ? whole : undefined);
          client.destroy();
        });
      }
    }

    it(`takes what is whole for whole, when the connection ends ${name}`, async () => {
      for (const body of [
        'Content-Length: 5\r\n\r\nwhole',
        'Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n',
      ]) {
        await origin.reset();
        const client = await server.connect();
        client.send(GET);
        const connection = await origin.connection();
        await connection.request();
        connection.send(`${HEAD}${body}`);
        expect((await relayed(client)).body.toString()).to.equal('whole');
        connection[how]();
        origin.answers(() => response('next'));
        client.send(GET);
        expect((await relayed(client)).body.toString()).to.equal('next');
        client.destroy();
      }
    });

    for (const [head, length] of [
      ['', undefined],
      ['Connection: close\r\n', undefined],
      ['Content-Length: 20000000\r\n', 20_000_000],
      ['Content-Length: 50000000\r\n', 50_000_000],
    ] as const) {
      it(`outlives a connection that ends ${name} while the client does not read: ${JSON.stringify(head)}`, async () => {
        const pids = server.workerPids();
        const client = await server.connect();
        client.send(GET);
        const connection = await origin.connection();
        await connection.request();
        const bytes = Buffer.alloc(20_000_000, 'all ');
        connection.send(`${HEAD}${head}\r\n`).send(bytes);
        const got = await relayedHead(client);
        client.socket.pause();
        await server.standing();
        connection[how]();
        client.socket.resume();
        const outcome = await bodyOf(client, got).catch(() => undefined);
        const isWhole = length === bytes.length ? how !== 'cut' : isInOrder && length === undefined;
        expect(outcome?.equals(bytes)).to.equal(isWhole ? true : undefined);
        client.destroy();
        expect(server.workerPids()).to.deep.equal(pids);
      });
    }
  }

  it('cuts what ends without close_notify while a client stands still that has nearly all of it', async () => {
    const client = await server.connect();
    client.send(GET);
    const connection = await origin.connection();
    await connection.request();
    // What is left at the end is in the buffers of the proxy: it hears of the end while it waits for the client.
    const bytes = Buffer.alloc(6_000_000);
    connection.send(`${HEAD}\r\n`).send(bytes);
    const got = await relayedHead(client);
    client.socket.pause();
    connection.breakOff();
    await server.standing();
    client.socket.resume();
    expect(await bodyOf(client, got).catch(() => undefined)).to.equal(undefined);
  });

  it('give tunnels, in which each end is told to the other side', async () => {
    const ask = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const agreed = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    for (const [, how, isInOrder] of ENDS) {
      await origin.reset();
      const client = await server.connect();
      client.send(`${ask}first`);
      const connection = await origin.connection();
      await connection.request();
      connection.becomesRaw().send(`${agreed}hello`);
      expect((await relayedHead(client)).status).to.equal(101);
      expect((await client.bytes(5)).toString()).to.equal('hello');
      expect((await connection.bytes(5)).toString()).to.equal('first');
      connection[how]();
      if (isInOrder) {
        expect((await client.rest()).reset).to.equal(false);
        await connection.ended();
      } else expect((await client.rest()).reset).to.equal(true);
    }
    await server.settled();
  });

  it('answers 504 when the handshake does not come to its end', async () => {
    // It speaks no TLS: it takes what comes, and says nothing.
    const silent = await RawOrigin.start();
    const settings = { PROXY: `/ https://localhost:${silent.port}`, PROXY_CONNECT_TIMEOUT_SECONDS: '1' };
    const other = await TestServer.start({ settings });
    expect((await other.get('/')).status).to.equal(504);
    await other.stop();
    await silent.stop();
  });
});
