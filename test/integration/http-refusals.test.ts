/** Requests that are no HTTP, or could be read in two ways: refused, and the connection closed. */
import { expect } from 'chai';
import type { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';

const head = (...lines: string[]) => [...lines, '', ''].join('\r\n');
const get = (...fields: string[]) => head('GET /a.txt HTTP/1.1', 'Host: x', ...fields);
const post = (...fields: string[]) => `${head('POST /a.txt HTTP/1.1', 'Host: x', ...fields)}0\r\n\r\n`;

const REFUSED: Readonly<Record<string, readonly [status: number, request: string]>> = {
  'a TLS handshake': [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'HTTP/2 without upgrade': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'no version': [400, 'GET /a.txt\r\n\r\n'],
  'another protocol': [400, head('GET /a.txt FTP/1.1', 'Host: x')],
  'a version of two digits': [400, head('GET /a.txt HTTP/1.10', 'Host: x')],
  'a version that is not spoken': [505, head('GET /a.txt HTTP/3.0', 'Host: x')],
  'two spaces': [400, head('GET  /a.txt HTTP/1.1', 'Host: x')],
  'a tab for a space': [400, head('GET\t/a.txt HTTP/1.1', 'Host: x')],
  'a space in the target': [400, head('GET /a b HTTP/1.1', 'Host: x')],
  'a control character in the target': [400, head('GET /a\x01 HTTP/1.1', 'Host: x')],
  'a NUL in the target': [400, head('GET /a\0.txt HTTP/1.1', 'Host: x')],
  'a target without slash': [400, head('GET a.txt HTTP/1.1', 'Host: x')],
  'an absolute target without host': [400, head('GET http:///a.txt HTTP/1.1', 'Host: x')],
  'an asterisk for GET': [400, head('GET * HTTP/1.1', 'Host: x')],
  'no Host': [400, head('GET /a.txt HTTP/1.1')],
  'two Hosts': [400, get('Host: y')],
  'two equal Hosts': [400, get('Host: x')],
  'an empty Host': [400, head('GET /a.txt HTTP/1.1', 'Host:')],
  'a Host that is none': [400, head('GET /a.txt HTTP/1.1', 'Host: a b')],
  'a Host with a path': [400, head('GET /a.txt HTTP/1.1', 'Host: x/y')],
  'a Host with a name before it': [400, head('GET /a.txt HTTP/1.1', 'Host: user@x')],
  'a space before a colon': [400, get('Range : bytes=0-1')],
  'a folded line': [400, get('Accept: a', ' b')],
  'a folded line first': [400, head('GET /a.txt HTTP/1.1', ' Host: x')],
  'a line without colon': [400, get('nonsense')],
  'an empty field name': [400, get(': value')],
  'a NUL in a field': [400, get('Accept: a\0b')],
  'a bare CR in a field': [400, get('Accept: a\rb')],
  'a bare LF for a line end': [400, 'GET /a.txt HTTP/1.1\nHost: x\n\n'],
  'a bare LF between fields': [400, 'GET /a.txt HTTP/1.1\r\nHost: x\nAccept: a\r\n\r\n'],
  'a bare LF for the empty line': [400, 'GET /a.txt HTTP/1.1\r\nHost: x\r\n\nGET'],
  'a length and chunks': [400, post('Content-Length: 5', 'Transfer-Encoding: chunked')],
  'chunks and a length': [400, post('Transfer-Encoding: chunked', 'Content-Length: 5')],
  'differing lengths': [400, post('Content-Length: 5', 'Content-Length: 6')],
  'differing lengths in one line': [400, post('Content-Length: 5, 6')],
  'a signed length': [400, post('Content-Length: +5')],
  'a negative length': [400, post('Content-Length: -5')],
  'a hexadecimal length': [400, post('Content-Length: 0x5')],
  'an empty length': [400, post('Content-Length:')],
  'a length beyond all numbers': [400, post('Content-Length: 99999999999999999999')],
  'an unknown transfer coding': [400, post('Transfer-Encoding: gzip')],
  'a transfer coding after chunked': [400, post('Transfer-Encoding: chunked, gzip')],
  'chunked twice': [400, post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
  'a disguised chunked': [400, post('Transfer-Encoding: xchunked')],
  'chunked in HTTP/1.0': [400, `${head('POST / HTTP/1.0', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
  'a target that is too long': [414, head(`GET /${'a'.repeat(9000)} HTTP/1.1`, 'Host: x')],
  'a query that is too long': [414, head(`GET /?${'a'.repeat(9000)} HTTP/1.1`, 'Host: x')],
  'a field that is too long': [431, get(`Cookie: ${'a'.repeat(17_000)}`)],
  'fields that are too long together': [
    431,
    get(...Array.from({ length: 20 }, () => `X: ${'a'.repeat(1000)}`)),
  ],
  'too many fields': [431, get(...Array.from({ length: 200 }, () => 'X: y'))],
  'a method without end': [501, 'A'.repeat(100)],
};

describe('refused requests', () => {
  let server: TestServer;
  let client: RawClient;
  before(async () => {
    server = await TestServer.start();
    server.site.file('a.txt', 'alpha');
  });
  after(() => server?.stop());
  beforeEach(async () => {
    client = await server.connect();
  });
  afterEach(() => client.destroy());

  for (const [what, [status, request]] of Object.entries(REFUSED)) {
    it(`${what}: ${status}`, async () => {
      // What follows must not be answered: nobody knows where the bad request ends.
      client.send(`${request}${request.endsWith('\r\n\r\n') ? get() : ''}`);
      const response = await client.response();
      expect(response.status).to.equal(status);
      expect(response.field('connection')).to.equal('close');
      expect(response.field('content-type')).to.match(/^text\/html; charset=utf-8$/);
      expect(response.field('x-content-type-options')).to.equal('nosniff');
      expect(response.field('cache-control')).to.equal('no-store');
      expect(response.body.length).to.be.greaterThan(0);
      await client.closed();
    });
  }

  it('answers what came before a bad request', async () => {
    client.send(get() + get('Bad Field: x'));
    expect((await client.response()).text).to.equal('alpha');
    expect((await client.response()).status).to.equal(400);
    await client.closed();
  });

  it('does not send back what it was sent', async () => {
    const response = await client.exchange('GET <script>alert(1)</script> HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(response.status).to.equal(400);
    expect(response.text).not.to.include('script>alert');
  });

  describe('that do not come in time', () => {
    let hasty: TestServer;
    before(async () => {
      hasty = await TestServer.start({ settings: { HEADER_TIMEOUT_SECONDS: '1', TIMEOUT_SECONDS: '1' } });
      hasty.site.file('a.txt', 'alpha');
    });
    after(() => hasty?.stop());
    beforeEach(async () => {
      client.destroy();
      client = await hasty.connect();
    });

    it('answers 408 to half a head', async () => {
      const response = await client.exchange('GET /a.txt HTTP/1.1\r\nHo', 'GET');
      expect(response.status).to.equal(408);
      expect(response.field('connection')).to.equal('close');
      await client.closed();
    });

    it('answers 408 without a body to half a head of HEAD', async () => {
      const response = await client.exchange('HEAD /a.txt HTTP/1.1\r\nHo', 'HEAD');
      expect(response.status).to.equal(408);
      await client.closed();
    });

    it('is not held up by bytes that trickle in', async () => {
      const trickle = setInterval(() => client.send('x'), 100);
      client.send('GET /a.txt HTTP/1.1\r\nHost: ');
      try {
        expect((await client.response()).status).to.equal(408);
      } finally {
        clearInterval(trickle);
      }
    });

    it('closes without a word when nothing came, or nothing more', async () => {
      await client.closed();
      const other = await hasty.connect();
      expect((await other.exchange(get())).status).to.equal(200);
      await other.closed();
    });
  });

  it('takes heads as large as the settings allow', async () => {
    const roomy = await TestServer.start({ settings: { MAX_HEADER_KB: '256', MAX_URL_BYTES: '200000' } });
    try {
      roomy.site.file('a.txt', 'alpha');
      expect((await roomy.get(`/a.txt?${'a'.repeat(190_000)}`)).text).to.equal('alpha');
      const { bytes: before } = await roomy.settled();
      const other = await roomy.connect();
      const request = get(`Cookie: ${'a'.repeat(200_000)}`);
      // In two pieces, so that the server has to keep the first.
      other.send(request.slice(0, 150_000));
      await roomy.statsWhen(
        ({ bytes }) => bytes.received >= before.received + 150_000,
        'the first piece was read',
      );
      other.send(request.slice(150_000));
      expect((await other.response()).text).to.equal('alpha');
      other.destroy();
    } finally {
      await roomy.stop();
    }
  });
});
