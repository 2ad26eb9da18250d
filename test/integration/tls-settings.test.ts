/** The settings of TLS as a user meets them: banner, check, status, redirect, and what keeps it from starting. */
import { expect } from 'chai';
import { certificate, tlsSettings } from '../helpers/certificates.js';
import { Sandbox } from '../helpers/sandbox.js';
import { TestServer } from '../helpers/server.js';

describe('settings of TLS', () => {
  describe('TLS_REDIRECT', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({ settings: { ...tlsSettings(), TLS_REDIRECT: 'on' } });
      server.site.file('small.txt', 'small');
    });
    after(() => server?.stop());

    it('sends clients of the plain port to https, and answers them there', async () => {
      const { port, securePort } = server;
      const response = await server.get('/small.txt?a=b', { Host: `localhost:${port}` });
      expect([response.status, response.field('location')]).to.deep.equal([
        301,
        `https://localhost:${securePort}/small.txt?a=b`,
      ]);
      expect((await server.request('POST', '/x', { 'Content-Length': '0' })).status).to.equal(308);
      const client = await server.connectSecure();
      expect((await client.exchange('GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n')).text).to.equal('small');
      client.destroy();
    });

    it('leaves the health check, the statistics and the dashboard where they are', async () => {
      for (const path of ['/healthz', '/stats.json', '/metrics', '/statFile.txt', '/statsPage.html']) {
        expect((await server.get(path)).status, path).to.equal(200);
      }
    });
  });

  describe('on the command line', () => {
    let sandbox: Sandbox;
    before(() => {
      sandbox = new Sandbox();
    });
    after(() => sandbox.end());
    const { cert, key } = certificate('first');
    const site = (...args: string[]): string[] => [
      sandbox.site,
      ...['--host', '127.0.0.1', '--port', '0', '--num-workers', '1', '--threads-per-worker', '1'],
      ...args,
    ];

    it('refuses what cannot work, with the exit code for it', async () => {
      const mismatch = await sandbox.run(...site('--tls-cert', cert, '--tls-key', certificate('second').key));
      expect(mismatch.code).to.equal(2);
      expect(mismatch.err).to.match(/^command line: --tls-key=.*second\.key\.pem: this key does not belong/);
      const missing = await sandbox.run(...site('--tls-cert', cert, '--tls-key', '/nowhere.pem'));
      expect([missing.code, missing.err]).to.deep.equal([
        4,
        'command line: --tls-key=/nowhere.pem: no such file\n',
      ]);
      sandbox.directory.write('tls.conf', `DOCUMENT_ROOT=site\nTLS_CERT=${key}\nTLS_KEY=${key}\n`);
      const check = await sandbox.run('check', 'tls.conf');
      expect(check.code).to.equal(1);
      expect(check.err).to.match(
        /^tls\.conf:2: TLS_CERT=.*: this is a private key; TLS_KEY is the key for that\n/,
      );
      sandbox.directory.write(
        'tls.conf',
        `DOCUMENT_ROOT=site\nTLS_CERT=${cert}\nTLS_KEY=${key}\nTLS_PORT=443\n`,
      );
      const fine = await sandbox.run('check', 'tls.conf');
      expect(fine.out).to.match(/on 0\.0\.0\.0 port 3000, https port 443\n/);
      const printed = await sandbox.run(...site('--tls-cert', cert, '--tls-key', key, '--print-config'));
      expect(printed.out).to.include(`TLS_KEY=${key}`).and.not.to.include('PRIVATE');
    });

    it('says where it is, and who has its port', async () => {
      const tls = ['--tls-cert', cert, '--tls-key', key, '--tls-port'];
      const server = sandbox.spawn(site(...tls, '0'));
      await server.ready();
      const [, port = ''] = /Local +https:\/\/127\.0\.0\.1:(\d+)\/\n/.exec(server.out) ?? [];
      expect(port, server.out).not.to.equal('');
      const status = await sandbox.run('status');
      expect(status.out).to.match(
        new RegExp(`addresses +http://127.0.0.1:\\d+/ +https://127.0.0.1:${port}/\n`),
      );
      const second = await sandbox.run(...site(...tls, port));
      expect(second.code).to.equal(3);
      expect(second.err).to.match(
        new RegExp(
          `TLS_PORT: port ${port} is taken by .* \\(pid ${server.pid}\\); choose another with --tls-port`,
        ),
      );
    });
  });
});
