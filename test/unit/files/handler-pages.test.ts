import { expect } from 'chai';
import { foundFile } from '../../helpers/fake-tasks.js';
import { HandlerBench } from '../../helpers/handler-bench.js';
import { fieldOf, textOf } from '../../helpers/replies.js';

const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const SCRIPT = { Accept: '*/*' };

describe('files/handler: pages for what is not there', () => {
  describe('a single-page application', () => {
    let bench: HandlerBench;

    beforeEach(() => {
      bench = new HandlerBench({ spa: '/index.html', errorPages: [{ status: 404, path: '/404.html' }] });
      bench.tasks.found.set('/index.html', foundFile('/index.html', '<app>'));
      bench.tasks.found.set('/404.html', foundFile('/404.html', '<lost>'));
    });

    it('is sent to a client that opens a page', async () => {
      const reply = await bench.get('/users/7', HTML);
      expect([reply.status, textOf(reply)]).to.deep.equal([200, '<app>']);
      expect(fieldOf(reply, 'etag')).to.equal('"/index.html-1"');
    });

    it('is not sent where a script or an image is missing', async () => {
      const reply = await bench.get('/app.js', SCRIPT);
      expect([reply.status, textOf(reply)]).to.deep.equal([404, '<lost>']);
      expect((await bench.get('/app.js')).status).to.equal(404);
    });

    it('is one answer of several, whatever it is', async () => {
      for (const [target, accept, vary] of [
        ['/users/7', HTML, 'Accept, Accept-Encoding'],
        ['/users/7', SCRIPT, 'Accept'],
        ['/index.html', HTML, 'Accept-Encoding'],
      ] as const) {
        expect(fieldOf(await bench.get(target, accept), 'vary'), target).to.equal(vary);
      }
    });

    it('knows conditions and HEAD', async () => {
      expect((await bench.get('/x', { ...HTML, 'If-None-Match': '"/index.html-1"' })).status).to.equal(304);
      expect(await bench.head('/x', HTML)).to.deep.include({ status: 200, body: null });
    });

    it('that is missing itself is 404', async () => {
      bench.tasks.found.delete('/index.html');
      expect((await bench.get('/x', HTML)).status).to.equal(404);
    });

    it('is found where clean URLs put it', async () => {
      bench.tasks.found.set('/index.html', { kind: 'redirect', location: '/' });
      bench.tasks.found.set('/', foundFile('/index.html', '<clean app>'));
      const reply = await bench.get('/x', HTML);
      expect([reply.status, textOf(reply)]).to.deep.equal([200, '<clean app>']);
    });
  });

  describe('the site’s own error page', () => {
    let bench: HandlerBench;

    beforeEach(() => {
      bench = new HandlerBench({
        errorPages: [
          { status: 404, path: '/404.html' },
          { status: 500, path: '/500.html' },
        ],
      });
      bench.tasks.found.set('/404.html', foundFile('/404.html', '<lost>'));
      bench.tasks.found.set('/500.html', foundFile('/500.html', '<broken>'));
    });

    it('has the error’s status, and nothing that belongs to the page', async () => {
      const reply = await bench.get('/none', HTML);
      expect([reply.status, textOf(reply), fieldOf(reply, 'content-length')]).to.deep.equal([
        404,
        '<lost>',
        '6',
      ]);
      expect(fieldOf(reply, 'content-type')).to.equal('text/html; charset=utf-8');
      for (const name of ['etag', 'last-modified', 'accept-ranges'])
        expect(fieldOf(reply, name)).to.equal(undefined);
    });

    it('is there for methods that are not allowed or not known, which still say what is', async () => {
      for (const [method, status] of [
        ['POST', 405],
        ['BREW', 501],
      ] as const) {
        const own = new HandlerBench({ errorPages: [{ status, path: '/sorry.html' }] });
        own.tasks.found.set('/sorry.html', foundFile('/sorry.html', '<sorry>'));
        const reply = await own.ask('/x', HTML, method);
        expect([reply.status, textOf(reply)]).to.deep.equal([status, '<sorry>']);
        expect(fieldOf(reply, 'allow')).to.equal('GET, HEAD, OPTIONS');
      }
    });

    it('is found in either form of Unicode', async () => {
      const own = new HandlerBench({ errorPages: [{ status: 404, path: '/%C3%A9.html' }] });
      own.tasks.found.set('/e%CC%81.html', foundFile('/e\u0301.html', '<decomposed>'));
      expect(textOf(await own.get('/none'))).to.equal('<decomposed>');
    });

    it('is sent whatever the conditions and ranges were', async () => {
      const reply = await bench.get('/none', { 'If-None-Match': '*', Range: 'bytes=0-0' });
      expect([reply.status, textOf(reply)]).to.deep.equal([404, '<lost>']);
    });

    it('is for who accepts HTML, which its answers say', async () => {
      for (const accept of ['text/html', 'application/json']) {
        expect(fieldOf(await bench.get('/none', { Accept: accept }), 'vary')).to.equal('Accept');
      }
      const plain = new HandlerBench();
      expect(fieldOf(await plain.get('/none', HTML), 'vary')).to.equal(undefined);
    });

    it('is not for HEAD, nor for who accepts no HTML', async () => {
      expect(await bench.head('/none')).to.deep.include({ status: 404, body: null });
      expect(textOf(await bench.get('/none', { Accept: 'application/json' }))).to.not.include('<lost>');
    });

    it('is replaced when the file changes', async () => {
      await bench.get('/none');
      bench.tasks.found.set('/404.html', foundFile('/404.html', '<gone>', 2));
      bench.pass(2000);
      expect(textOf(await bench.get('/none'))).to.equal('<gone>');
    });

    it('is not waited for when the disk fails altogether', async () => {
      bench.tasks.found.set('/x', { kind: 'failed', reason: 'EIO' });
      expect(textOf(await bench.get('/x'))).to.equal('<broken>');
      bench.tasks.found.set('/500.html', { kind: 'failed', reason: 'EIO' });
      bench.pass(2000);
      const reply = await bench.get('/x');
      expect([reply.status, textOf(reply).includes('500')]).to.deep.equal([500, true]);
    });
  });

  describe('pages of the server itself', () => {
    it('are not counted, and not cached', async () => {
      const bench = new HandlerBench();
      for (let i = 0; i < 2; i++) {
        expect(await bench.get('/healthz')).to.include({ status: 200, monitoring: true, cache: '' });
      }
      expect(await bench.head('/healthz')).to.deep.include({ status: 200, body: null });
      expect(bench.tasks.lookups).to.deep.equal([]);
    });

    it('come behind those of the site', async () => {
      const bench = new HandlerBench();
      expect(await bench.get('/stats.json')).to.include({ status: 503, monitoring: true });
      bench.tasks.found.set('/stats.json', foundFile('/stats.json', '{"mine":1}'));
      bench.pass(2000);
      const reply = await bench.get('/stats.json');
      expect([reply.status, textOf(reply), reply.monitoring ?? false]).to.deep.equal([
        200,
        '{"mine":1}',
        false,
      ]);
    });
  });
});

describe('files/handler: origins', () => {
  const ORIGIN = 'https://a.example';
  const PREFLIGHT = {
    Origin: ORIGIN,
    'Access-Control-Request-Method': 'GET',
    'Access-Control-Request-Headers': 'Range',
  };

  function serve(cors: readonly string[]): HandlerBench {
    const bench = new HandlerBench({ rules: { cors } });
    bench.tasks.found.set('/a.txt', foundFile('/a.txt', 'text'));
    return bench;
  }

  const allowed = 'access-control-allow-origin';

  it('in a list get their own answer, which says that it depends on them', async () => {
    const bench = serve([ORIGIN, 'https://b.example']);
    for (let i = 0; i < 2; i++) {
      for (const origin of [ORIGIN, 'https://b.example', 'https://evil.example', undefined]) {
        const reply = await bench.get('/a.txt', { Origin: origin });
        const isListed = origin === ORIGIN || origin === 'https://b.example';
        expect(fieldOf(reply, allowed)).to.equal(isListed ? origin : undefined);
        expect(fieldOf(reply, 'vary')).to.equal('Accept-Encoding, Origin');
      }
    }
  });

  it('get it on errors, parts and 304 too', async () => {
    const bench = serve([ORIGIN]);
    const conditions = [
      {},
      { Range: 'bytes=0-1' },
      { 'If-None-Match': '*' },
      { 'If-Match': '"x"' },
      { Range: 'bytes=99-' },
    ];
    for (const fields of conditions) {
      expect(fieldOf(await bench.get('/a.txt', { ...fields, Origin: ORIGIN }), allowed)).to.equal(ORIGIN);
    }
    expect(fieldOf(await bench.get('/none', { Origin: ORIGIN }), allowed)).to.equal(ORIGIN);
    for (const method of ['POST', 'BREW']) {
      expect(fieldOf(await bench.ask('/a.txt', { Origin: ORIGIN }, method), allowed)).to.equal(ORIGIN);
    }
  });

  it('get it once when any may read', async () => {
    const bench = serve(['*']);
    const conditions = [
      {},
      { Range: 'bytes=0-1' },
      { 'If-None-Match': '*' },
      { 'If-Match': '"x"' },
      { Range: 'bytes=99-' },
    ];
    for (let i = 0; i < 2; i++) {
      for (const fields of conditions) {
        expect(fieldOf(await bench.get('/a.txt', { ...fields, Origin: ORIGIN }), allowed)).to.equal('*');
      }
    }
    expect(fieldOf(await bench.get('/none'), allowed)).to.equal('*');
  });

  it('are told beforehand what they may ask', async () => {
    const reply = await serve([ORIGIN]).ask('/a.txt', PREFLIGHT, 'OPTIONS');
    expect([fieldOf(reply, allowed), fieldOf(reply, 'access-control-allow-headers')]).to.deep.equal([
      ORIGIN,
      'Range',
    ]);
    const refused = await serve([ORIGIN]).ask(
      '/a.txt',
      { ...PREFLIGHT, Origin: 'https://evil.example' },
      'OPTIONS',
    );
    expect(fieldOf(refused, allowed)).to.equal(undefined);
  });
});
