/** Response fields that the settings ask for: Cache-Control, fields by pattern, CORS, Server-Timing. */
import { expect } from 'chai';
import { type ConfSettings, TestServer } from '../helpers/server.js';

describe('response fields', () => {
  describe('by the rules of the settings', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({
        settings: {
          CACHE_CONTROL: [
            '/assets/*.* public, max-age=31536000, immutable',
            '/assets/** max-age=60',
            '/**/*.js max-age=5',
            '/docs/index.html max-age=7',
          ],
          HEADERS: ['/** X-Frame-Options: DENY', '/docs/** X-Docs: one', '/**/*.html X-Html: two'],
        },
      });
      const { site } = server;
      for (const name of [
        'index.html',
        'app.js',
        'lib/app.js',
        'assets/app.1234.js',
        'assets/sub/a.css',
        'docs/index.html',
        'a.txt',
      ]) {
        site.file(name, name);
      }
      site.file('large.js', Buffer.alloc(1_500_000));
    });
    after(() => server?.stop());

    it('say no-cache where no rule matches, so that nothing is ever stale', async () => {
      for (const target of ['/', '/index.html', '/a.txt']) {
        expect((await server.get(target)).field('cache-control'), target).to.equal('no-cache');
      }
    });

    it('take Cache-Control from the first rule that matches', async () => {
      for (const [target, value] of [
        ['/assets/app.1234.js', 'public, max-age=31536000, immutable'],
        ['/assets/app.1234.js?v=2', 'public, max-age=31536000, immutable'],
        ['/assets/%61pp.1234.js', 'public, max-age=31536000, immutable'],
        ['//assets/./app.1234.js', 'public, max-age=31536000, immutable'],
        ['/assets/sub/a.css', 'max-age=60'],
        ['/app.js', 'max-age=5'],
        ['/lib/app.js', 'max-age=5'],
        ['/large.js', 'max-age=5'],
        ['/docs/', 'max-age=7'],
      ] as const) {
        expect((await server.get(target)).field('cache-control'), target).to.equal(value);
      }
    });

    it('are the same in every response for the file: 200, 206, 304, HEAD', async () => {
      for (const [target, value] of [
        ['/assets/app.1234.js', 'public, max-age=31536000, immutable'],
        ['/large.js', 'max-age=5'],
      ] as const) {
        const etag = (await server.get(target)).field('etag')!;
        for (const response of [
          await server.get(target, { Range: 'bytes=0-1' }),
          await server.get(target, { 'If-None-Match': etag }),
          await server.request('HEAD', target),
        ]) {
          expect(response.field('cache-control'), `${response.status}`).to.equal(value);
          expect(response.field('x-frame-options'), `${response.status}`).to.equal('DENY');
        }
      }
    });

    it('add the fields of every rule that matches', async () => {
      const docs = await server.get('/docs/');
      expect([docs.field('x-frame-options'), docs.field('x-docs'), docs.field('x-html')]).to.deep.equal([
        'DENY',
        'one',
        'two',
      ]);
      const root = await server.get('/');
      expect([root.field('x-docs'), root.field('x-html')]).to.deep.equal([undefined, 'two']);
      const text = await server.get('/a.txt');
      expect([text.field('x-frame-options'), text.field('x-html')]).to.deep.equal(['DENY', undefined]);
    });

    it('say nothing of CORS or of timing, which nobody has asked for', async () => {
      const { head } = await server.get('/a.txt', { Origin: 'https://app.example.com' });
      expect(head.toLowerCase()).not.to.include('access-control').and.not.to.include('server-timing');
    });

    it('never make an error cacheable', async () => {
      for (const target of ['/assets/missing.js', '/assets/%zz.js']) {
        expect((await server.get(target)).field('cache-control'), target).to.equal('no-store');
      }
    });
  });

  describe('for other origins', () => {
    const ORIGIN = 'https://app.example.com';
    const ALLOWED = 'access-control-allow-origin';
    const files = {
      'a.txt': 'alpha',
      'page.html': 'page '.repeat(500),
      'large.bin': Buffer.alloc(1_500_000),
    };
    const start = async (settings: ConfSettings) => {
      const server = await TestServer.start({ settings });
      for (const [name, content] of Object.entries(files)) server.site.file(name, content);
      return server;
    };

    it('let everybody read, when told so', async () => {
      const server = await start({ CORS: '*' });
      try {
        for (const fields of [{}, { Origin: ORIGIN }, { Origin: 'null' }]) {
          for (const target of ['/a.txt', '/missing', '/page.html', '/large.bin', '/%zz']) {
            const response = await server.get(target, fields);
            expect(response.field(ALLOWED), target).to.equal('*');
            expect(response.field('access-control-allow-credentials')).to.equal(undefined);
          }
        }
        for (const fields of [
          { Range: 'bytes=0-1' },
          { Range: 'bytes=9999999-' },
          { 'If-Match': '"other"' },
          { 'If-None-Match': '*' },
        ]) {
          const response = await server.get('/a.txt', fields);
          expect(response.field(ALLOWED), `${response.status}`).to.equal('*');
        }
        expect((await server.get('/a.txt')).field('access-control-expose-headers')).to.include('ETag');
        expect((await server.get('/a.txt')).field('vary')).to.equal('Accept-Encoding');
      } finally {
        await server.stop();
      }
    });

    describe('that are named', () => {
      let server: TestServer;
      before(async () => {
        server = await start({ CORS: `${ORIGIN} http://localhost:5173` });
      });
      after(() => server?.stop());

      it('let those read, and no others', async () => {
        for (const target of ['/a.txt', '/a.txt', '/page.html', '/missing', '/large.bin']) {
          expect((await server.get(target, { Origin: ORIGIN })).field(ALLOWED), target).to.equal(ORIGIN);
          for (const other of ['https://evil.example', `${ORIGIN}.evil.example`, `${ORIGIN}:444`, 'null']) {
            expect((await server.get(target, { Origin: other })).field(ALLOWED), other).to.equal(undefined);
          }
          expect((await server.get(target)).field(ALLOWED)).to.equal(undefined);
        }
      });

      it('tell caches that it depends on who asks', async () => {
        const whole = await server.get('/a.txt');
        expect(whole.field('vary')).to.equal('Accept-Encoding, Origin');
        const condition = { 'If-None-Match': whole.field('etag')!, Origin: ORIGIN };
        const unchanged = await server.get('/a.txt', condition);
        expect(unchanged.status).to.equal(304);
        expect(unchanged.field('vary')).to.equal('Accept-Encoding, Origin');
        expect(unchanged.field(ALLOWED)).to.equal(ORIGIN);
        expect((await server.get('/large.bin')).field('vary')).to.equal('Origin');
      });

      it('answer a preflight', async () => {
        const asks = {
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': 'range, x-own',
        };
        const response = await server.request('OPTIONS', '/a.txt', { Origin: ORIGIN, ...asks });
        expect(response.status).to.equal(200);
        expect(response.field(ALLOWED)).to.equal(ORIGIN);
        expect(response.field('access-control-allow-methods')).to.equal('GET, HEAD, OPTIONS');
        expect(response.field('access-control-allow-headers')).to.equal('range, x-own');
        const refused = await server.request('OPTIONS', '/a.txt', {
          Origin: 'https://evil.example',
          ...asks,
        });
        expect(refused.field(ALLOWED)).to.equal(undefined);
      });
    });
  });

  it('say how long a response took, and what the cache did, when asked for', async () => {
    const server = await TestServer.start({
      settings: { SERVER_TIMING: 'on', NUM_WORKERS: '1', CACHE_REVALIDATE_MS: '3600000' },
    });
    try {
      server.site.file('a.txt', 'alpha');
      server.site.file('large.bin', Buffer.alloc(1_500_000));
      for (const [target, state] of [
        ['/a.txt', 'MISS'],
        ['/a.txt', 'HIT'],
        ['/large.bin', 'MISS'],
        ['/large.bin', 'HIT'],
        ['/none', 'MISS'],
      ] as const) {
        const response = await server.get(target);
        expect(response.field('server-timing'), target).to.match(
          new RegExp(`^cache;desc=${state}, total;dur=\\d+\\.\\d\\d$`),
        );
        expect(response.field('x-cache'), target).to.equal(state);
      }
      expect((await server.request('POST', '/')).field('server-timing')).to.match(/^total;dur=\d+\.\d\d$/);
    } finally {
      await server.stop();
    }
  });
});
