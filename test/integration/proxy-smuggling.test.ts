/**
 * Between client and origin: what reaches the origin is one well-formed request, or none, whatever the client
 * sends; and what reaches the client is one well-formed response, whatever the origin sends.
 */
import { expect } from 'chai';
import { withoutDots } from '../../src/proxy/route.js';
import { type CorpusFile, DEFAULT_LIMITS, fromEscaped, readCorpus } from '../helpers/corpus.js';
import { startProxied } from '../helpers/proxied.js';
import { type RawOrigin, response } from '../helpers/raw-origin.js';
import { type RawRequest, sent } from '../helpers/raw-request.js';
import { relayed, valuesOf } from '../helpers/relayed-response.js';
import type { TestServer } from '../helpers/server.js';

const HIDDEN = 'GET /hidden HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n';
const POST = 'POST /x HTTP/1.1\\r\\nHost: a\\r\\n';

/** What a client sends (escaped as in the corpus), and the targets of the requests that are in it to everybody. */
const TRICKS: readonly (readonly [what: string, bytes: string, targets: readonly string[]])[] = [
  ['CL.TE', `${POST}Content-Length: 6\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n${HIDDEN}`, []],
  [
    'TE.CL',
    `${POST}Transfer-Encoding: chunked\\r\\nContent-Length: 4\\r\\n\\r\\n2c\\r\\n${HIDDEN}\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  ['CL.CL', `${POST}Content-Length: 0\\r\\nContent-Length: 44\\r\\n\\r\\n${HIDDEN}`, []],
  ['CL.CL alike', `${POST}Content-Length: 3\\r\\nContent-Length: 3\\r\\n\\r\\nabc`, []],
  ['CL list', `${POST}Content-Length: 3, 3\\r\\n\\r\\nabc`, []],
  ['CL signed', `${POST}Content-Length: +3\\r\\n\\r\\nabc`, []],
  ['CL hex', `${POST}Content-Length: 0x3\\r\\n\\r\\nabc`, []],
  ['CL octal', `${POST}Content-Length: 010\\r\\n\\r\\n12345678${HIDDEN}`, undefined!],
  ['CL with white space within', `${POST}Content-Length: 1 3\\r\\n\\r\\nabc`, []],
  ['CL empty', `${POST}Content-Length: \\r\\n\\r\\n${HIDDEN}`, []],
  ['CL huge', `${POST}Content-Length: 18446744073709551619\\r\\n\\r\\nabc${HIDDEN}`, []],
  ['CL negative', `${POST}Content-Length: -1\\r\\n\\r\\n${HIDDEN}`, []],
  ['CL with underscore', `${POST}Content_Length: 44\\r\\n\\r\\n${HIDDEN}`, ['/x', '/hidden']],
  ['CL with space before the colon', `${POST}Content-Length : 44\\r\\n\\r\\n${HIDDEN}`, []],
  ['CL on a folded line', `${POST}X: y\\r\\n Content-Length: 44\\r\\n\\r\\n${HIDDEN}`, []],
  ['CL behind a bare LF', `${POST}X: y\\nContent-Length: 44\\r\\n\\r\\n${HIDDEN}`, []],
  ['CL behind a bare CR', `${POST}X: y\\rContent-Length: 44\\r\\n\\r\\n${HIDDEN}`, []],
  ['CL behind a NUL', `${POST}X: y\\0Content-Length: 44\\r\\n\\r\\n${HIDDEN}`, []],
  [
    'CL named in Connection',
    `${POST}Connection: Content-Length\\r\\nContent-Length: 3\\r\\n\\r\\nabc`,
    ['/x'],
  ],
  ['GET with CL', `GET /x HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 33\\r\\n\\r\\n${HIDDEN}`, undefined!],
  ['HEAD with CL', 'HEAD /x HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 3\\r\\n\\r\\nabc', ['/x']],
  [
    'TE.TE',
    `${POST}Transfer-Encoding: chunked\\r\\nTransfer-Encoding: identity\\r\\n\\r\\n0\\r\\n\\r\\n${HIDDEN}`,
    [],
  ],
  ['TE cow', `${POST}Transfer-Encoding: cow\\r\\nContent-Length: 3\\r\\n\\r\\nabc`, []],
  ['TE twice chunked', `${POST}Transfer-Encoding: chunked, chunked\\r\\n\\r\\n0\\r\\n\\r\\n`, []],
  ['TE quoted', `${POST}Transfer-Encoding: "chunked"\\r\\n\\r\\n0\\r\\n\\r\\n`, []],
  ['TE with a vertical tab', `${POST}Transfer-Encoding: \\x0bchunked\\r\\n\\r\\n0\\r\\n\\r\\n`, []],
  ['TE with tab', `${POST}Transfer-Encoding:\\tchunked\\r\\n\\r\\n0\\r\\n\\r\\n${HIDDEN}`, ['/x', '/hidden']],
  [
    'TE with space before the colon',
    `${POST}Transfer-Encoding : chunked\\r\\n\\r\\n0\\r\\n\\r\\n${HIDDEN}`,
    [],
  ],
  [
    'TE with underscore',
    `${POST}Transfer_Encoding: chunked\\r\\nContent-Length: 5\\r\\n\\r\\n0\\r\\n\\r\\n`,
    ['/x'],
  ],
  ['TE in HTTP/1.0', 'POST /x HTTP/1.0\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n', []],
  [
    'TE named in Connection',
    `${POST}Connection: Transfer-Encoding\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\n\\r\\n`,
    ['/x'],
  ],
  ['TE, obs-folded', `${POST}Transfer-Encoding:\\r\\n chunked\\r\\n\\r\\n0\\r\\n\\r\\n${HIDDEN}`, []],
  [
    'chunk size with a sign',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n+3\\r\\nabc\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  ['chunk size 0x', `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n0x3\\r\\nabc\\r\\n0\\r\\n\\r\\n`, []],
  [
    'chunk size overflow',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n10000000000000003\\r\\nabc\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  [
    'chunk size behind white space',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n 3\\r\\nabc\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  [
    'chunk ends with a bare LF',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3\\nabc\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  ['chunk data too long', `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabcd\\r\\n0\\r\\n\\r\\n`, []],
  [
    'chunk ends with a bare CR',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r0\\r\\n\\r\\n`,
    [],
  ],
  [
    'extension with a bare LF',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3;\\nabc\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  [
    'extension with a bare CR',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3;a\\rb\\r\\nabc\\r\\n0\\r\\n\\r\\n`,
    [],
  ],
  [
    'extension with quoted CRLF',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3;a="\\r\\nabc\\r\\n0\\r\\n\\r\\n${HIDDEN}`,
    ['/x', '/hidden'],
  ],
  [
    'trailers that frame',
    `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\nContent-Length: 44\\r\\nHost: b\\r\\n\\r\\n${HIDDEN}`,
    ['/x', '/hidden'],
  ],
  ['trailer folded', `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\nX: a\\r\\n b\\r\\n\\r\\n`, []],
  ['no end of chunks', `${POST}Transfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n`, []],
  ['two Hosts', 'GET /x HTTP/1.1\\r\\nHost: a\\r\\nHost: b\\r\\n\\r\\n', []],
  ['no Host', 'GET /x HTTP/1.1\\r\\n\\r\\n', []],
  ['Host with a path', 'GET /x HTTP/1.1\\r\\nHost: a/b\\r\\n\\r\\n', []],
  ['Host with a user', 'GET /x HTTP/1.1\\r\\nHost: a@b\\r\\n\\r\\n', []],
  ['target with a space', 'GET /x HTTP/1.1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['target with a tab', 'GET /x\\tHTTP/1.1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['target with CR', 'GET /x\\rY: z HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['target with NUL', 'GET /x\\0 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  [
    'target with escaped CRLF',
    'GET /x%0d%0aHost:%20b HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n',
    ['/x%0d%0aHost:%20b'],
  ],
  ['target with a fragment', 'GET /x#y HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['absolute-form elsewhere', 'GET ftp://b/x HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['absolute-form with a user', 'GET http://a@b/x HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['HTTP/0.9', 'GET /x\\r\\n\\r\\n', []],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n', []],
  ['line that begins with a space', ' GET /x HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', []],
  ['first header line that begins with a space', 'GET /x HTTP/1.1\\r\\n Host: a\\r\\n\\r\\n', []],
  [
    'Upgrade with a request behind',
    `GET /x HTTP/1.1\\r\\nHost: a\\r\\nConnection: upgrade\\r\\nUpgrade: foo\\r\\n\\r\\n${HIDDEN}`,
    ['/x', '/hidden'],
  ],
  [
    'Expect with a request as its body',
    `${POST}Expect: 100-continue\\r\\nContent-Length: 33\\r\\n\\r\\n${HIDDEN}`,
    undefined!,
  ],
];

/** What comes from an origin behind a status line, and how the client may see it. */
const SPLITTING: readonly (readonly [what: string, fields: string, status: 200 | 502])[] = [
  ['a bare LF in a value', 'X: a\\nSet-Cookie: evil=1\\r\\n', 502],
  ['a bare CR in a value', 'X: a\\rSet-Cookie: evil=1\\r\\n', 502],
  ['a folded value', 'X: a\\r\\n Set-Cookie: evil=1\\r\\n', 502],
  ['a value folded with a tab', 'X: a\\r\\n\\tSet-Cookie: evil=1\\r\\n', 502],
  ['a NUL in a value', 'X: a\\0b\\r\\n', 502],
  ['a control character in a value', 'X: a\\x01b\\r\\n', 502],
  ['DEL in a value', 'X: a\\x7fb\\r\\n', 502],
  ['a space in a name', 'Set Cookie: evil=1\\r\\n', 502],
  ['a space before the colon', 'X : a\\r\\n', 502],
  ['no colon', 'nonsense\\r\\n', 502],
  ['NEL and other obs-text', 'X: a\\x85\\xa0\\xad\\r\\n', 200],
];

describe('proxy: smuggling', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    ({ origin, server } = await startProxied());
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });
  beforeEach(async () => {
    await origin.reset();
    origin.answers(() => response('ok'));
  });

  /** Sends bytes and nothing more; returns the requests at the origin, each of them and all bytes well-formed. */
  async function pass(bytes: Buffer): Promise<RawRequest[]> {
    const client = await server.connect();
    client.send(bytes).finish();
    await client.rest();
    for (const { malformed, unread } of origin.connections) {
      if (malformed !== undefined) throw malformed;
      // What is not whole was cut, and has no end that could be mistaken for one.
      expect(unread.toString('latin1')).to.not.match(/\r\n0\r\n/);
    }
    return origin.requests;
  }

  for (const [what, bytes, targets] of TRICKS) {
    it(`lets no second request through: ${what}`, async () => {
      const requests = await pass(fromEscaped(bytes));
      const seen = requests.map(({ target }) => target);
      // Where none are named the body is a request, and one request with a body is all that there is.
      if (targets === undefined) {
        expect(seen[0]).to.equal('/x');
        expect(requests[0]!.body.toString().length).to.be.above(0);
      } else expect(seen).to.have.members(targets);
      for (const request of requests)
        expect(sent(request, 'host')).to.deep.equal([`127.0.0.1:${origin.port}`]);
    });
  }

  /** What the corpus says of a file: whole requests that are for an origin, up to the first mistake. */
  function forOrigin({ expected }: CorpusFile): string[] {
    const targets: string[] = [];
    for (const { target, complete = true, keepAlive = true, ...parts } of expected.requests) {
      const mark = target.indexOf('?');
      const path = parts.path ?? (mark < 0 ? target : target.slice(0, mark));
      const query = parts.query ?? (mark < 0 ? '' : target.slice(mark));
      if (complete && path.startsWith('/'))
        targets.push(fromEscaped(withoutDots(path) + query).toString('latin1'));
      if (!complete || !keepAlive) break;
    }
    return targets;
  }

  for (const kind of ['valid', 'invalid'] as const) {
    it(`passes on of the corpus (${kind}) what is whole in it, and nothing else`, async () => {
      for (const file of readCorpus(kind).filter(({ limits }) => limits === DEFAULT_LIMITS)) {
        await origin.reset();
        origin.answers(() => response('ok'));
        const requests = await pass(file.bytes);
        const seen = requests.map(({ target }) => target);
        expect(seen, file.name).to.have.members(forOrigin(file));
      }
    });
  }

  for (const [what, fields, status] of SPLITTING) {
    it(`lets no second response through: ${what}`, async () => {
      const head = 'HTTP/1.1 200 OK\\r\\nCache-Control: no-store\\r\\n';
      origin.answers(() => fromEscaped(`${head}${fields}Content-Length: 2\\r\\n\\r\\nok`));
      const client = await server.connect();
      client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
      const got = await relayed(client);
      expect(got.status).to.equal(status);
      expect(valuesOf(got, 'set-cookie')).to.deep.equal([]);
      client.destroy();
    });
  }

  it('takes nothing that follows a response for the next one', async () => {
    origin.answers(({ target }) => response(target, '', '200 OK') + response('stolen', 'X-Evil: 1\r\n'));
    const client = await server.connect();
    for (let i = 0; i < 10; i++) {
      client.send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const got = await relayed(client);
      if (got.status === 200) expect(got.body.toString()).to.equal(`/${i}`);
      else expect(got.status).to.equal(502);
    }
    client.destroy();
  });

  it('takes no body of a response to HEAD, 204 or 304 for the next response', async () => {
    for (const [method, status] of [
      ['HEAD', '200 OK'],
      ['GET', '204 None'],
      ['GET', '304 Same'],
    ] as const) {
      const evil = response('stolen', 'X-Evil: 1\r\n');
      origin.answers(({ target }) =>
        target === '/first'
          ? `HTTP/1.1 ${status}\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`
          : response('own'),
      );
      const client = await server.connect();
      client.send(`${method} /first HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await relayed(client, method)).body.length).to.equal(0);
      client.send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
      const got = await relayed(client);
      if (got.status === 200) expect(got.body.toString(), `${method} ${status}`).to.equal('own');
      else expect(got.status).to.equal(502);
      client.destroy();
    }
  });
});
