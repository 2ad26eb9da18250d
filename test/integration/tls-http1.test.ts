/** HTTP/1.1 over TLS: what holds on plain connections holds here. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { certificate, pem, tlsSettings } from '../helpers/certificates.js';
import { eventually } from '../helpers/eventually.js';
import { runLoad } from '../helpers/load-clients.js';
import { TestServer } from '../helpers/server.js';
import { readBeginning } from '../helpers/slow-reader.js';
import { expectExactly, expectSums } from '../helpers/stats-checks.js';

const request = (line: string, ...fields: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n');

describe('HTTP/1.1 over TLS', () => {
  const large = Buffer.alloc(20_000_000, 'a large file ');
  const pages = [
    { target: '/small.txt', body: Buffer.alloc(1000, 'small ') },
    { target: '/memory.bin', body: Buffer.alloc(300_000, 'memory ') },
    { target: '/large.bin', body: large.subarray(0, 3_000_000) },
  ];
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({
      settings: tlsSettings(),
      mayLoseWorkers: true,
    });
    for (const { target, body } of pages) server.site.file(target, body);
    await server.get('/small.txt');
  });
  after(() => server?.stop());

  it('serves beside the plain port, with the certificate', async () => {
    const client = await server.connectSecure();
    const socket = client.socket as tls.TLSSocket;
    expect(socket.getPeerCertificate().subject.CN).to.equal('first.handover.test');
    expect(socket.alpnProtocol).to.equal('http/1.1');
    const response = await client.exchange(request('GET /small.txt'));
    client.destroy();
    const plain = await server.get('/small.txt');
    expect({ ...response.fields, connection: 'close' }).to.deep.equal(plain.fields);
    expect(response.body.equals(plain.body)).to.equal(true);
  });

  it('speaks it to clients that choose nothing, and with TLS 1.2', async () => {
    const socket = tls.connect({
      port: server.securePort,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).to.equal(false);
    socket.end(request('GET /small.txt', 'Connection: close'));
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).to.match(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('keeps connections, answers pipelined requests in their order, and counts all exactly', async () => {
    const since = await server.settled();
    const client = await server.connectSecure();
    const requests = [
      ...pages.map(({ target }) => ['GET', request(`GET ${target}`)] as const),
      ['HEAD', request('HEAD /large.bin')],
      ['GET', request('GET /memory.bin', 'Range: bytes=5-9,100-199')],
      ['GET', request('GET /missing')],
      ['POST', `${request('POST /small.txt', 'Content-Length: 5')}hello`],
      ['GET', request('GET /small.txt')],
    ] as const;
    for (let round = 0; round < 3; round++) {
      client.send(requests.map(([, text]) => text).join(''));
      const statuses: number[] = [];
      for (const [method] of requests) {
        const response = await client.response(method);
        statuses.push(response.status);
        const page = pages[statuses.length - 1];
        if (page !== undefined) expect(response.body.equals(page.body), page.target).to.equal(true);
      }
      expect(statuses).to.deep.equal([200, 200, 200, 200, 206, 404, 405, 200]);
    }
    const { receivedBytes } = client;
    const sentBytes = client.socket.bytesWritten;
    client.destroy();
    const stats = await server.settled();
    expectSums(stats);
    expect(stats.requests.total - since.requests.total).to.equal(24);
    expect(stats.bytes.sent - since.bytes.sent, 'bytes sent').to.equal(receivedBytes);
    expect(stats.bytes.received - since.bytes.received, 'bytes received').to.equal(sentBytes);
    expect(stats.requests.aborts).to.equal(since.requests.aborts);
  });

  for (const mode of ['keep-alive', 'per-request'] as const) {
    it(`serves many clients, ${mode}, and counts them exactly`, async () => {
      const since = await server.settled();
      const load = { port: server.securePort, clients: 20, pages, mode, secure: true };
      const result = await runLoad(load, 15);
      expect(result).to.deep.include({ whole: 300, broken: 0, refused: 0, wrong: [] });
      expectExactly(await server.settled(), result, since);
    });
  }

  it('resumes a session on whichever worker gets the next connection', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await server.connectSecure({ maxVersion });
      const socket = first.socket as tls.TLSSocket;
      // The ticket of TLS 1.2 is part of the handshake, those of 1.3 come later.
      let session: Buffer | undefined = maxVersion === 'TLSv1.2' ? socket.getSession() : undefined;
      socket.on('session', (ticket: Buffer) => {
        session = ticket;
      });
      await first.exchange(request('GET /small.txt'));
      await eventually(
        () => session,
        () => 'a session ticket',
      );
      // Held open together, so that they are spread over both workers.
      const others = await Promise.all(
        Array.from({ length: 4 }, () => server.connectSecure({ maxVersion, ...(session && { session }) })),
      );
      expect(others.map(({ socket: other }) => (other as tls.TLSSocket).isSessionReused())).to.deep.equal(
        others.map(() => true),
      );
      for (const client of [first, ...others]) client.destroy();
    }
  });

  it('is understood by curl', async () => {
    const url = `https://localhost:${server.securePort}/memory.bin`;
    const args = ['-sS', '--http1.1', '--cacert', certificate('first').cert, '--resolve'];
    args.push(`localhost:${server.securePort}:127.0.0.1`, url);
    const { stdout } = await promisify(execFile)('curl', args, { encoding: 'buffer', maxBuffer: 1e9 });
    expect(stdout.equals(pages[1]!.body)).to.equal(true);
  });

  it('closes connections on which no TLS is spoken, without a response', async () => {
    const since = await server.settled();
    const socket = net.connect(server.securePort, '127.0.0.1');
    socket.end(request('GET /small.txt'));
    let length = 0;
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        length += chunk.length;
      });
    await once(socket, 'close');
    // An alert, at most.
    expect(length).to.be.below(20);
    const { requests, connections } = await server.settled();
    expect(requests.total).to.equal(since.requests.total);
    expect(connections.accepted).to.equal(since.connections.accepted + 1);
  });

  it('gives up clients that never finish the handshake, also those that drip, and that take nothing', async () => {
    const seconds = { HEADER_TIMEOUT_SECONDS: '1', WRITE_TIMEOUT_SECONDS: '1' };
    const hasty = await TestServer.start({ settings: { ...tlsSettings(), ...seconds } });
    try {
      hasty.site.file('huge.bin', large);
      const client = await hasty.connectSecure();
      await readBeginning(client, request('GET /huge.bin'));
      const silent = net.connect(hasty.securePort, '127.0.0.1');
      const dripping = net.connect(hasty.securePort, '127.0.0.1');
      // A record of 512 bytes, whose bytes come one by one.
      dripping.write(Buffer.from([0x16, 3, 1, 2, 0]));
      const drip = setInterval(() => dripping.write('\x01'), 100);
      try {
        await Promise.all(
          [silent, dripping].map((socket) =>
            once(
              socket.on('error', () => undefined),
              'close',
            ),
          ),
        );
      } finally {
        clearInterval(drip);
      }
      const { requests, connections } = await hasty.settled();
      expect(connections.accepted).to.equal(3);
      expect(requests).to.include({ total: 1, timeouts: 3, aborts: 1 });
      client.destroy();
    } finally {
      await hasty.stop();
    }
  });

  it('never serves the private key, wherever it lies', async () => {
    const { site } = server;
    site.file('keys/site.key', pem('first', 'key'));
    site.file('keys/site.cert', pem('first', 'cert'));
    const other = await TestServer.start({
      settings: {
        ...tlsSettings(),
        DOCUMENT_ROOT: site.root,
        TLS_KEY: site.at('keys/site.key'),
        TLS_CERT: site.at('keys/site.cert'),
      },
    });
    try {
      expect((await other.get('/keys/site.key')).status).to.equal(404);
      expect((await other.get('/keys/site.cert')).status).to.equal(200);
    } finally {
      await other.stop();
    }
  });

  it('goes on when a worker is killed', async () => {
    const [victim] = server.workerPids();
    process.kill(victim!, 'SIGKILL');
    const result = await runLoad(
      { port: server.securePort, clients: 8, pages: [pages[0]!], mode: 'per-request', secure: true },
      10,
    );
    expect(result.whole + result.broken + result.refused).to.equal(80);
    expect(result.broken, 'only what the dead worker held').to.be.at.most(8);
    await server.statsWhen(({ workers }) => workers.every(({ pid }) => pid !== victim), 'another worker');
    expectSums(await server.settled());
  });
});
