/** Connections that change their protocol: bytes both ways as they come, each side's end told to the other. */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { tlsSettings } from '../helpers/certificates.js';
import { eventually } from '../helpers/eventually.js';
import { isProbed } from '../helpers/proc.js';
import { type Proxied, startProxied } from '../helpers/proxied.js';
import type { RawClient } from '../helpers/raw-client.js';
import { type OriginConnection, type RawOrigin, response } from '../helpers/raw-origin.js';
import { sent } from '../helpers/raw-request.js';
import { type RelayedHead, relayed, relayedHead, valuesOf } from '../helpers/relayed-response.js';
import type { TestServer } from '../helpers/server.js';

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Kept: 1\r\n\r\n';
const ASK = 'GET /chat?room=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
const PIECE = Buffer.alloc(1_000_000, 'piece of a tunnel ');

interface Tunnel {
  readonly client: RawClient;
  readonly upstream: OriginConnection;
  readonly head: RelayedHead;
}

/** Both ends of a tunnel. The origin's is given what came behind the head of the request. */
async function openTunnel({ origin, server }: Proxied, behind: string, first: string): Promise<Tunnel> {
  const client = await server.connect();
  client.send(`${ASK}Sec-WebSocket-Key: eA==\r\n\r\n${behind}`);
  const upstream = await origin.connection();
  await upstream.request();
  upstream.becomesRaw().send(SWITCH + first);
  const head = await relayedHead(client);
  return { client, upstream, head };
}

describe('proxy: tunnels', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    ({ origin, server } = await startProxied({ LOG_FORMAT: 'json', ...tlsSettings() }));
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  const open = (behind = '', first = '') => openTunnel({ origin, server }, behind, first);

  it('tells the origin what is wanted, and the client what was agreed', async () => {
    const { client, upstream, head } = await open();
    const [request] = upstream.requests;
    expect(request!.target).to.equal('/chat?room=1');
    expect(sent(request!, 'upgrade')).to.deep.equal(['websocket']);
    expect(sent(request!, 'connection')).to.deep.equal(['upgrade']);
    expect(sent(request!, 'sec-websocket-key')).to.deep.equal(['eA==']);
    expect(head.status).to.equal(101);
    expect(valuesOf(head, 'upgrade')).to.deep.equal(['websocket']);
    expect(valuesOf(head, 'connection')).to.deep.equal(['Upgrade']);
    expect(valuesOf(head, 'x-kept')).to.deep.equal(['1']);
    client.destroy();
    await upstream.ended();
  });

  it('loses no byte that comes right behind a head, on either side', async () => {
    const { client, upstream } = await open('from the client\0\xff', 'from the origin\r\n\r\n\0');
    expect((await upstream.bytes(17)).toString('latin1')).to.equal('from the client\0\xff');
    expect((await client.bytes(20)).toString('latin1')).to.equal('from the origin\r\n\r\n\0');
    client.send('more');
    expect((await upstream.bytes(4)).toString()).to.equal('more');
    upstream.send('also');
    expect((await client.bytes(4)).toString()).to.equal('also');
    client.destroy();
  });

  it('loses no byte of many that come before the answer', async () => {
    const client = await server.connect();
    client.send(`${ASK}\r\n`).send(PIECE);
    const upstream = await origin.connection();
    await upstream.request();
    await server.standing();
    upstream.becomesRaw().send(SWITCH);
    expect((await relayedHead(client)).status).to.equal(101);
    expect((await upstream.bytes(PIECE.length)).equals(PIECE)).to.equal(true);
    client.send('on');
    expect((await upstream.bytes(2)).toString()).to.equal('on');
    client.destroy();
  });

  for (const isSecure of [false, true]) {
    it(`asks both ends whether they are there, when they say nothing${isSecure ? ', also over TLS' : ''}`, async () => {
      const client = await (isSecure ? server.connectSecure() : server.connect());
      const serverPort = isSecure ? server.securePort : server.port;
      origin.answers(() => response('plain'));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await relayed(client)).status).to.equal(200);
      const clientPort = client.socket.localPort!;
      expect(isProbed(serverPort, clientPort), 'before').to.equal(false);
      origin.answers((_, connection) => {
        connection.becomesRaw();
        return SWITCH;
      });
      client.send(`${ASK}\r\n`);
      expect((await relayedHead(client)).status).to.equal(101);
      // What is not acknowledged yet has the timer until it is.
      await eventually(
        () => isProbed(serverPort, clientPort) || undefined,
        () => 'the client being asked',
      );
      const upstream = origin.connections.at(-1)!;
      await eventually(
        () => isProbed(upstream.socket.remotePort!, origin.port) || undefined,
        () => 'the origin being asked',
      );
      client.destroy();
      await upstream.ended();
    });
  }

  it('passes on the end of one direction, and the other goes on', async () => {
    const first = await open();
    first.client.finish();
    expect(await first.upstream.ended()).to.equal('fin');
    first.upstream.send('what is left').finish();
    expect((await first.client.bytes(12)).toString()).to.equal('what is left');
    await first.client.closed();
    const second = await open();
    second.upstream.send('done').finish();
    expect((await second.client.bytes(4)).toString()).to.equal('done');
    second.client.send('what is left').finish();
    expect((await second.upstream.bytes(12)).toString()).to.equal('what is left');
    await second.client.closed();
    await server.settled();
  });

  it('passes on a break, to either side', async () => {
    const first = await open();
    first.client.socket.resetAndDestroy();
    await first.upstream.ended();
    const second = await open();
    second.upstream.cut();
    expect((await second.client.rest()).reset).to.equal(true);
    await server.settled();
  });

  it('holds back whoever is faster, both ways at once', async () => {
    const { client, upstream } = await open();
    client.socket.pause();
    upstream.socket.pause();
    const pieces = 20;
    for (let i = 0; i < pieces; i++) {
      client.send(PIECE);
      upstream.send(PIECE);
    }
    await server.standing();
    expect(client.socket.writableLength).to.be.above(5 * PIECE.length);
    expect(upstream.socket.writableLength).to.be.above(5 * PIECE.length);
    client.socket.resume();
    const down = await client.bytes(pieces * PIECE.length);
    upstream.socket.resume();
    const up = await upstream.bytes(pieces * PIECE.length);
    const expected = Buffer.concat(Array.from({ length: pieces }, () => PIECE));
    expect([down.equals(expected), up.equals(expected)]).to.deep.equal([true, true]);
    client.destroy();
  });

  it('goes on with the connection when the origin does not agree', async () => {
    origin.answers(() => response('no', '', '403 No'));
    const client = await server.connect();
    for (let i = 0; i < 2; i++) {
      client.send(`${ASK}\r\n`);
      const got = await relayed(client);
      expect([got.status, got.body.toString()]).to.deep.equal([403, 'no']);
      expect(valuesOf(got, 'upgrade')).to.deep.equal([]);
    }
    client.send(`${ASK}\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await relayed(client)).status).to.equal(403);
    expect((await relayed(client)).status).to.equal(403);
    expect(origin.requests.map(({ target }) => target)).to.include('/next');
    client.destroy();
  });

  for (const [what, request, upgrade] of [
    ['to another HTTP', ASK.replace('websocket', 'h2c'), []],
    ['to TLS', ASK.replace('websocket', 'TLS/1.0'), []],
    ['to one of several', ASK.replace('websocket', 'h2c, websocket, HTTP/2.0'), ['websocket']],
    ['which Connection does not name', ASK.replace('Connection: Upgrade', 'Connection: keep-alive'), []],
    ['of HTTP/1.0', ASK.replace('HTTP/1.1', 'HTTP/1.0'), []],
    [
      'with a body',
      `${ASK}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n`.replace('Content-Length: 0\r\n', ''),
      [],
    ],
    ['of a POST', ASK.replace('GET', 'POST'), []],
  ] as const) {
    it(`asks for ${upgrade.length} other protocols of an upgrade ${what}`, async () => {
      origin.answers(() => response('plain'));
      const client = await server.connect();
      client.send(`${request}\r\n${request.includes('chunked') ? '0\r\n\r\n' : ''}`);
      expect((await relayed(client)).status).to.equal(200);
      expect(sent(origin.requests[0]!, 'upgrade')).to.deep.equal(upgrade);
      client.destroy();
    });
  }

  it('is counted and logged when it is over', async () => {
    const before = await server.settled();
    const { client, upstream } = await open('', 'seven!!');
    await client.bytes(7);
    client.finish();
    await upstream.ended();
    upstream.finish();
    await client.closed();
    const after = await server.settled();
    expect(after.requests.total - before.requests.total).to.equal(1);
    expect(after.requests.aborts).to.equal(before.requests.aborts);
    const lines = await server.logLines(after.requests.total);
    expect(JSON.parse(lines.at(-1)!)).to.include({ target: '/chat?room=1', status: 101, bytes: 7 });
  });

  it('has many at once, each with its own bytes', async () => {
    const tunnels = 60;
    origin.answers((_, connection) => {
      connection.becomesRaw();
      connection.socket.on('data', (bytes: Buffer) => connection.send(bytes));
      connection.socket.on('end', () => connection.finish());
      return SWITCH;
    });
    await Promise.all(
      Array.from({ length: tunnels }, async (_, i) => {
        const client = await server.connect();
        client.send(`${ASK}\r\n`);
        expect((await relayedHead(client)).status).to.equal(101);
        const bytes = createHash('sha512').update(`${i}`).digest();
        for (let round = 0; round < 10; round++) {
          client.send(bytes);
          expect((await client.bytes(bytes.length)).equals(bytes)).to.equal(true);
        }
        client.finish();
        await client.rest();
      }),
    );
    await server.settled();
  });
});

describe('proxy: tunnels that take long', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    ({ origin, server } = await startProxied({
      PROXY_TIMEOUT_SECONDS: '1',
      WRITE_TIMEOUT_SECONDS: '2',
      DRAIN_TIMEOUT_SECONDS: '2',
    }));
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  const open = () => openTunnel({ origin, server }, '', '');

  it('outlast the time that an upstream has for a response', async () => {
    const { client, upstream } = await open();
    // Longer than PROXY_TIMEOUT_SECONDS: a request in the meantime gets the 504.
    origin.answers();
    expect((await server.get('/slow')).status).to.equal(504);
    upstream.send('still here');
    expect((await client.bytes(10)).toString()).to.equal('still here');
    client.destroy();
  });

  it('end when their client takes nothing for too long', async () => {
    const { client, upstream } = await open();
    client.socket.pause();
    for (let i = 0; i < 20; i++) upstream.send(PIECE);
    await upstream.ended();
    client.destroy();
    await server.settled();
  });

  it('stay over a reload, as long as draining may take, and end with the server', async () => {
    const [old] = server.workerPids();
    const { client, upstream } = await open();
    const { reloads } = server.stats();
    server.signal('SIGHUP');
    await server.statsWhen((stats) => stats.reloads > reloads, 'a reload');
    client.send('over');
    expect((await upstream.bytes(4)).toString()).to.equal('over');
    upstream.send('and back');
    expect((await client.bytes(8)).toString()).to.equal('and back');
    await client.rest();
    await upstream.ended();
    await server.statsWhen(({ workers }) => workers.every(({ pid }) => pid !== old), 'the old worker gone');
    const last = await open();
    server.signal('SIGTERM');
    await last.client.rest();
    await last.upstream.ended();
  });
});
