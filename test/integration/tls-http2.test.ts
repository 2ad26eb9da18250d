/** HTTP/2: the same answers as on HTTP/1.1, in its own form, with its own limits. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, truncateSync } from 'node:fs';
import http2 from 'node:http2';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { certificate, tlsSettings } from '../helpers/certificates.js';
import { eventually, settled } from '../helpers/eventually.js';
import { H2Client, type H2Response, responseOf } from '../helpers/h2-client.js';
import { startH2Load } from '../helpers/h2-load.js';
import { residentBytes } from '../helpers/proc.js';
import { Relay } from '../helpers/relay.js';
import { TestServer } from '../helpers/server.js';
import { expectSums } from '../helpers/stats-checks.js';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;

describe('HTTP/2', () => {
  const memory = Buffer.alloc(300_000, 'memory ');
  const disk = Buffer.alloc(3_000_000, 'from disk ');
  let server: TestServer;
  let client: H2Client;
  before(async () => {
    server = await TestServer.start({
      settings: {
        ...tlsSettings(),
        LOG_FORMAT: 'json',
        SERVER_TIMING: 'on',
        MAX_BODY_KB: '64',
        CACHE_REVALIDATE_MS: '3600000',
      },
    });
    server.site.file('small.txt', 'small');
    server.site.file('memory.bin', memory);
    server.site.file('disk.bin', disk);
    server.site.file('page.html', 'page '.repeat(1000));
    server.site.directory('docs');
  });
  after(() => server?.stop());
  beforeEach(async () => {
    client = await H2Client.open(server.securePort);
  });
  afterEach(() => client?.close());

  /** What HTTP/2 has in common with HTTP/1.1. */
  const asPlain = ({ fields }: H2Response): Record<string, unknown> => {
    const ofTheMoment = [':status', 'date', 'x-cache', 'server-timing'];
    return Object.fromEntries(Object.entries(fields).filter(([name]) => !ofTheMoment.includes(name)));
  };

  for (const [method, path, fields] of [
    ['GET', '/small.txt', {}],
    ['GET', '/memory.bin', {}],
    ['GET', '/disk.bin', {}],
    ['HEAD', '/disk.bin', {}],
    ['HEAD', '/small.txt', {}],
    ['GET', '/memory.bin', { range: 'bytes=5-9' }],
    ['GET', '/disk.bin', { range: 'bytes=1000000-1999999' }],
    ['GET', '/disk.bin', { range: 'bytes=9999999-' }],
    ['GET', '/page.html', { 'accept-encoding': 'br' }],
    ['GET', '/small.txt', { 'if-match': '"other"' }],
    ['GET', '/missing', {}],
    ['HEAD', '/missing', {}],
    ['GET', '/docs', {}],
    ['GET', '/docs?a=\xe4', {}],
    ['GET', '/%zz', {}],
    ['DELETE', '/small.txt', {}],
    ['OPTIONS', '*', {}],
    ['BREW', '/small.txt', {}],
  ] as const) {
    it(`answers ${method} ${path} ${JSON.stringify(fields)} as HTTP/1.1 does`, async () => {
      const plain = await server.request(method, path, fields);
      const response = await client.get(path, { ':method': method, ...fields });
      expect(response.status).to.equal(plain.status);
      expect(response.body.equals(plain.body)).to.equal(true);
      const { connection, 'server-timing': timing, ...expected } = plain.fields;
      expect(asPlain(response)).to.deep.equal(expected);
      expect(response.fields).to.include.keys('date', 'server-timing');
      expect(response.code).to.equal(NGHTTP2_NO_ERROR);
    });
  }

  it('answers conditions, and several ranges', async () => {
    const first = await client.get('/small.txt');
    const again = await client.get('/small.txt', { 'if-none-match': first.fields.etag });
    expect([again.status, again.body.length]).to.deep.equal([304, 0]);
    expect(again.fields['x-cache']).to.equal('HIT');
    const ranges = await client.get('/disk.bin', { range: 'bytes=0-1,5-8' });
    expect(ranges.status).to.equal(206);
    expect(ranges.fields['content-type']).to.match(/^multipart\/byteranges; boundary=/);
    expect(ranges.body.length).to.equal(Number(ranges.fields['content-length']));
    expect(ranges.body.toString()).to.include('bytes 5-8/3000000\r\n\r\ndisk');
  });

  it('refuses what is too long, and the connection goes on', async () => {
    expect((await client.get(`/${'a'.repeat(9000)}`)).status).to.equal(414);
    expect((await client.get('/small.txt', { 'x-long': 'a'.repeat(17_000) })).status).to.equal(431);
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x-${i}`, 'a']));
    expect((await client.get('/small.txt', many)).status).to.equal(431);
    expect((await client.get('/small.txt')).status).to.equal(200);
  });

  it('takes bodies off the connection, and refuses those that are too large', async () => {
    const short = await client.request('/small.txt', { fields: { ':method': 'POST' }, body: 'hello' });
    expect(short.status).to.equal(405);
    const asks = { ':method': 'POST', expect: '100-continue' };
    const asked = client.stream('/small.txt', asks);
    await once(asked, 'continue');
    asked.end('hello');
    expect((await responseOf(asked)).status).to.equal(405);
    const announced = { ':method': 'PUT', 'content-length': '100000' };
    expect(await client.request('/small.txt', { fields: announced, body: Buffer.alloc(100_000) })).to.include(
      {
        status: 413,
      },
    );
    const chunks = client.session.request({ ':path': '/small.txt', ':method': 'PUT' });
    chunks.on('error', () => undefined);
    for (let i = 0; i < 20; i++) chunks.write(Buffer.alloc(10_000));
    expect((await responseOf(chunks)).status).to.equal(413);
    expect((await client.get('/small.txt')).status).to.equal(200);
  });

  it('answers many requests at once, exactly counted and logged', async () => {
    client.close();
    const since = await server.settled();
    const clients = await Promise.all(Array.from({ length: 6 }, () => H2Client.open(server.securePort)));
    const paths = ['/small.txt', '/memory.bin', '/disk.bin', '/missing'];
    const responses = await Promise.all(
      clients.flatMap((other) =>
        Array.from({ length: 24 }, (_, i) => other.get(`${paths[i % paths.length]}?many`)),
      ),
    );
    const bodies = { '/small.txt': Buffer.from('small'), '/memory.bin': memory, '/disk.bin': disk };
    responses.forEach(({ status, body, code }, i) => {
      const path = paths[i % paths.length]! as keyof typeof bodies;
      expect([status, code]).to.deep.equal([path in bodies ? 200 : 404, 0]);
      if (path in bodies) expect(body.equals(bodies[path]), path).to.equal(true);
    });
    for (const other of clients) other.close();
    const stats = await server.settled();
    expectSums(stats);
    expect(stats.requests.total - since.requests.total).to.equal(144);
    expect(stats.status['404'] - since.status['404']).to.equal(36);
    expect(stats.requests.aborts).to.equal(since.requests.aborts);
    const bodyBytes = responses.reduce((sum, { body }) => sum + body.length, 0);
    const framed = stats.bytes.sent - since.bytes.sent;
    expect(framed)
      .to.be.above(bodyBytes)
      .and.below(bodyBytes * 1.02);
    const logged = await eventually(
      async () => {
        const lines = (await server.logLines(0)).map((line) => JSON.parse(line));
        const many = lines.filter(({ target }) => target.endsWith('?many'));
        return many.length === 144 ? many : undefined;
      },
      () => 'the lines of all requests',
    );
    expect(logged.every(({ protocol }) => protocol === 'HTTP/2.0')).to.equal(true);
    expect(logged.reduce((sum, { bytes }) => sum + bytes, 0)).to.equal(bodyBytes);
  });

  it('is understood by curl, also in a large file', async () => {
    const args = ['-sS', '--http2', '--cacert', certificate('first').cert];
    args.push('--resolve', `localhost:${server.securePort}:127.0.0.1`, '-w', '%{stderr}%{http_version}');
    args.push(`https://localhost:${server.securePort}/disk.bin`);
    const options = { encoding: 'buffer', maxBuffer: 1e9 } as const;
    const { stdout, stderr } = await promisify(execFile)('curl', args, options);
    expect(stderr.toString()).to.equal('2');
    expect(stdout.equals(disk)).to.equal(true);
  });

  it('cuts the response when its file changes, and no other', async () => {
    const path = server.site.file('changing.bin', Buffer.alloc(24_000_000, 'o'));
    await settled(path);
    const stream = client.stream('/changing.bin');
    await once(stream, 'response');
    // The window of the stream is full: the server waits.
    await server.standing();
    appendFileSync(path, 'more');
    const response = await responseOf(stream);
    expect(response.code).to.equal(NGHTTP2_INTERNAL_ERROR);
    expect(response.body.length).to.be.below(24_000_000);
    expect((await client.get('/small.txt')).status).to.equal(200);
    await server.reported(/a file changed while it was sent; the response was cut/);
  });

  it('holds little of what slow clients do not read, and goes on with others on the connection', async () => {
    server.site.file('huge.bin', Buffer.alloc(40_000_000, 'h'));
    await client.get('/small.txt');
    const before = server.workerPids().map(residentBytes);
    const streams = Array.from({ length: 20 }, () => client.stream('/huge.bin'));
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    await server.standing();
    const grown = server.workerPids().map((pid, i) => residentBytes(pid) - before[i]!);
    expect(Math.max(...grown) / 1e6, 'MB').to.be.below(60);
    expect((await client.get('/memory.bin')).body.equals(memory)).to.equal(true);
    for (const stream of streams) stream.on('error', () => undefined).close();
  });

  it('counts what a client takes back as aborted', async () => {
    client.close();
    const since = await server.settled();
    client = await H2Client.open(server.securePort);
    const stream = client.stream('/disk.bin');
    await once(stream, 'response');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await server.statsWhen(({ requests }) => requests.aborts === since.requests.aborts + 1, 'an abort');
    expect((await client.get('/small.txt')).status).to.equal(200);
  });

  it('frees the place of a client that leaves in the middle of the handshake at once', async () => {
    client.close();
    await server.settled();
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { port: server.securePort, host: '127.0.0.1', rejectUnauthorized: false, maxVersion };
      const socket = tls.connect(options);
      await once(socket, 'secureConnect');
      socket.destroy();
    }
    // The handshake would have half a minute.
    await server.settled();
  });

  it('survives a client that takes back one request after another', async () => {
    for (let i = 0; i < 3000 && client.isOpen; i++) {
      client
        .stream('/memory.bin')
        .on('error', () => undefined)
        .close(http2.constants.NGHTTP2_CANCEL);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const other = await H2Client.open(server.securePort);
    expect((await other.get('/small.txt')).status).to.equal(200);
    other.close();
  });
});

describe('HTTP/2 when workers are killed', () => {
  it('has counted every response that a client has seen', async () => {
    const server = await TestServer.start({ settings: tlsSettings(), mayLoseWorkers: true });
    try {
      const body = Buffer.from('small');
      server.site.file('small.txt', body);
      const pages = [{ target: '/small.txt', body }];
      const stop = startH2Load({ port: server.securePort, clients: 6, pages }, 8);
      for (let round = 0; round < 3; round++) {
        const victim = server.workerPids()[round % 2]!;
        const { total } = server.stats().requests;
        await server.statsWhen(({ requests }) => requests.total > total + 100, 'some requests');
        process.kill(victim, 'SIGKILL');
        await server.statsWhen(
          ({ workers }) =>
            workers.length === 2 && workers.every(({ pid, state }) => pid !== victim && state === 'ready'),
          'another worker',
        );
      }
      const result = await stop();
      expect(result.wrong).to.deep.equal([]);
      const stats = await server.settled();
      expectSums(stats);
      // Counted, and on its way to a client when the worker died.
      expect(stats.requests.total).to.be.within(result.whole, result.whole + result.broken);
      expect(result.broken).to.be.at.most(3 * 6 * 8);
    } finally {
      await server.stop();
    }
  });
});

describe('HTTP/2 deadlines', () => {
  let server: TestServer;
  before(async () => {
    const seconds = { TIMEOUT_SECONDS: '1', WRITE_TIMEOUT_SECONDS: '1', BODY_TIMEOUT_SECONDS: '1' };
    server = await TestServer.start({ settings: { ...tlsSettings(), ...seconds } });
    // More than a client takes in before it stops to read.
    truncateSync(server.site.file('huge.bin', ''), 1e9);
  });
  after(() => server?.stop());

  const timeouts = async (): Promise<number> => (await server.settled()).requests.timeouts;

  it('end an idle session in order', async () => {
    const before = await timeouts();
    const client = await H2Client.open(server.securePort);
    await client.get('/huge.bin', { ':method': 'HEAD' });
    await once(client.session, 'close');
    expect(client.goaway?.code).to.equal(NGHTTP2_NO_ERROR);
    expect(await timeouts()).to.equal(before);
  });

  it('end a request whose body does not come', async () => {
    const before = await timeouts();
    const client = await H2Client.open(server.securePort);
    const stream = client.session.request({ ':path': '/huge.bin', ':method': 'POST' }, { endStream: false });
    stream.write('a');
    expect((await responseOf(stream)).status).to.equal(408);
    client.close();
    expect((await timeouts()) - before).to.equal(1);
  });

  it('end a response of which nothing is taken, and the connection of a client that takes nothing at all', async () => {
    const before = await timeouts();
    const client = await H2Client.open(server.securePort);
    const stream = client.stream('/huge.bin');
    await once(stream, 'response');
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('close', resolve));
    expect(stream.rstCode).to.equal(NGHTTP2_INTERNAL_ERROR);
    client.close();
    const window = { initialWindowSize: 2 ** 31 - 1 };
    const relay = await Relay.to(server.securePort);
    const deaf = await H2Client.open(relay.port, { settings: window });
    deaf.session.setLocalWindowSize(2 ** 31 - 1);
    const lost = deaf.stream('/huge.bin');
    lost.on('error', () => undefined);
    await once(lost, 'response');
    relay.stopReading();
    expect((await timeouts()) - before).to.equal(2);
    relay.close();
    deaf.close();
  });
});
