/** What the proxy stores: the same for all workers, asked for once, forgotten everywhere. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { handover } from '../helpers/command.js';
import { eventually } from '../helpers/eventually.js';
import { TestServer } from '../helpers/server.js';

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

interface Got {
  readonly status: number;
  readonly text: string;
  readonly cache: string | undefined;
  readonly fields: http.IncomingHttpHeaders;
}

describe('the cache of the proxy', () => {
  let server: TestServer;
  let answer: Answer;
  let asked: string[];
  const origin = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });

  before(async () => {
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    server = await TestServer.start({ settings: { PROXY: `/p http://127.0.0.1:${port}` } });
  });
  after(async () => {
    await server.stop();
    origin.closeAllConnections();
    origin.close();
  });
  beforeEach(() => {
    asked = [];
    answer = (_request, response) => response.setHeader('Cache-Control', 'max-age=60').end('content');
  });

  /** Over a connection of its own, so that any worker may answer. */
  async function get(path: string, method = 'GET', headers: http.OutgoingHttpHeaders = {}): Promise<Got> {
    const request = http.request({ port: server.port, path, method, headers, agent: false });
    const [response] = await once(request.end(), 'response');
    let text = '';
    for await (const piece of response.setEncoding('latin1')) text += piece;
    return {
      status: response.statusCode,
      text,
      cache: response.headers['x-cache'],
      fields: response.headers,
    };
  }

  /** Asks until it is surely stored. */
  async function warm(path: string): Promise<void> {
    let hits = 0;
    await eventually(
      async () => {
        hits = (await get(path)).cache === 'HIT' ? hits + 1 : 0;
        return hits >= 20 || undefined;
      },
      () => `${path} is stored everywhere`,
    );
    asked = [];
  }

  it('answers from what is stored, and tells so', async () => {
    await warm('/p/a');
    const { text, cache, fields } = await get('/p/a');
    expect([text, cache]).to.deep.equal(['content', 'HIT']);
    expect(fields['cache-status']).to.match(/^handover; hit; ttl=\d+$/);
    expect(fields.age).to.match(/^\d+$/);
    expect(fields.via).to.match(/^1\.1 handover-/);
    expect(asked).to.deep.equal([]);
  });

  it('answers parts and conditions from what is stored', async () => {
    answer = (_request, response) =>
      response.setHeader('Cache-Control', 'max-age=60').setHeader('ETag', '"a"').end('content');
    await warm('/p/parts');
    const part = await get('/p/parts', 'GET', { Range: 'bytes=1-2' });
    expect([part.status, part.text, part.cache]).to.deep.equal([206, 'on', 'HIT']);
    expect((await get('/p/parts', 'GET', { 'If-None-Match': '"a"' })).status).to.equal(304);
    const head = await get('/p/parts', 'HEAD');
    expect([head.status, head.text, head.fields['content-length']]).to.deep.equal([200, '', '7']);
    expect(asked).to.deep.equal([]);
  });

  it('asks once for what a hundred clients want, whichever workers they have', async () => {
    const waiting: http.ServerResponse[] = [];
    answer = (_request, response) => waiting.push(response);
    const replies = Array.from({ length: 100 }, () => get('/p/many'));
    await eventually(
      () => waiting.length > 0 || undefined,
      () => 'a request at the origin',
    );
    answer = (_request, response) => response.setHeader('Cache-Control', 'max-age=60').end('content');
    for (const response of waiting) response.setHeader('Cache-Control', 'max-age=60').end('content');
    for (const { text } of await Promise.all(replies)) expect(text).to.equal('content');
    expect(asked).to.deep.equal(['GET /p/many']);
  });

  it('cuts what is cut, and does not store it', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Length': '100' });
      response.write('part', () => response.destroy());
    };
    const failure = await get('/p/cut').then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    answer = (_request, response) => response.setHeader('Cache-Control', 'max-age=60').end('whole');
    expect((await get('/p/cut')).text).to.equal('whole');
  });

  it('goes by what is said to caches like it, and passes that on', async () => {
    const fields = { 'Cache-Control': 'no-store', 'CDN-Cache-Control': 'max-age=60' };
    answer = (_request, response) => response.writeHead(200, fields).end('content');
    await warm('/p/targeted');
    const hit = await get('/p/targeted');
    expect([hit.cache, hit.text]).to.deep.equal(['HIT', 'content']);
    expect(hit.fields).to.include({ 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=60' });
  });

  it('makes all workers forget what was changed', async () => {
    await warm('/p/changed');
    answer = (_request, response) => response.writeHead(204).end();
    expect((await get('/p/changed', 'PUT')).status).to.equal(204);
    answer = (_request, response) => response.setHeader('Cache-Control', 'no-store').end('new');
    for (let i = 0; i < 10; i++) expect((await get('/p/changed')).text).to.equal('new');
  });

  it('makes all workers forget what the answer names', async () => {
    await warm('/p/named');
    answer = (_request, response) => response.writeHead(201, { Location: '/p/named' }).end();
    expect((await get('/p/form', 'POST')).status).to.equal(201);
    answer = (_request, response) => response.setHeader('Cache-Control', 'no-store').end('new');
    expect((await get('/p/named')).text).to.equal('new');
  });

  it('forgets on demand', async () => {
    await warm('/p/purged?x=1');
    const environment = { XDG_RUNTIME_DIR: server.directory.at('run'), TMPDIR: server.directory.at('tmp') };
    const purge = (url: string) =>
      handover(['purge', url, '--port', String(server.port)], {
        cwd: server.directory.path,
        env: environment,
      });
    // As the clients have asked for it: what is stored for another host is another thing.
    const url = `http://localhost:${server.port}/p/purged?x=1`;
    expect(await purge(url)).to.deep.equal({ code: 0, out: `${url}: forgotten\n`, err: '' });
    answer = (_request, response) => response.setHeader('Cache-Control', 'no-store').end('new');
    for (let i = 0; i < 10; i++) expect((await get('/p/purged?x=1')).text).to.equal('new');
    expect((await purge(url)).out).to.equal(`${url}: nothing was stored\n`);
    expect((await purge('nonsense')).code).to.equal(2);
  });
});
