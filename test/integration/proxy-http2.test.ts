/** The proxy behind TLS: HTTP/2 and HTTP/1.1 in front, HTTP/1.1 behind, with the same care for what is whole. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { certificate, tlsSettings } from '../helpers/certificates.js';
import { H2Client, responseOf } from '../helpers/h2-client.js';
import { residentBytes } from '../helpers/proc.js';
import { startProxied } from '../helpers/proxied.js';
import { type RawOrigin, response } from '../helpers/raw-origin.js';
import { sent } from '../helpers/raw-request.js';
import { relayed, relayedHead } from '../helpers/relayed-response.js';
import type { TestServer } from '../helpers/server.js';

const HEAD = 'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n';
const PIECE = Buffer.alloc(1_000_000, 'a piece of a huge body ');
const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL } = http2.constants;

describe('proxy: TLS and HTTP/2', () => {
  let origin: RawOrigin;
  let server: TestServer;
  let client: H2Client;
  before(async () => {
    ({ origin, server } = await startProxied({
      ...tlsSettings(),
      PROXY_MAX_BODY_MB: '300',
      LOG_FORMAT: 'json',
    }));
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(async () => {
    await origin.reset();
    client = await H2Client.open(server.securePort);
  });
  afterEach(() => client?.close());

  it('asks the origin in HTTP/1.1, and says how it was asked', async () => {
    origin.answers(() => response('there'));
    const got = await client.get('/x?y', { 'x-a': ['1', '2'], cookie: 'a=1; b=2', te: 'trailers' });
    expect([got.status, got.body.toString(), got.code]).to.deep.equal([200, 'there', 0]);
    const [request] = origin.requests;
    expect(request).to.include({ method: 'GET', target: '/x?y' });
    expect(sent(request!, 'x-a').join(', ')).to.equal('1, 2');
    expect(sent(request!, 'cookie')).to.deep.equal(['a=1; b=2']);
    expect(sent(request!, 'te')).to.deep.equal([]);
    expect(sent(request!, 'x-forwarded-proto')).to.deep.equal(['https']);
    expect(sent(request!, 'x-forwarded-host')).to.deep.equal([`127.0.0.1:${server.securePort}`]);
    expect(sent(request!, 'forwarded')[0]).to.match(/;proto=https$/);
  });

  it('passes on the fields of a response: repetition, names that objects have, obs-text', async () => {
    const fields =
      'Set-Cookie: a=1\r\nset-cookie: b=2\r\nConstructor: x\r\n__proto__: y\r\nX-Bytes: \xa0\xe4\xa0\r\nX-Empty:\r\n' +
      'Content-Type: text/a\r\nContent-Type: text/b\r\nETag: "x"\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n';
    origin.answers(() => response('x', fields));
    const got = await client.get('/');
    expect(got.status).to.equal(200);
    expect(got.fields['set-cookie']).to.deep.equal(['a=1', 'b=2']);
    expect(got.fields.constructor).to.equal('x');
    expect(Object.getOwnPropertyDescriptor(got.fields, '__proto__')?.value).to.equal('y');
    expect(Buffer.from(got.fields['x-bytes'] as string, 'latin1').toString('hex')).to.equal('a0e4a0');
    expect(got.fields['x-empty']).to.equal('');
    expect(got.fields['content-type']).to.match(/^text\/a/);
    expect(got.fields.etag).to.equal('"x"');
    expect(got.fields).to.not.have.any.keys('connection', 'keep-alive', 'x-hop', 'transfer-encoding');
  });

  for (const [method, status, fields, body] of [
    ['HEAD', '200 OK', 'Content-Length: 5\r\n', ''],
    ['GET', '204 None', '', ''],
    ['GET', '304 Same', 'ETag: "x"\r\n', ''],
    ['GET', '404 None', 'Content-Length: 2\r\n', 'no'],
    ['GET', '200 OK', 'Transfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\nX-T: 1\r\n\r\n'],
    ['DELETE', '200 OK', 'Content-Length: 0\r\n', ''],
  ] as const) {
    it(`passes on ${status} to ${method} with ${JSON.stringify(fields)}`, async () => {
      origin.answers(() => `HTTP/1.1 ${status}\r\nCache-Control: no-store\r\n${fields}\r\n${body}`);
      const got = await client.get('/', { ':method': method });
      expect([got.status, got.code]).to.deep.equal([Number(status.slice(0, 3)), 0]);
      expect(got.body.toString()).to.equal(fields.startsWith('T') ? 'ok' : body);
    });
  }

  it('passes bodies on, counted where the client has counted them', async () => {
    origin.answers((request) => response(`${request.framing} ${request.body.length}`));
    for (const length of [0, 1, 100_000, 3_000_000]) {
      const body = Buffer.alloc(length, 'b');
      const counted = { ':method': 'POST', 'content-length': String(length) };
      expect((await client.request('/', { fields: counted, body })).body.toString()).to.equal(
        `length ${length}`,
      );
      const plain = await client.request('/', { fields: { ':method': 'POST' }, body });
      expect(plain.body.toString()).to.match(new RegExp(` ${length}$`));
    }
  });

  it('answers a client that waits for 100 before it sends its body', async () => {
    origin.answers(() => response('ok'));
    const stream = client.stream('/', { ':method': 'POST', expect: '100-continue' });
    await once(stream, 'continue');
    stream.end('body');
    expect((await responseOf(stream)).status).to.equal(200);
    expect(origin.requests[0]!.body.toString()).to.equal('body');
    expect(sent(origin.requests[0]!, 'expect')).to.deep.equal([]);
  });

  it('answers 408 to a body that does not come on, and 502 and 504 as HTTP/1.1 does', async () => {
    const seconds = { PROXY_TIMEOUT_SECONDS: '1', BODY_TIMEOUT_SECONDS: '1' };
    const hasty = await startProxied({ ...tlsSettings(), ...seconds });
    try {
      const other = await H2Client.open(hasty.server.securePort);
      const slow = other.session.request({ ':path': '/', ':method': 'POST' }, { endStream: false });
      slow.write('half');
      const late = await responseOf(slow);
      expect(late.status).to.equal(408);
      expect((await other.get('/')).status).to.equal(504);
      hasty.origin.answers((_, connection) => {
        connection.cut();
        return undefined;
      });
      expect((await other.get('/')).status).to.equal(502);
      other.close();
    } finally {
      await hasty.server.stop();
      await hasty.origin.stop();
    }
  });

  for (const [what, fields] of [
    ['counted', 'Content-Length: 100\r\n'],
    ['chunked', 'Transfer-Encoding: chunked\r\n'],
    ['ended by its connection', 'Connection: close\r\n'],
  ] as const) {
    it(`resets the stream when the origin breaks off a body that is ${what}`, async () => {
      const stream = client.stream('/');
      const connection = await origin.connection();
      await connection.request();
      connection.send(`${HEAD}${fields}\r\n${what === 'chunked' ? '4\r\nhalf\r\n' : 'half'}`);
      await once(stream, 'response');
      const ended = responseOf(stream);
      connection.cut();
      expect((await ended).code).to.equal(NGHTTP2_INTERNAL_ERROR);
      origin.answers(() => response('next'));
      expect((await client.get('/')).status).to.equal(200);
    });
  }

  it('resets the stream when the origin breaks off at once', async () => {
    for (const bytes of ['', 'half']) {
      await origin.reset();
      origin.answers((_, connection) => {
        connection.socket.write(`${HEAD}Content-Length: 9\r\n\r\n${bytes}`, () => connection.cut());
        return undefined;
      });
      const got = await client.get('/');
      // Either the head came before the reset, or it did not.
      if (got.status === 200) expect(got.code).to.equal(NGHTTP2_INTERNAL_ERROR);
      else expect(got.status).to.equal(502);
    }
  });

  it('tells the origin when a client takes its request back', async () => {
    client.close();
    const since = await server.settled();
    client = await H2Client.open(server.securePort);
    // What others may wait for, too, would go on without the client.
    const waiting = client.stream('/waiting', { 'cache-control': 'no-store' }).on('error', () => undefined);
    const connection = await origin.connection();
    await connection.request();
    waiting.close(NGHTTP2_CANCEL);
    await connection.ended();
    const sending = client.session
      .request({ ':path': '/', ':method': 'POST' }, { endStream: false })
      .on('error', () => undefined);
    sending.write('half');
    await server.statsWhen(({ upstream }) => upstream.active === 1, 'a request under way');
    // `close` would end the body first.
    sending.destroy(new Error('taken back'));
    await server.statsWhen(({ requests }) => requests.aborts === since.requests.aborts + 2, 'two aborts');
    await server.statsWhen(({ upstream }) => upstream.active === 0, 'none under way');
    expect(origin.requests.map(({ target }) => target)).to.deep.equal(['/waiting']);
  });

  it('holds little of huge bodies, both ways, and loses none of them', async () => {
    const pieces = 60;
    const [pid] = server.workerPids();
    const stream = client.stream('/huge');
    const down = await origin.connection();
    await down.request();
    const before = residentBytes(pid!);
    down.send(`${HEAD}Content-Length: ${pieces * PIECE.length}\r\n\r\n`);
    await once(stream, 'response');
    for (let i = 0; i < pieces; i++) down.send(PIECE);
    await server.standing();
    expect(down.socket.writableLength, 'bytes held back').to.be.above(30 * PIECE.length);
    expect((residentBytes(pid!) - before) / 1e6, 'MB').to.be.below(40);
    const { body } = await responseOf(stream);
    expect(body.equals(Buffer.concat(Array.from({ length: pieces }, () => PIECE)))).to.equal(true);

    // On a connection of its own.
    await origin.reset();
    await down.ended();
    const upload = client.session.request({ ':path': '/up', ':method': 'POST' }, { endStream: false });
    upload.write(PIECE);
    const up = (await origin.connection()).becomesRaw();
    await up.head();
    up.socket.pause();
    for (let i = 1; i < pieces; i++) upload.write(PIECE);
    upload.end();
    await server.standing();
    expect((residentBytes(pid!) - before) / 1e6, 'MB').to.be.below(60);
    let received = up.receivedBytes;
    up.socket.removeAllListeners('data').on('data', (bytes: Buffer) => {
      received += bytes.length;
      if (bytes.subarray(-5).toString('latin1').endsWith('0\r\n\r\n')) up.send(response(String(received)));
    });
    up.socket.resume();
    const got = await responseOf(upload);
    expect(Number(got.body.toString())).to.be.above(pieces * PIECE.length);
  });

  it('has many at once on one connection', async () => {
    origin.answers(({ target }) => response(target.repeat(1000)));
    const paths = Array.from({ length: 300 }, (_, i) => `/${i}`);
    const responses = await Promise.all(paths.map((path) => client.get(path)));
    responses.forEach(({ status, body, code }, i) => {
      expect([status, code]).to.deep.equal([200, 0]);
      expect(body.toString()).to.equal(`/${i}`.repeat(1000));
    });
  });

  it('is understood by curl', async () => {
    origin.answers(({ body }) => response(`got ${body.length}`));
    const url = `https://localhost:${server.securePort}/x`;
    const common = ['-sS', '--cacert', certificate('first').cert];
    common.push(
      '--resolve',
      `localhost:${server.securePort}:127.0.0.1`,
      '-w',
      ' %{http_version} %{http_code}',
    );
    const curl = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)('curl', [...common, ...args, url])).stdout;
    expect(await curl('--http2')).to.equal('got 0 2 200');
    expect(await curl('--http2', '-d', 'x'.repeat(5000))).to.equal('got 5000 2 200');
    expect(await curl('--http1.1', '-d', 'x'.repeat(5000))).to.equal('got 5000 1.1 200');
  });

  it('opens tunnels over TLS on HTTP/1.1, and cuts what is not whole', async () => {
    const secure = await server.connectSecure();
    secure.send('GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbehind');
    const upstream = await origin.connection();
    await upstream.request();
    upstream.becomesRaw();
    upstream.send('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst');
    expect((await relayedHead(secure)).status).to.equal(101);
    expect((await secure.bytes(5)).toString()).to.equal('first');
    expect((await upstream.bytes(6)).toString()).to.equal('behind');
    secure.destroy();
    await upstream.ended();
    const plain = await server.connectSecure();
    plain.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const broken = await origin.connection();
    await broken.request();
    expect(sent(broken.requests[0]!, 'x-forwarded-proto')).to.deep.equal(['https']);
    broken.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`);
    const body = relayed(plain).catch((error: Error) => error);
    broken.cut();
    expect(await body).to.be.an.instanceOf(Error);
    plain.destroy();
  });

  it('counts and logs what was asked over HTTP/2', async () => {
    client.close();
    const since = await server.settled();
    client = await H2Client.open(server.securePort);
    origin.answers(() => response('12345'));
    await client.get('/logged', { 'user-agent': 'tester' });
    client.close();
    const stats = await server.settled();
    expect(stats.requests.total - since.requests.total).to.equal(1);
    expect(stats.upstream.responses - since.upstream.responses).to.equal(1);
    const lines = await server.logLines(stats.requests.total);
    const expected = { target: '/logged', protocol: 'HTTP/2.0', status: 200, bytes: 5 };
    expect(JSON.parse(lines.at(-1)!)).to.include(expected);
  });
});
