/** Bodies through the proxy, both ways: whole, in order, framed anew, and never held. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { residentBytes } from '../helpers/proc.js';
import { startProxied } from '../helpers/proxied.js';
import { RawOrigin, response } from '../helpers/raw-origin.js';
import { sent } from '../helpers/raw-request.js';
import { bodyOf, relayed, relayedHead, valuesOf } from '../helpers/relayed-response.js';
import { TestServer } from '../helpers/server.js';

const HEAD = 'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n';
const PIECE = Buffer.alloc(1_000_000, 'a piece of a huge body ');

describe('proxy: bodies', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    ({ origin, server } = await startProxied({
      PROXY_MAX_BODY_MB: '300',
      DRAIN_TIMEOUT_SECONDS: '5',
    }));
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(() => origin.reset());

  const post = (fields: string, version = '1.1'): string =>
    `POST /x HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;

  it('passes a counted body on with its length', async () => {
    origin.answers(() => response('ok'));
    const client = await server.connect();
    for (const size of [1, 5, 100_000, 3_000_000]) {
      const body = Buffer.alloc(size, 'counted body ');
      client.send(post(`Content-Length: ${size}\r\n`)).send(body);
      expect((await relayed(client)).body.toString()).to.equal('ok');
      const request = origin.requests.at(-1)!;
      expect(request.framing).to.equal('length');
      expect(sent(request, 'content-length')).to.deep.equal([String(size)]);
      expect(request.body.equals(body)).to.equal(true);
    }
    client.destroy();
  });

  it('says of a body that it is empty', async () => {
    origin.answers(() => response('ok'));
    const client = await server.connect();
    for (const framing of ['Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', '']) {
      client.send(post(framing)).send(framing.startsWith('T') ? '0\r\n\r\n' : '');
      await relayed(client);
      expect(origin.requests.at(-1)!.body.length).to.equal(0);
    }
    expect(origin.requests).to.have.lengthOf(3);
    client.destroy();
  });

  for (const method of ['POST', 'PUT', 'DELETE', 'GET', 'OPTIONS', 'BREW']) {
    it(`frames the chunks of ${method} anew, without extensions and trailers`, async () => {
      origin.answers(() => response('ok'));
      const client = await server.connect();
      const head = `${method} /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n`;
      client.send(
        `${head}3;ext="a;b"\r\nabc\r\n000002\r\nde\r\n0;x\r\nX-T: secret\r\nContent-Length: 3\r\n\r\n`,
      );
      expect((await relayed(client)).status).to.equal(200);
      const [request] = origin.requests;
      expect(request!.body.toString()).to.equal('abcde');
      expect(sent(request!, 'trailer').concat(sent(request!, 'x-t'))).to.deep.equal([]);
      expect(origin.connections[0]!.unread.length).to.equal(0);
      client.destroy();
    });
  }

  it('passes chunks on as they come', async () => {
    const client = await server.connect();
    client.send(post('Transfer-Encoding: chunked\r\n')).send('5\r\nfirst\r\n');
    const connection = (await origin.connection()).becomesRaw();
    await eventually(
      () => connection.unread.includes('\r\n\r\n5\r\nfirst') || undefined,
      () => 'the first chunk',
    );
    connection.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\ndown\r\n`);
    const head = await relayedHead(client);
    expect(head.framing).to.equal('chunked');
    expect(await client.line()).to.equal('4\r\n');
    client.send('6\r\nsecond\r\n0\r\n\r\n');
    await eventually(
      () => connection.unread.includes('6\r\nsecond\r\n0\r\n\r\n') || undefined,
      () => 'the end of the body',
    );
    connection.send('0\r\n\r\n');
    expect((await client.bytes(6)).toString()).to.equal('down\r\n');
    expect((await client.bytes(5)).toString()).to.equal('0\r\n\r\n');
    client.destroy();
  });

  it('answers a client that waits for 100 before it sends its body', async () => {
    origin.answers(() => response('ok'));
    const client = await server.connect();
    client.send(post('Content-Length: 4\r\nExpect: 100-Continue\r\n'));
    expect((await relayedHead(client)).status).to.equal(100);
    client.send('body');
    expect((await relayed(client)).status).to.equal(200);
    const [request] = origin.requests;
    expect(sent(request!, 'expect')).to.deep.equal([]);
    expect(request!.body.toString()).to.equal('body');
    client.send(post('Content-Length: 4\r\nExpect: 100-continue\r\n')).send('next');
    expect((await relayedHead(client)).status).to.equal(100);
    expect((await relayed(client)).status).to.equal(200);
    client.destroy();
  });

  it('says to nobody that a body is wanted which is not', async () => {
    const { url } = await RawOrigin.start().then(async (gone) => {
      const { url } = gone;
      await gone.stop();
      return { url };
    });
    const lonely = await TestServer.start({ settings: { PROXY: `/ ${url}` } });
    const client = await lonely.connect();
    client.send(post('Content-Length: 4\r\nExpect: 100-continue\r\n'));
    expect((await relayedHead(client)).status).to.equal(502);
    client.destroy();
    await lonely.stop();
  });

  for (const [what, head, body, framing] of [
    ['a length', 'Content-Length: 5\r\n', 'there', 'length'],
    ['chunks', 'Transfer-Encoding: chunked\r\n', '2;x=y\r\nth\r\n3\r\nere\r\n0\r\nX-T: 1\r\n\r\n', 'chunked'],
    ['the end of the connection', 'Connection: close\r\n', 'there', 'chunked'],
  ] as const) {
    it(`passes on a response that ends with ${what}`, async () => {
      origin.answers((_, connection) => {
        connection.send(`${HEAD}${head}\r\n${body}`);
        if (what.startsWith('the')) connection.finish();
        return undefined;
      });
      const client = await server.connect();
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const got = await relayed(client);
      expect(got.framing).to.equal(framing);
      expect(got.body.toString()).to.equal('there');
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await relayed(client)).body.toString()).to.equal('there');
      client.destroy();
    });

    it(`passes on to a client of HTTP/1.0 a response that ends with ${what}`, async () => {
      origin.answers((_, connection) => {
        connection.send(`${HEAD}${head}\r\n${body}`);
        if (what.startsWith('the')) connection.finish();
        return undefined;
      });
      const client = await server.connect();
      client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const got = await relayed(client);
      expect(got.framing).to.equal(framing === 'length' ? 'length' : 'close');
      expect(valuesOf(got, 'connection')).to.deep.equal([framing === 'length' ? 'keep-alive' : 'close']);
      expect(got.body.toString()).to.equal('there');
      client.destroy();
    });
  }

  for (const [method, status, fields] of [
    ['HEAD', '200 OK', 'Content-Length: 1000\r\nContent-Type: text/x\r\n'],
    ['HEAD', '200 OK', 'Transfer-Encoding: chunked\r\n'],
    ['HEAD', '404 None', 'Content-Length: 7\r\n'],
    ['GET', '204 None', ''],
    ['GET', '204 None', 'Content-Length: 7\r\n'],
    ['GET', '204 None', 'Transfer-Encoding: chunked\r\n'],
    ['GET', '304 Same', 'ETag: "x"\r\n'],
    ['GET', '304 Same', 'Content-Length: 1000\r\n'],
    ['POST', '200 OK', 'Content-Length: 0\r\n'],
  ] as const) {
    it(`goes on after ${status} to ${method} with ${JSON.stringify(fields)}`, async () => {
      origin.answers(() => `HTTP/1.1 ${status}\r\nCache-Control: no-store\r\n${fields}\r\n`);
      const client = await server.connect();
      for (let i = 0; i < 3; i++) {
        client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
        const got = await relayed(client, method);
        expect(got.status).to.equal(Number(status.slice(0, 3)));
        expect(got.body.length).to.equal(0);
      }
      client.destroy();
    });
  }

  it('passes on a response that is there before the request is whole', async () => {
    const client = await server.connect();
    client.send(post('Content-Length: 100000000\r\n')).send(PIECE);
    const connection = await origin.connection();
    await connection.head();
    connection.send(response('too much', '', '413 No'));
    const got = await relayed(client);
    expect([got.status, got.body.toString()]).to.deep.equal([413, 'too much']);
    expect(valuesOf(got, 'connection')).to.deep.equal(['close']);
    await connection.ended();
    client.destroy();
  });

  it('refuses bodies that are larger than allowed, whether they say so or not', async () => {
    const announced = await server.connect();
    announced.send(post('Content-Length: 314572801\r\n'));
    expect((await relayedHead(announced)).status).to.equal(413);
    announced.destroy();
    expect(origin.connections).to.have.lengthOf(0);
  });

  it('answers 400 to a body that is malformed, and the origin gets no end of it', async () => {
    const client = await server.connect();
    client.send(post('Transfer-Encoding: chunked\r\n')).send('3\r\nabc\r\nzz\r\n');
    expect((await relayed(client)).status).to.equal(400);
    const connection = await origin.connection();
    await connection.ended();
    expect(connection.requests).to.have.lengthOf(0);
    expect(connection.unread.toString('latin1')).to.not.match(/\r\n0\r\n/);
    client.destroy();
  });

  it('answers 400 to a body that ends too early', async () => {
    const client = await server.connect();
    client.send(post('Content-Length: 10\r\n')).send('half').finish();
    expect((await relayed(client)).status).to.equal(400);
    const connection = await origin.connection();
    await connection.ended();
    expect(connection.requests).to.have.lengthOf(0);
    client.destroy();
  });

  it('answers 408 to a body that does not come on', async () => {
    const hasty = await startProxied({ BODY_TIMEOUT_SECONDS: '1' });
    try {
      const client = await hasty.server.connect();
      client.send(post('Content-Length: 10\r\n')).send('half');
      expect((await relayed(client)).status).to.equal(408);
      const connection = await hasty.origin.connection();
      await connection.ended();
      expect(connection.requests).to.have.lengthOf(0);
      client.destroy();
    } finally {
      await hasty.server.stop();
      await hasty.origin.stop();
    }
  });

  it('holds little of a huge response whose client does not read, and loses none of it', async () => {
    const pieces = 120;
    const client = await server.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const connection = await origin.connection();
    await connection.request();
    const [pid] = server.workerPids();
    const before = residentBytes(pid!);
    connection.send(`${HEAD}Content-Length: ${pieces * PIECE.length}\r\n\r\n`);
    const head = await relayedHead(client);
    client.socket.pause();
    for (let i = 0; i < pieces; i++) connection.send(PIECE);
    await server.standing();
    expect(connection.socket.writableLength, 'bytes held back').to.be.above(60 * PIECE.length);
    expect((residentBytes(pid!) - before) / 1e6, 'MB').to.be.below(40);
    client.socket.resume();
    const body = await bodyOf(client, head);
    expect(body.length).to.equal(pieces * PIECE.length);
    for (let at = 0; at < body.length; at += PIECE.length) {
      expect(body.subarray(at, at + PIECE.length).equals(PIECE), `piece at ${at}`).to.equal(true);
    }
    client.destroy();
  });

  it('holds little of a huge request whose origin does not read, and loses none of it', async () => {
    const pieces = 120;
    const client = await server.connect();
    client.send(post(`Content-Length: ${pieces * PIECE.length}\r\n`)).send(PIECE);
    const connection = (await origin.connection()).becomesRaw();
    await connection.head();
    connection.socket.pause();
    const head = connection.unread.indexOf('\r\n\r\n') + 4;
    const [pid] = server.workerPids();
    const before = residentBytes(pid!);
    for (let i = 1; i < pieces; i++) client.send(PIECE);
    await server.standing();
    expect(client.socket.writableLength, 'bytes held back').to.be.above(60 * PIECE.length);
    expect((residentBytes(pid!) - before) / 1e6, 'MB').to.be.below(40);
    let whole = 0;
    connection.socket.removeAllListeners('data').on('data', (bytes: Buffer) => {
      const at = whole % PIECE.length;
      if (!isPart(bytes, at)) throw new Error(`another byte than was sent, near ${whole}`);
      whole += bytes.length;
    });
    whole = connection.receivedBytes - head;
    connection.socket.resume();
    await eventually(
      () => whole === pieces * PIECE.length || undefined,
      () => `all of the body; have ${whole}`,
    );
    connection.send(response('ok'));
    expect((await relayed(client)).body.toString()).to.equal('ok');
    client.destroy();
  });
});

/** Whether the bytes are those that stand at this place of a body out of pieces. */
function isPart(bytes: Buffer, at: number): boolean {
  for (let done = 0; done < bytes.length; ) {
    const from = (at + done) % PIECE.length;
    const length = Math.min(PIECE.length - from, bytes.length - done);
    if (!bytes.subarray(done, done + length).equals(PIECE.subarray(from, from + length))) return false;
    done += length;
  }
  return true;
}
