/** TLS over reloads and stops: connections stay where they are, and end in order; new ones have the new certificate. */
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import http2 from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { type CertificateName, certificate, tlsSettings } from '../helpers/certificates.js';
import { H2Client, responseOf } from '../helpers/h2-client.js';
import { startH2Load } from '../helpers/h2-load.js';
import { startLoad } from '../helpers/load-clients.js';
import { TestServer } from '../helpers/server.js';
import { readBeginning } from '../helpers/slow-reader.js';
import { expectExactly, expectSums } from '../helpers/stats-checks.js';

const REQUEST = 'GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n';

describe('TLS over a reload', () => {
  const pages = [
    { target: '/small.txt', body: Buffer.alloc(1000, 'small ') },
    { target: '/from-disk.bin', body: Buffer.alloc(200_000, 'from disk ') },
  ];
  const large = Buffer.alloc(20_000_000, 'a large file ');
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start({ settings: { ...tlsSettings(), CACHE_MAX_FILE_KB: '64' } });
    for (const { target, body } of pages) server.site.file(target, body);
    server.site.file('large.bin', large);
  });
  afterEach(() => server?.stop());

  async function certificateShown(): Promise<string> {
    const client = await server.connectSecure();
    const { CN } = (client.socket as TLSSocket).getPeerCertificate().subject;
    client.destroy();
    return String(CN);
  }

  it('shows the certificate that the files hold now', async () => {
    const use = (name: CertificateName): void => {
      copyFileSync(certificate(name).cert, server.directory.at('site.cert'));
      copyFileSync(certificate(name).key, server.directory.at('site.key'));
    };
    use('first');
    const files = { TLS_CERT: server.directory.at('site.cert'), TLS_KEY: server.directory.at('site.key') };
    await server.reload(files);
    expect(await certificateShown()).to.equal('first.handover.test');
    use('second');
    expect(await certificateShown(), 'before the reload').to.equal('first.handover.test');
    await server.reload();
    expect(await certificateShown()).to.equal('second.handover.test');
    // Half of a pair, as in the middle of a renewal.
    copyFileSync(certificate('first').cert, server.directory.at('site.cert'));
    server.signal('SIGHUP');
    await server.reported(
      /server\.conf:\d+: TLS_KEY=.*site\.key: this key does not belong to the certificate/,
    );
    await server.reported(/reload refused, going on with the old settings/);
    expect(await certificateShown()).to.equal('second.handover.test');
  });

  for (const mode of ['keep-alive', 'per-request'] as const) {
    it(`loses no request of HTTP/1.1 under load, ${mode}`, async () => {
      const load = startLoad({ port: server.securePort, clients: 12, pages, mode, secure: true });
      for (let round = 0; round < 3; round++) await server.reload();
      const result = await load.stop();
      expect(result).to.deep.include({ broken: 0, refused: 0, unavailable: 0, wrong: [] });
      expectExactly(await server.settled(), result);
    });
  }

  it('loses no request of HTTP/2 under load', async () => {
    const stop = startH2Load({ port: server.securePort, clients: 6, pages }, 8);
    for (let round = 0; round < 3; round++) await server.reload();
    const result = await stop();
    expect(result).to.deep.include({ broken: 0, wrong: [] });
    // Each reload ends every connection once.
    expect(result.connections).to.be.within(12, 24);
    const stats = await server.settled();
    expect(stats.requests.total).to.equal(result.whole);
    expectSums(stats);
  });

  it('says on HTTP/1.1 that the next response is the last, and on HTTP/2 that no more is taken', async () => {
    const one = await server.connectSecure();
    const two = await H2Client.open(server.securePort);
    expect((await one.exchange(REQUEST)).field('connection')).to.equal(undefined);
    expect((await two.get('/small.txt')).status).to.equal(200);
    const told = once(two.session, 'goaway');
    server.signal('SIGHUP');
    await server.reported(/reloaded/);
    const response = await one.exchange(REQUEST);
    expect([response.status, response.field('connection')]).to.deep.equal([200, 'close']);
    await one.closed();
    // What was on its way would still be answered.
    expect((await told).slice(0, 2)).to.deep.equal([http2.constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1]);
    await server.statsWhen(({ workers }) => workers.length === 2, 'the old workers are gone');
  });

  it('lets downloads end, and workers go that have only idle connections', async () => {
    const one = await server.connectSecure();
    const two = await H2Client.open(server.securePort);
    const idle = await server.connectSecure();
    await idle.exchange(REQUEST);
    await readBeginning(one, 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    const stream = two.stream('/large.bin');
    await once(stream, 'response');
    server.signal('SIGHUP');
    await server.reported(/reloaded/);
    await idle.closed();
    one.socket.resume();
    const [response, streamed] = await Promise.all([one.response('GET'), responseOf(stream)]);
    expect(response.body.equals(large)).to.equal(true);
    expect(streamed.body.equals(large)).to.equal(true);
    await server.statsWhen(({ workers }) => workers.length === 2, 'the old workers are gone');
    one.destroy();
  });

  it('answers what is under way when the server stops', async () => {
    const one = await server.connectSecure();
    const two = await H2Client.open(server.securePort);
    await readBeginning(one, 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    const stream = two.stream('/large.bin');
    await once(stream, 'response');
    server.signal('SIGTERM');
    await server.reported(/stopping/);
    one.socket.resume();
    const [response, streamed] = await Promise.all([one.response('GET'), responseOf(stream)]);
    expect(response.body.equals(large)).to.equal(true);
    expect(streamed.body.equals(large)).to.equal(true);
    one.destroy();
  });

  it('turns TLS off and on, and moves it to another port', async () => {
    await server.reload({ TLS_CERT: '', TLS_KEY: '' });
    expect(await server.connectSecure().catch(({ code }) => code)).to.equal('ECONNREFUSED');
    expect((await server.get('/small.txt')).status).to.equal(200);
    const before = server.securePort;
    await server.reload({ ...tlsSettings('second'), TLS_PORT: String(before) });
    expect(await certificateShown()).to.equal('second.handover.test');
    await server.reload({ TLS_PORT: '0' });
    expect(await certificateShown(), 'the port that it has is as good as any').to.equal(
      'second.handover.test',
    );
    expect(server.stats().addresses).to.deep.equal([
      `http://127.0.0.1:${server.port}/`,
      `https://127.0.0.1:${before}/`,
    ]);
  });
});
