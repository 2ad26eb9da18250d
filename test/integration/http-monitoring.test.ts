/** What the server tells of itself over HTTP: statistics, dashboard, health check; and to whom. */
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { StatsDocument } from '../../src/stats/schema.js';
import { eventually } from '../helpers/eventually.js';
import { type ConfSettings, TestServer } from '../helpers/server.js';

const STATISTICS = ['/statFile.txt', '/stats.json', '/metrics'];

describe('monitoring', () => {
  describe('of a site that knows nothing of it', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start();
      server.site.file('index.html', 'home');
      server.site.file('sub/index.html', 'sub');
    });
    after(() => server?.stop());

    it('has the dashboard, with all it needs, under the root', async () => {
      const page = await server.get('/statsPage.html');
      expect(page.status).to.equal(200);
      expect(page.field('content-type')).to.equal('text/html; charset=utf-8');
      expect(page.text)
        .to.match(/<!doctype html>/i)
        .and.to.include('statFile.txt');
      for (const [, address] of page.text.matchAll(/(?:src|href)="([^"#]+)"/g)) {
        if (address!.startsWith('data:')) continue;
        const target = new URL(address!, `${server.origin}/statsPage.html`);
        expect(target.origin, 'no external requests').to.equal(server.origin);
        expect((await server.get(target.pathname)).status, address).to.equal(200);
      }
    });

    it('has the figures in three forms', async () => {
      const six = await server.get('/statFile.txt');
      expect(six.text).to.match(/^(\d+,){5}\d+\n?$/);
      expect(six.field('content-type')).to.equal('text/plain; charset=utf-8');
      const document = await server.get('/stats.json');
      expect(document.field('content-type')).to.equal('application/json; charset=utf-8');
      expect((document.json as StatsDocument).version).to.equal(1);
      const metrics = await server.get('/metrics');
      expect(metrics.field('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
      expect(metrics.text).to.include('# TYPE');
    });

    it('writes nothing into the site', () => {
      expect(readdirSync(server.site.root).sort()).to.deep.equal(['index.html', 'sub']);
    });

    it('never sends them from a cache, and lets nobody keep them', async () => {
      for (const target of [...STATISTICS, '/healthz']) {
        const response = await server.get(target);
        expect(response.field('cache-control'), target).to.equal('no-store');
        expect(response.field('x-cache'), target).to.equal(undefined);
        expect(response.field('etag'), target).to.equal(undefined);
      }
      // What was asked for before the figures were read is in them, however often they were read.
      for (let n = 0; n < 5; n++) {
        const before = ((await server.get('/stats.json')).json as StatsDocument).requests.total;
        await server.get('/');
        const isCounted = async () =>
          ((await server.get('/stats.json')).json as StatsDocument).requests.total === before + 1 ||
          undefined;
        await eventually(isCounted, () => 'the request is counted');
      }
    });

    it('does not count itself', async () => {
      const before = await server.settled();
      for (const target of [...STATISTICS, '/healthz', '/metrics.txt']) {
        await server.get(target);
        await server.request('HEAD', target);
      }
      const after = await server.settled();
      expect(after.requests.total).to.equal(before.requests.total);
      expect(after.status).to.deep.equal(before.status);
      expect(after.requests.monitoring).to.equal(before.requests.monitoring + 10);
    });

    it('says that it is well, in a word', async () => {
      const response = await server.get('/healthz');
      expect(response).to.include({ status: 200, text: 'ok\n' });
      expect(response.field('content-type')).to.equal('text/plain; charset=utf-8');
      expect((await server.get('/healthz?verbose')).text).to.equal('ok\n');
    });

    it('does not stand in the access log, but the dashboard and refusals do', async () => {
      await server.get('/statsPage.html?marker');
      await server.request('POST', '/healthz?posted');
      await server.get('/healthz?quiet');
      await server.get('/stats.json?quiet');
      const { requests } = await server.settled();
      const log = (await server.logLines(requests.total)).join('\n');
      expect(log).to.include('/statsPage.html?marker').and.to.include('/healthz?posted');
      expect(log).not.to.include('quiet');
    });
  });

  describe('of a site that has files of the same names', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({ settings: { HEALTH_PATH: '/up/now', STATS_ALLOW: 'none' } });
      for (const name of ['statsPage.html', 'stats.json', 'healthz']) server.site.file(name, `own ${name}`);
    });
    after(() => server?.stop());

    it('gives way to them', async () => {
      for (const name of ['statsPage.html', 'stats.json', 'healthz']) {
        const response = await server.get(`/${name}`);
        expect(response.text).to.equal(`own ${name}`);
        expect(response.field('x-cache')).to.equal('MISS');
      }
    });

    it('has its health check where it is wanted', async () => {
      expect((await server.get('/up/now')).text).to.equal('ok\n');
    });

    it('is for nobody, when told so', async () => {
      for (const target of ['/statFile.txt', '/metrics']) {
        expect((await server.get(target)).status, target).to.equal(403);
      }
    });
  });

  describe('with its files in the site', () => {
    let server: TestServer;
    /** Starts with STATS_FILE in the document root, as the configuration that is shipped has it. */
    const start = async (settings: ConfSettings) => {
      server = await TestServer.start({
        settings: (site) => ({ STATS_FILE: site.at('statFile.txt'), ...settings }),
      });
      server.site.file('index.html', 'home');
    };
    afterEach(() => server?.stop());

    it('sends them fresh, not from the cache', async () => {
      await start({ CACHE_REVALIDATE_MS: '3600000', STATS_ALLOW: 'all' });
      const total = async () => ((await server.get('/stats.json')).json as StatsDocument).requests.total;
      const before = await total();
      await server.get('/');
      await eventually(
        async () => (await total()) > before || undefined,
        () => 'a later figure',
      );
      expect((await server.get('/statFile.txt')).field('cache-control')).to.equal('no-store');
    });

    it('keeps them from those who may not see them, by whatever links', async () => {
      let root = '';
      server = await TestServer.start({
        settings: (site) => {
          root = join(site.outside, 'current');
          symlinkSync(site.root, root);
          site.link('here', '.');
          site.link('alias.json', 'stats.json');
          const own = { STATS_FILE: join(root, 'statFile.txt'), STATS_ALLOW: 'none' };
          return { DOCUMENT_ROOT: root, CACHE_REVALIDATE_MS: '0', ...own };
        },
      });
      for (const target of [...STATISTICS, '/metrics.txt']) {
        expect((await server.get(target)).status, target).to.equal(403);
      }
      for (const target of ['/here/statFile.txt', '/here/stats.json', '/here/metrics.txt', '/alias.json']) {
        expect((await server.get(target)).status, target).to.equal(404);
      }
    });

    it('keeps them from those who may not see them, however they ask', async () => {
      await start({ STATS_ALLOW: '192.0.2.0/24 2001:db8::/32', AUTOINDEX: 'on', CACHE_REVALIDATE_MS: '0' });
      for (const target of [
        ...STATISTICS,
        '/metrics.txt',
        '/%73tatFile.txt',
        '/stat%46ile.txt',
        '//statFile.txt',
        '/./stats.json',
        '/x/../stats.json',
        '/%2e/stats.json',
        '/stats%2ejson',
        'http://x/%73tats.json',
        '/.stats.json.1.tmp',
      ]) {
        for (const fields of [
          {},
          { 'X-Forwarded-For': '192.0.2.1' },
          { Accept: 'text/html' },
          { Range: 'bytes=0-5' },
        ]) {
          const response = await server.get(target, fields);
          expect(response.status, target).to.be.oneOf([403, 404]);
          expect(response.text, target).not.to.match(/"version"|(\d+,){5}\d/);
        }
      }
      expect((await server.get('/statsPage.html')).status, 'the page tells nothing').to.equal(200);
      expect((await server.get('/healthz')).status, 'the health check is for everybody').to.equal(200);
    });
  });
});
