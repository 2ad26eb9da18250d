/** Methods: what is served, what is refused, and that a refusal leaves the connection usable. */
import { expect } from 'chai';
import { rawRequest } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';

const ALLOW = 'GET, HEAD, OPTIONS';

describe('HTTP methods', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
    server.site.file('index.html', '<p>home');
    server.site.file('a.txt', 'hello');
    server.site.file('large.bin', Buffer.alloc(2_000_000, 'x'));
    server.site.directory('docs');
    server.site.file('docs/index.html', '<p>docs');
  });
  after(() => server?.stop());

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'MKCOL', 'LOCK']) {
    it(`refuses ${method} with 405 and says what is allowed`, async () => {
      const response = await server.request(method, '/a.txt');
      expect(response.status).to.equal(405);
      expect(response.field('allow')).to.equal(ALLOW);
      expect(response.text).not.to.include('hello');
    });
  }

  it('refuses CONNECT with 405', async () => {
    const [response] = await rawRequest(
      server.port,
      'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
    );
    expect(response).to.include({ status: 405 });
  });

  for (const method of ['BREW', 'get', 'Get', 'HEADER', 'GE']) {
    it(`does not know ${method}: 501`, async () => {
      expect(await server.request(method, '/a.txt')).to.include({ status: 501, reason: 'Not Implemented' });
    });
  }

  it('never sends back what TRACE was asked with', async () => {
    const response = await server.request('TRACE', '/', { Cookie: 'secret=1' });
    expect(response.head + response.text).not.to.include('secret');
  });

  it('tells with OPTIONS what can be done', async () => {
    for (const target of ['/a.txt', '/nothing', '*']) {
      const response = await server.request('OPTIONS', target);
      expect(response, target).to.include({ status: 200, bodyLength: 0 });
      expect(response.field('allow')).to.equal(ALLOW);
    }
  });

  it('answers HEAD as GET, without the body', async () => {
    for (const target of [
      '/',
      '/a.txt',
      '/large.bin',
      '/docs',
      '/docs/',
      '/nothing',
      '/%zz',
      '/statsPage.html',
      '/healthz',
    ]) {
      const get = await server.get(target);
      const head = await server.request('HEAD', target);
      expect(head.status, target).to.equal(get.status);
      expect(head.fields, target).to.deep.equal(get.fields);
      expect(head.field('content-length')).to.equal(String(get.body.length));
    }
  });

  it('ignores Range in HEAD, which it is not defined for', async () => {
    const response = await server.request('HEAD', '/a.txt', { Range: 'bytes=0-1' });
    expect(response.status).to.equal(200);
    expect(response.field('content-length')).to.equal('5');
  });

  it('keeps the connection after a refusal', async () => {
    const client = await server.connect();
    for (const method of ['DELETE', 'BREW', 'OPTIONS', 'TRACE']) {
      await client.exchange(`${method} /a.txt HTTP/1.1\r\nHost: x\r\n\r\n`);
    }
    expect((await client.exchange('GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n')).text).to.equal('hello');
    client.destroy();
  });
});
