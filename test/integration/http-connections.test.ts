/** What becomes of a connection: keep-alive, pipelining, HTTP/1.0, clients that half-close. */
import { expect } from 'chai';
import { type RawClient, rawRequest } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';

const GET = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n');

describe('connections', () => {
  const large = Buffer.alloc(3_000_000, 'large ');
  const medium = Buffer.alloc(300_000, 'medium ');
  let server: TestServer;
  let client: RawClient;
  before(async () => {
    server = await TestServer.start();
    server.site.file('a.txt', 'alpha');
    server.site.file('b.txt', 'beta');
    server.site.file('medium.bin', medium);
    server.site.file('large.bin', large);
  });
  after(() => server?.stop());
  beforeEach(async () => {
    client = await server.connect();
  });
  afterEach(() => client?.destroy());

  describe('HTTP/1.1', () => {
    it('keeps the connection, without saying so', async () => {
      for (const target of ['/a.txt', '/b.txt', '/large.bin', '/nothing', '/a.txt']) {
        const response = await client.exchange(GET(target));
        expect(response.field('connection')).to.equal(undefined);
      }
    });

    it('closes when asked to, and says so', async () => {
      for (const value of ['close', 'Close', 'keep-alive, close', 'foo,close ,bar']) {
        for (const target of ['/a.txt', '/large.bin', '/nothing']) {
          const other = await server.connect();
          const response = await other.exchange(GET(target, `Connection: ${value}`));
          expect(response.field('connection'), value).to.equal('close');
          await other.closed();
        }
      }
    });

    it('answers nothing that comes after a request with Connection: close', async () => {
      client.send(GET('/a.txt', 'Connection: close') + GET('/b.txt'));
      expect((await client.response()).text).to.equal('alpha');
      await client.closed();
    });

    it('answers pipelined requests in their order, from memory and from disk', async () => {
      const targets = ['/a.txt', '/large.bin', '/nothing', '/b.txt', '/large.bin', '/medium.bin', '/a.txt'];
      client.send(targets.map((target) => GET(target)).join(''));
      const bodies = new Map([
        ['/a.txt', 'alpha'],
        ['/b.txt', 'beta'],
      ]);
      for (const target of targets) {
        const response = await client.response();
        expect(response.status, target).to.equal(target === '/nothing' ? 404 : 200);
        if (target === '/large.bin') expect(response.body.equals(large)).to.equal(true);
        if (target === '/medium.bin') expect(response.body.equals(medium)).to.equal(true);
        const text = bodies.get(target);
        if (text !== undefined) expect(response.text).to.equal(text);
      }
    });

    it('answers a thousand pipelined requests', async () => {
      client.send(GET('/a.txt').repeat(1000)).finish();
      for (let n = 0; n < 1000; n++) expect((await client.response()).text).to.equal('alpha');
      await client.closed();
    });

    it('answers no more than it can send to a client that does not read', async () => {
      client.destroy();
      const before = (await server.settled()).requests.total;
      client = await server.connect();
      client.socket.pause();
      client.send(GET('/medium.bin').repeat(1000));
      const { requests } = await server.standing();
      expect(requests.total - before).to.be.within(1, 100);
      client.socket.resume();
      for (let n = 0; n < 150; n++) expect((await client.response()).body.equals(medium)).to.equal(true);
    });

    it('reads a request that comes byte by byte', async () => {
      for (const byte of GET('/a.txt', 'Accept: text/*')) {
        client.send(byte);
        await new Promise(setImmediate);
      }
      expect((await client.response()).text).to.equal('alpha');
    });

    it('reads requests that are cut anywhere', async () => {
      const bytes = GET('/a.txt') + GET('/nothing') + GET('/b.txt');
      for (let cut = 1; cut < bytes.length; cut += 7) {
        client.send(bytes.slice(0, cut));
        await new Promise(setImmediate);
        client.send(bytes.slice(cut));
        expect((await client.response()).text).to.equal('alpha');
        expect((await client.response()).status).to.equal(404);
        expect((await client.response()).text).to.equal('beta');
      }
    });

    it('skips empty lines before a request', async () => {
      expect((await client.exchange(`\r\n\r\n${GET('/a.txt')}`, 'GET')).text).to.equal('alpha');
    });

    it('takes the target of a proxy (absolute-form)', async () => {
      const response = await client.exchange(
        'GET http://example.com:80/a.txt?x HTTP/1.1\r\nHost: other\r\n\r\n',
      );
      expect(response.text).to.equal('alpha');
    });

    it('answers a minor version it does not know as 1.1', async () => {
      expect((await client.exchange('GET /a.txt HTTP/1.9\r\nHost: x\r\n\r\n')).text).to.equal('alpha');
      expect((await client.exchange(GET('/b.txt'))).text).to.equal('beta');
    });
  });

  describe('HTTP/1.0', () => {
    it('needs no Host, and closes', async () => {
      for (const target of ['/a.txt', '/large.bin', '/nothing']) {
        const other = await server.connect();
        const response = await other.exchange(`GET ${target} HTTP/1.0\r\n\r\n`);
        expect(response.field('connection')).to.equal('close');
        await other.closed();
      }
    });

    it('keeps the connection when asked to, and says so', async () => {
      for (const target of ['/a.txt', '/large.bin', '/a.txt']) {
        const response = await client.exchange(`GET ${target} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n`);
        expect(response.field('connection')).to.equal('keep-alive');
      }
      expect((await client.exchange('GET /b.txt HTTP/1.0\r\n\r\n')).text).to.equal('beta');
      await client.closed();
    });

    it('gets no 100 Continue, which it does not know', async () => {
      const request = 'POST /a.txt HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok';
      expect((await client.exchange(request)).status).to.equal(405);
    });
  });

  describe('a client that half-closes', () => {
    it('still gets its responses', async () => {
      const [response] = await rawRequest(server.port, GET('/a.txt'));
      expect(response!.text).to.equal('alpha');
      const [fromDisk] = await rawRequest(server.port, GET('/large.bin'));
      expect(fromDisk!.body.equals(large)).to.equal(true);
    });

    it('still gets all responses to what it pipelined', async () => {
      const requests = GET('/large.bin') + GET('/a.txt') + GET('/nothing') + GET('/medium.bin');
      const responses = await rawRequest(server.port, requests, ['GET', 'GET', 'GET', 'GET']);
      expect(responses.map(({ status }) => status)).to.deep.equal([200, 200, 404, 200]);
    });

    it('is closed when it leaves in the middle of a request, or asks for nothing', async () => {
      for (const part of [
        '',
        'GET /a.txt HT',
        'GET /a.txt HTTP/1.1\r\nHo',
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab',
      ]) {
        const other = await server.connect();
        await other.send(part).finish().closed();
      }
    });
  });

  it('sees every connection closed in the end', async () => {
    client.destroy();
    const { connections } = await server.settled();
    expect(connections).to.include({ active: 0, waiting: 0, refused: 0 });
  });
});
