/** How a site hangs together: index files, redirects, clean URLs, single-page applications, error pages. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ConfSettings, TestServer } from '../helpers/server.js';

const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('a site', () => {
  let server: TestServer;

  /** One server for the tests of a group. */
  const serves = (settings: ConfSettings, files: Readonly<Record<string, string>>) => {
    before(async () => {
      server = await TestServer.start({ settings: { CACHE_REVALIDATE_MS: '0', ...settings } });
      for (const [name, content] of Object.entries(files)) server.site.file(name, content);
    });
    after(() => server?.stop());
  };
  const get: TestServer['get'] = (...request) => server.get(...request);
  const head: TestServer['get'] = (target, fields) => server.request('HEAD', target, fields);

  const expectRedirect = async (target: string, location: string) => {
    const response = await get(target);
    expect(response.status, target).to.equal(301);
    expect(response.field('location'), target).to.equal(location);
    expect(response.field('cache-control'), target).to.equal('no-cache');
  };

  describe('with directories and error pages', () => {
    serves(
      {
        INDEX_FILES: 'first.html second.txt',
        ERROR_PAGE: ['404 /errors/lost%20page.html', '400 /errors/bad.html'],
      },
      {
        'first.html': 'root',
        'both/first.html': 'first',
        'both/second.txt': 'second',
        'one/second.txt': 'second',
        'none/index.html': 'not asked for',
        'a b/ü/first.html': 'x',
        'evil.com/first.html': 'x',
        'q?#%/x': 'x',
        'errors/lost page.html': 'lost',
        'errors/bad.html': 'bad',
      },
    );

    it('answers for a directory with its index file, by the order of the settings', async () => {
      expect((await get('/')).text).to.equal('root');
      expect((await get('/both/')).text).to.equal('first');
      const second = await get('/one/?query');
      expect(second.text).to.equal('second');
      expect(second.field('content-type')).to.equal('text/plain; charset=utf-8');
    });

    it('does not list a directory without one, unless that is switched on', async () => {
      for (const accept of ['application/json', 'text/html']) {
        const response = await get('/none/', { Accept: accept });
        expect(response.status).to.equal(404);
        expect(response.text).not.to.include('index.html');
      }
    });

    it('redirects to the proper path of a directory, with the query, never to another host', async () => {
      server.site.link('link', 'both');
      await expectRedirect('/both', '/both/');
      await expectRedirect('/both?a=1&b=%20', '/both/?a=1&b=%20');
      await expectRedirect('/both?', '/both/?');
      await expectRedirect('/both?next=//evil.com', '/both/?next=//evil.com');
      await expectRedirect('/both?caf\xc3\xa9', '/both/?caf%C3%A9');
      await expectRedirect('/a%20b/%c3%bc', '/a%20b/%C3%BC/');
      await expectRedirect('/q%3F%23%25', '/q%3F%23%25/');
      await expectRedirect('//evil.com', '/evil.com/');
      await expectRedirect('///evil.com?x', '/evil.com/?x');
      await expectRedirect('/./evil.com', '/evil.com/');
      await expectRedirect('/both/../evil.com', '/evil.com/');
      await expectRedirect('/both/..//evil.com', '/evil.com/');
      await expectRedirect('/link', '/link/');
      await expectRedirect('http://other.host/both?x', '/both/?x');
    });

    it('answers HEAD with the redirect too', async () => {
      expect((await head('/both')).field('location')).to.equal('/both/');
    });

    it('has no directory under the name of a file', async () => {
      expect((await get('/one/second.txt/')).status).to.equal(404);
    });

    it('sends its own error pages, with the status of the error', async () => {
      for (const fields of [HTML, {}]) {
        const lost = await get('/nothing', fields);
        expect(lost).to.include({ status: 404, text: 'lost' });
        expect(lost.field('content-type')).to.equal('text/html; charset=utf-8');
        expect(lost.field('x-content-type-options')).to.equal('nosniff');
        expect(lost.field('etag'), 'an error has no validators').to.equal(undefined);
      }
      expect((await get('/%zz', HTML)).text).to.equal('bad');
      expect((await head('/nothing', HTML)).field('content-length')).to.equal('4');
    });

    it('sends a short one to whoever does not take HTML', async () => {
      expect((await get('/nothing', { Accept: 'application/json' })).text).to.include('404 Not Found');
    });

    it('does not turn an error into a part of one, or a 304', async () => {
      for (const fields of [{ Range: 'bytes=0-1' }, { 'If-None-Match': '*' }]) {
        expect(await get('/nothing', { ...HTML, ...fields })).to.include({ status: 404, text: 'lost' });
      }
    });
  });

  describe('with clean URLs', () => {
    serves(
      { CLEAN_URLS: 'on' },
      {
        'index.html': 'home',
        '404.html': 'lost',
        'about.html': 'about',
        'docs/index.html': 'docs',
        'docs/intro.html': 'intro',
        'both.html': 'page of the name',
        'both/index.html': 'directory of the name',
        'taken.html': 'page',
        taken: 'file without extension',
        'page.htm': 'not html',
      },
    );

    it('serves a page without its ending', async () => {
      const about = await get('/about');
      expect(about).to.include({ status: 200, text: 'about' });
      expect(about.field('content-type')).to.equal('text/html; charset=utf-8');
      expect((await get('/docs/intro')).text).to.equal('intro');
      expect((await get('/docs/')).text).to.equal('docs');
      expect((await get('/')).text).to.equal('home');
      expect((await get('/page.htm')).text).to.equal('not html');
    });

    it('has each page under one path, and redirects there with the query', async () => {
      await expectRedirect('/about.html', '/about');
      await expectRedirect('/about.html?a=1&b=2', '/about?a=1&b=2');
      await expectRedirect('/index.html?x', '/?x');
      await expectRedirect('/index', '/');
      await expectRedirect('/docs/index.html', '/docs/');
      await expectRedirect('/docs', '/docs/');
      await expectRedirect('//about.html', '/about');
    });

    it('tells a page from a directory and a file of the same name', async () => {
      expect((await get('/both')).text).to.equal('page of the name');
      expect((await get('/both/')).text).to.equal('directory of the name');
      expect((await get('/taken')).text).to.equal('file without extension');
      expect((await get('/taken.html')).text).to.equal('page');
    });

    it('sends the error page, which has a clean URL too', async () => {
      for (const target of ['/about/', '/nothing.html', '/nothing']) {
        expect(await get(target, HTML), target).to.include({ status: 404, text: 'lost' });
      }
    });
  });

  for (const cleanUrls of ['off', 'on']) {
    describe(`of a single page, with clean URLs ${cleanUrls}`, () => {
      const app = '<app>'.repeat(500);
      serves(
        { SPA: 'on', CLEAN_URLS: cleanUrls },
        { 'index.html': app, 'app.js': 'script', '.env': 'secret' },
      );

      it('sends it for what is not found, to whoever asks for HTML', async () => {
        for (const target of ['/users/42', '/users/42/', '/a/b?c=d', '/looks.like/a.file']) {
          const response = await get(target, HTML);
          expect(response, target).to.include({ status: 200, text: app });
          expect(response.field('content-type')).to.equal('text/html; charset=utf-8');
          expect(response.field('cache-control')).to.equal('no-cache');
          expect((await head(target, HTML)).status).to.equal(200);
        }
        expect((await get('/app.js', HTML)).text).to.equal('script');
      });

      it('does not send it for a script, an image or data that is missing', async () => {
        for (const accept of ['*/*', 'image/*', 'application/json', 'text/html;q=0']) {
          expect((await get('/missing', { Accept: accept })).status, accept).to.equal(404);
        }
        const missing = await get('/missing');
        expect(missing.status).to.equal(404);
        expect(missing.text, 'there is no error page here').to.include('404 Not Found');
      });

      it('does not take it for what is malformed, hidden or to be changed', async () => {
        expect((await get('/%zz', HTML)).status).to.equal(400);
        expect((await get('/.env', HTML)).text).to.equal(app);
        expect((await server.request('POST', '/users', HTML)).status).to.equal(405);
      });

      it('negotiates and revalidates it like any page', async () => {
        const fields = { ...HTML, 'Accept-Encoding': 'gzip' };
        const packed = await get('/users/1', fields);
        expect(packed.field('content-encoding')).to.equal('gzip');
        const again = await get('/users/2', { ...fields, 'If-None-Match': packed.field('etag')! });
        expect(again.status).to.equal(304);
      });

      it('answers 404 when the page itself is gone', async () => {
        await rm(join(server.site.root, 'index.html'));
        expect((await get('/users', HTML)).status).to.equal(404);
      });
    });
  }
});
