/** What of a request and a response goes through the proxy as it was, what it adds, and what it leaves out. */
import { expect } from 'chai';
import { RawOrigin, response } from '../helpers/raw-origin.js';
import { type RawRequest, sent } from '../helpers/raw-request.js';
import { type RelayedResponse, relayed, valuesOf } from '../helpers/relayed-response.js';
import { TestServer } from '../helpers/server.js';

describe('proxy: messages', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    origin = await RawOrigin.start();
    const below = origin.url;
    server = await TestServer.start({
      settings: {
        NUM_WORKERS: '1',
        PROXY: [`/api ${below}`, `/api/deep ${below}/else`, `/slash/ ${below}/`, `/base ${below}/v1/`],
      },
    });
    server.site.file('index.html', 'from here');
    server.site.file('apix.txt', 'also from here');
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(async () => {
    await origin.reset();
    origin.answers(() => response('there'));
  });

  /** Sends a head as it is, and returns what the origin got and what the client got. */
  async function pass(
    head: string,
    answer?: string,
  ): Promise<{ request: RawRequest; answer: RelayedResponse }> {
    if (answer !== undefined) origin.answers(() => answer);
    const client = await server.connect();
    client.send(head);
    const got = await relayed(client, head.slice(0, head.indexOf(' ')));
    client.destroy();
    expect(origin.requests, 'requests at the origin').to.have.lengthOf(1);
    return { request: origin.requests[0]!, answer: got };
  }

  const get = (target: string, fields = ''): string =>
    `GET ${target} HTTP/1.1\r\nHost: site.test\r\n${fields}\r\n`;

  for (const method of [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'BREW',
  ]) {
    it(`passes ${method}`, async () => {
      const { request, answer } = await pass(`${method} /api/x?q=%20 HTTP/1.1\r\nHost: site.test\r\n\r\n`);
      expect(request).to.include({ method, target: '/api/x?q=%20' });
      expect(request.body.length).to.equal(0);
      expect(answer.status).to.equal(200);
      expect(answer.body.toString()).to.equal(method === 'HEAD' ? '' : 'there');
      expect(valuesOf(answer, 'content-length')).to.deep.equal(['5']);
    });
  }

  for (const status of [200, 201, 206, 299, 301, 302, 307, 400, 401, 404, 418, 429, 500, 502, 503, 599]) {
    it(`passes status ${status}`, async () => {
      const { answer } = await pass(get('/api/'), response('as it is', '', `${status} Reason`));
      expect(answer.status).to.equal(status);
      expect(answer.body.toString()).to.equal('as it is');
    });
  }

  for (const status of ['999 No', '600 No', '099 No', '000 No']) {
    it(`answers 502 to a status that there is not: ${status}`, async () => {
      origin.answers(() => response('', '', status));
      expect((await server.get('/api/')).status).to.equal(502);
    });
  }

  it('passes the fields of a request: order, case, repetition, empty and obs-text values', async () => {
    const fields =
      'X-B: 1\r\nx-a: 2\r\nX-B: 3\r\nEmpty:\r\nX-Bytes: \xe4\xff\x80 "\xfc"\r\nCookie: a=b; c="d"\r\nX-Tab: a\tb\r\n' +
      'Accept: */*\r\nAuthorization: Basic eA==\r\nRange: bytes=0-1\r\nIf-None-Match: "x"\r\nUser-Agent: t\r\n';
    const { request } = await pass(get('/api/', fields));
    const own = [
      'host',
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-forwarded-host',
      'forwarded',
      'via',
      'connection',
    ];
    expect(request.lines.filter(([name]) => !own.includes(name.toLowerCase()))).to.deep.equal([
      ['X-B', '1'],
      ['x-a', '2'],
      ['X-B', '3'],
      ['Empty', ''],
      ['X-Bytes', '\xe4\xff\x80 "\xfc"'],
      ['Cookie', 'a=b; c="d"'],
      ['X-Tab', 'a\tb'],
      ['Accept', '*/*'],
      ['Authorization', 'Basic eA=='],
      ['Range', 'bytes=0-1'],
      ['If-None-Match', '"x"'],
      ['User-Agent', 't'],
    ]);
    expect(sent(request, 'host')).to.deep.equal([`127.0.0.1:${origin.port}`]);
  });

  it('passes the fields of a response: order, case, repetition, empty and obs-text values', async () => {
    const fields =
      'Server: origin/1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nset-cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n' +
      'X-Bytes: \xe4\xff\x80\r\nX-Empty:\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest\r\nETag: "x"\r\nAge: 3\r\n';
    const { answer } = await pass(get('/api/'), response('x', fields, '401 Who'));
    const own = ['via', 'cache-control', 'content-length', 'cache-status', 'x-cache'];
    expect(answer.lines.filter(([name]) => !own.includes(name.toLowerCase()))).to.deep.equal([
      ['Server', 'origin/1'],
      ['Date', 'Sun, 06 Nov 1994 08:49:37 GMT'],
      ['set-cookie', 'a=1'],
      ['Set-Cookie', 'b=2; Path=/'],
      ['X-Bytes', '\xe4\xff\x80'],
      ['X-Empty', ''],
      ['WWW-Authenticate', 'Basic'],
      ['WWW-Authenticate', 'Digest'],
      ['ETag', '"x"'],
      ['Age', '3'],
    ]);
  });

  it('gives a response without a date the date on which it came', async () => {
    const { answer } = await pass(get('/api/'));
    const [date, ...others] = valuesOf(answer, 'date');
    expect(others).to.deep.equal([]);
    expect(Math.abs(Date.parse(date!) - Date.now())).to.be.below(60_000);
    expect(valuesOf(answer, 'server')).to.deep.equal([]);
  });

  it('keeps what belongs to one connection, whether Connection names it or not', async () => {
    const fields =
      'Connection: keep-alive, X-Hop , x-other\r\nConnection: "X-Quoted", Content-Length, Host\r\nX-Hop: 1\r\nX-Other: 2\r\n' +
      'X-Kept: 3\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X\r\n' +
      'Proxy-Authorization: Basic eA==\r\nUpgrade: foo\r\n';
    const { request } = await pass(get('/api/', fields));
    const names = request.lines.map(([name]) => name.toLowerCase());
    expect(names).to.include.members(['host', 'x-kept']);
    for (const name of ['x-hop', 'x-other', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']) {
      expect(names).to.not.include(name);
    }
    expect(names).to.not.include('proxy-authorization');
    expect(sent(request, 'connection')).to.deep.equal(['keep-alive']);
  });

  it('keeps what belongs to the connection with the origin', async () => {
    const fields =
      'Connection: close, X-Hop, Set-Cookie\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n' +
      'Trailer: X\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nSet-Cookie: kept=1\r\nX-Kept: 1\r\n';
    const { answer } = await pass(get('/api/'), response('x', fields));
    const ofTheCache = ['cache-status', 'x-cache'];
    const names = answer.lines
      .map(([name]) => name.toLowerCase())
      .filter((name) => !ofTheCache.includes(name));
    expect(names).to.have.members(['cache-control', 'set-cookie', 'x-kept', 'content-length', 'date', 'via']);
  });

  it('tells the origin who asks, and for what', async () => {
    const { request } = await pass(get('/api/'));
    expect(sent(request, 'x-forwarded-for')).to.deep.equal(['127.0.0.1']);
    expect(sent(request, 'x-forwarded-proto')).to.deep.equal(['http']);
    expect(sent(request, 'x-forwarded-host')).to.deep.equal(['site.test']);
    expect(sent(request, 'forwarded')).to.deep.equal(['for=127.0.0.1;host="site.test";proto=http']);
    expect(sent(request, 'via')[0]).to.match(/^1\.1 handover-[\da-f]{8}$/);
  });

  it('stands behind the proxies that a request has passed before', async () => {
    const fields =
      'X-Forwarded-For: 192.0.2.1\r\nx-forwarded-for: 192.0.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: lie\r\n' +
      'Forwarded: for=192.0.2.1;host=lie\r\nVia: 1.0 before\r\nConnection: Via, Forwarded\r\n';
    const { request } = await pass(get('/api/', fields));
    expect(sent(request, 'x-forwarded-for')).to.deep.equal(['192.0.2.1, 192.0.2.2, 127.0.0.1']);
    expect(sent(request, 'x-forwarded-proto')).to.deep.equal(['http']);
    expect(sent(request, 'x-forwarded-host')).to.deep.equal(['site.test']);
    expect(sent(request, 'forwarded')[0]).to.match(
      /^for=192\.0\.2\.1;host=lie, for=127\.0\.0\.1;host="site\.test"/,
    );
    expect(sent(request, 'via')[0]).to.match(/^1\.0 before, 1\.1 handover-/);
  });

  it('lets nobody say with underscores what only the proxy says', async () => {
    const fields =
      'X_Forwarded_For: 192.0.2.1\r\nX_FORWARDED-PROTO: https\r\nContent_Length: 7\r\nx_mine: kept\r\n';
    const { request } = await pass(get('/api/', fields));
    const odd = request.lines.filter(([name]) => name.includes('_')).map(([name]) => name);
    expect(odd).to.deep.equal(['x_mine']);
  });

  it('says in Via what a client of HTTP/1.0 speaks, and of whom no Host is known', async () => {
    const { request } = await pass('GET /api/ HTTP/1.0\r\n\r\n');
    expect(sent(request, 'via')[0]).to.match(/^1\.0 handover-/);
    expect(sent(request, 'x-forwarded-host')).to.deep.equal([]);
    expect(sent(request, 'forwarded')).to.deep.equal(['for=127.0.0.1;proto=http']);
  });

  it('answers 508 to a request that comes round again', async () => {
    const { request, answer } = await pass(get('/api/'));
    const via = sent(request, 'via')[0]!;
    expect(valuesOf(answer, 'via')).to.deep.equal([via]);
    const again = await server.get('/api/', { Via: `1.1 a, ${via}, 1.1 b` });
    expect(again.status).to.equal(508);
    expect(origin.requests).to.have.lengthOf(1);
    const loop = await server.get('/api/', { via, Connection: 'close, via' });
    expect(loop.status).to.equal(508);
  });

  for (const method of ['OPTIONS', 'TRACE']) {
    it(`passes ${method} on as often as Max-Forwards says`, async () => {
      for (const [value, expected] of [
        ['1', '0'],
        ['010', '9'],
        ['9999999999999999999999', '999999998'],
        ['-1', '-1'],
        ['x', 'x'],
        ['', ''],
      ]) {
        await origin.reset();
        origin.answers(() => response('there'));
        const { request } = await pass(
          `${method} /api/x HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${value}\r\n\r\n`,
        );
        expect(sent(request, 'max-forwards')).to.deep.equal([expected]);
      }
      await origin.reset();
      const { status, head } = await server.request(method, '/api/x', { 'Max-Forwards': '0' });
      expect(status).to.equal(method === 'OPTIONS' ? 200 : 405);
      expect(head).to.match(/^Allow: GET, HEAD, OPTIONS\r$/m);
      expect(origin.requests).to.have.lengthOf(0);
    });
  }

  it('passes a GET on, whatever Max-Forwards says', async () => {
    const { request } = await pass(get('/api/x', 'Max-Forwards: 0\r\n'));
    expect(sent(request, 'max-forwards')).to.deep.equal(['0']);
  });

  for (const [target, expected] of [
    ['/api', '/api'],
    ['/api?a=b?c&d', '/api?a=b?c&d'],
    ['/api/', '/api/'],
    ['/api//x//', '/api//x//'],
    ['/api/%41%2f%zz\xe4|"<>', '/api/%41%2f%zz\xe4|"<>'],
    ['/api/./a/../b', '/api/b'],
    ['/x/../api/y', '/api/y'],
    ['/x/%2E%2e/api/.%2e/api/z', '/api/z'],
    ['/%61pi', '/api'],
    ['//api//%61?q', '/api//%61?q'],
    ['/x//../api/y', '/api/y'],
    ['/api/%64eep/x', '/else/x'],
    ['/%62ase//a', '/v1//a'],
    ['/base/a%2fb', '/v1/a%2fb'],
    ['/api/deep/x', '/else/x'],
    ['/api/deep', '/else'],
    ['/api/deeper', '/api/deeper'],
    ['/api/deep?q', '/else?q'],
    ['/slash/x', '/x'],
    ['/slash/', '/'],
    ['/base', '/v1/'],
    ['/base/a/', '/v1/a/'],
    ['http://site.test/api/y?z', '/api/y?z'],
    ['http://site.test/base/../api?z', '/api?z'],
  ] as const) {
    it(`asks for ${expected} where a client asks for ${target}`, async () => {
      const { request } = await pass(get(target));
      expect(request.target).to.equal(expected);
    });
  }

  for (const target of [
    '/apix.txt',
    '/api/../apix.txt',
    '/api/%2e%2E/apix.txt',
    '/x/../apix.txt',
    '/slash',
    '/api%2fx',
    '/base/../%61pix.txt',
    '/base//../apix.txt',
    '/base/..%2fapi',
    '/base/x%2f..%2f..%2fapi',
    '/base/..%5capi',
    '/base/..\\api',
    '/base/%2e%2e%2fapi',
  ]) {
    it(`keeps ${target} from the origin`, async () => {
      const { status } = await server.get(target);
      expect([200, 301, 308, 400, 404]).to.include(status);
      expect(origin.requests).to.have.lengthOf(0);
    });
  }

  it('takes the host of an absolute-form target before that of Host', async () => {
    const { request } = await pass('GET http://real.test:81/api/ HTTP/1.1\r\nHost: other.test\r\n\r\n');
    expect(sent(request, 'x-forwarded-host')).to.deep.equal(['real.test:81']);
    expect(sent(request, 'forwarded')[0]).to.include('host="real.test:81"');
  });

  it('serves everything else from the document root', async () => {
    expect((await server.get('/')).text).to.equal('from here');
    expect((await server.get('/apix.txt')).text).to.equal('also from here');
    expect((await server.request('OPTIONS', '*')).status).to.be.below(500);
    expect((await server.request('CONNECT', '127.0.0.1:1')).status).to.be.within(400, 501);
    expect(origin.connections).to.have.lengthOf(0);
  });
});
