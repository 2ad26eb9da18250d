/** Request bodies: nobody here wants them, but they are read, bounded, and never taken for a request. */
import { expect } from 'chai';
import type { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';

const NEXT = 'GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n';
const post = (...fields: string[]) => ['POST /a.txt HTTP/1.1', 'Host: x', ...fields, '', ''].join('\r\n');

describe('request bodies', () => {
  let server: TestServer;
  let client: RawClient;
  before(async () => {
    server = await TestServer.start({ settings: { MAX_BODY_KB: '64' } });
    server.site.file('a.txt', 'alpha');
  });
  after(() => server?.stop());
  beforeEach(async () => {
    client = await server.connect();
  });
  afterEach(() => client.destroy());

  const expectUsable = async () => expect((await client.exchange(NEXT)).text).to.equal('alpha');

  it('reads one with a length, and then the next request', async () => {
    const body = Buffer.alloc(65_536, 'GET /nothing HTTP/1.1\r\n\r\n');
    client.send(post(`Content-Length: ${body.length}`)).send(body);
    expect((await client.response()).status).to.equal(405);
    await expectUsable();
  });

  it('reads one in chunks, and then the next request', async () => {
    const chunks =
      '5\r\nhello\r\n1b;name="value"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n';
    client.send(post('Transfer-Encoding: Chunked') + chunks);
    expect((await client.response()).status).to.equal(405);
    await expectUsable();
  });

  it('reads one in chunks that comes byte by byte', async () => {
    for (const byte of `${post('Transfer-Encoding: chunked')}3\r\nabc\r\n00\r\n\r\n`) {
      client.send(byte);
      await new Promise(setImmediate);
    }
    expect((await client.response()).status).to.equal(405);
    await expectUsable();
  });

  it('reads bodies between pipelined requests', async () => {
    const chunked = `${post('Transfer-Encoding: chunked')}2\r\nok\r\n0\r\n\r\n`;
    client
      .send(`${NEXT}${post('Content-Length: 2')}ok${NEXT}${chunked}${post('Content-Length: 0')}${NEXT}`)
      .finish();
    for (const status of [200, 405, 200, 405, 405, 200])
      expect((await client.response()).status).to.equal(status);
    await client.closed();
  });

  it('reads one that comes with a GET, and ignores it', async () => {
    client.send('GET /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc');
    expect((await client.response()).text).to.equal('alpha');
    await expectUsable();
  });

  describe('Expect: 100-continue', () => {
    it('tells the client to go on, and answers when the body is there', async () => {
      const interim = await client.exchange(post('Content-Length: 5', 'Expect: 100-continue'));
      expect(interim).to.include({ status: 100, reason: 'Continue' });
      expect((await client.exchange('hello', 'POST')).status).to.equal(405);
      await expectUsable();
    });

    it('does not when there is no body', async () => {
      expect((await client.exchange(post('Content-Length: 0', 'Expect: 100-continue'))).status).to.equal(405);
    });

    it('refuses at once what would be too large', async () => {
      const response = await client.exchange(post('Content-Length: 65537', 'Expect: 100-continue'));
      expect(response.status).to.equal(413);
      await client.closed();
    });

    it('refuses other expectations with 417', async () => {
      expect((await client.exchange(post('Content-Length: 5', 'Expect: coffee'))).status).to.equal(417);
      await client.closed();
    });
  });

  describe('that is too large', () => {
    it('is refused by its declared length', async () => {
      const response = await client.exchange(post('Content-Length: 65537'));
      expect(response.status).to.equal(413);
      expect(response.field('connection')).to.equal('close');
      await client.closed();
    });

    it('is refused when the chunks have become too many', async () => {
      client.send(post('Transfer-Encoding: chunked'));
      for (let n = 0; n < 17; n++) client.send(`1000\r\n${'x'.repeat(4096)}\r\n`);
      expect((await client.response()).status).to.equal(413);
      await client.closed();
    });

    it('does not hide the answer from a client that sends on', async () => {
      // Without reading on, the kernel would reset the connection and the client lose the response.
      client.send(post('Content-Length: 5000000')).send(Buffer.alloc(5_000_000));
      expect((await client.response()).status).to.equal(413);
    });
  });

  for (const [what, request] of [
    ['a chunk size that is none', `${post('Transfer-Encoding: chunked')}zz\r\n`],
    ['a negative chunk size', `${post('Transfer-Encoding: chunked')}-1\r\n`],
    ['a huge chunk size', `${post('Transfer-Encoding: chunked')}ffffffffffffffff\r\n`],
    ['a chunk longer than it says', `${post('Transfer-Encoding: chunked')}2\r\nabc\r\n`],
    ['a chunk line that ends in a bare LF', `${post('Transfer-Encoding: chunked')}2\nab\r\n`],
    ['a malformed trailer', `${post('Transfer-Encoding: chunked')}0\r\nno colon\r\n\r\n`],
  ] as const) {
    it(`refuses ${what} with 400, and closes`, async () => {
      expect((await client.exchange(request)).status).to.equal(400);
      await client.closed();
    });
  }

  it('does not wait for ever for one: 408', async () => {
    const hasty = await TestServer.start({ settings: { BODY_TIMEOUT_SECONDS: '1' } });
    try {
      const other = await hasty.connect();
      const response = await other.exchange(`${post('Content-Length: 5')}ab`);
      expect(response.status).to.equal(408);
      expect(response.field('connection')).to.equal('close');
      await other.closed();
    } finally {
      await hasty.stop();
    }
  });
});
