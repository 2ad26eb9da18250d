/** Directory listings as they are sent: who gets which form, what is in it, and how it is kept. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Listing } from '../../src/files/listing.js';
import { TestServer } from '../helpers/server.js';

const JSON_PLEASE = { Accept: 'application/json' };

describe('listings', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({
      settings: { AUTOINDEX: 'on', CACHE_REVALIDATE_MS: '0', NUM_WORKERS: '1' },
    });
    const { site } = server;
    site.file('pub/b10.txt', 'x'.repeat(1500));
    site.file('pub/b2.txt', 'xx');
    site.file('pub/sub/inner.txt', 'x');
    site.file('pub/<img src=x onerror=alert(1)> & "x".html', 'x');
    site.file("pub/it's 100% ünïcode?#.txt", 'x');
    site.file('pub/.hidden', 'x');
    await writeFile(join(site.outside, 'secret.txt'), 'secret');
    site.link('pub/escape.txt', join(site.outside, 'secret.txt'));
    site.link('pub/alias.txt', 'b2.txt');
    site.link('pub/dangling', 'nowhere');
    site.file('indexed/index.html', 'index');
    site.directory('empty');
  });
  after(() => server?.stop());

  const names = async (target: string) => {
    const { entries } = (await server.get(target, JSON_PLEASE)).json as Listing;
    return entries.map(({ name }) => name);
  };

  it('come as HTML to browsers, and as JSON to whoever prefers it', async () => {
    for (const [accept, type] of [
      ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html; charset=utf-8'],
      ['*/*', 'text/html; charset=utf-8'],
      ['application/json', 'application/json; charset=utf-8'],
      ['application/json, */*;q=0.1', 'application/json; charset=utf-8'],
      ['text/html, application/json;q=0.5', 'text/html; charset=utf-8'],
    ] as const) {
      const response = await server.get('/pub/', { Accept: accept });
      expect(response.status).to.equal(200);
      expect(response.field('content-type'), accept).to.equal(type);
      expect(response.field('vary'), accept).to.equal('Accept, Accept-Encoding');
      expect(response.field('cache-control')).to.equal('no-cache');
      expect(response.field('x-content-type-options')).to.equal('nosniff');
    }
    expect((await server.get('/pub/')).field('content-type')).to.equal('text/html; charset=utf-8');
  });

  it('come compressed, each form with its own tag', async () => {
    const plain = await server.get('/pub/');
    const packed = await server.get('/pub/', { 'Accept-Encoding': 'gzip' });
    expect(packed.field('content-encoding')).to.equal('gzip');
    expect(gunzipSync(packed.body).equals(plain.body)).to.equal(true);
    expect(packed.field('etag')).to.not.equal(plain.field('etag'));
    const again = { 'Accept-Encoding': 'gzip', 'If-None-Match': packed.field('etag')! };
    expect((await server.get('/pub/', again)).status).to.equal(304);
  });

  it('show what is there: directories first, numbers in their order, nothing hidden or outside', async () => {
    expect(await names('/pub/')).to.have.members([
      'sub',
      "it's 100% ünïcode?#.txt",
      'alias.txt',
      'b2.txt',
      'b10.txt',
      '<img src=x onerror=alert(1)> & "x".html',
    ]);
    expect((await names('/pub/'))[0]).to.equal('sub');
    expect((await names('/pub/')).filter((name) => name.startsWith('b'))).to.deep.equal([
      'b2.txt',
      'b10.txt',
    ]);
    expect(await names('/empty/')).to.deep.equal([]);
  });

  it('tell sizes and times', async () => {
    const { path, entries } = (await server.get('/pub/', JSON_PLEASE)).json as Listing;
    expect(path).to.equal('/pub/');
    const [file] = entries.filter(({ name }) => name === 'b10.txt');
    expect(file).to.include({ type: 'file', sizeBytes: 1500 });
    expect(Date.parse(file!.modified)).to.be.closeTo(Date.now(), 60_000);
  });

  it('escape every name, and link to each so that the link works', async () => {
    const { text } = await server.get('/pub/');
    expect(text).not.to.include('<img');
    const links = [...text.matchAll(/<tr class="[a-z]+"><td><a href="([^"]*)"/g)].map(([, href]) => href!);
    expect(links).to.have.length(6);
    for (const link of links) {
      const target = new URL(link.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), `${server.origin}/pub/`);
      expect((await server.get(target.pathname)).status, link).to.equal(200);
    }
  });

  it('need the proper path of the directory, and give way to its index', async () => {
    expect((await server.get('/pub?sort=name')).field('location')).to.equal('/pub/?sort=name');
    expect((await server.get('/indexed/')).text).to.equal('index');
  });

  it('answer HEAD, conditions and ranges', async () => {
    const whole = await server.get('/pub/');
    expect((await server.request('HEAD', '/pub/')).fields).to.deep.equal(whole.fields);
    const condition = { 'If-None-Match': whole.field('etag')! };
    const unchanged = await server.get('/pub/', condition);
    expect(unchanged.status).to.equal(304);
    expect(unchanged.field('vary')).to.equal('Accept, Accept-Encoding');
    expect(
      (await server.get('/pub/', { ...condition, ...JSON_PLEASE })).status,
      'a form of its own',
    ).to.equal(200);
    const part = await server.get('/pub/', { Range: 'bytes=0-8' });
    expect(part).to.include({ status: 206, text: '<!DOCTYPE' });
  });

  it('show a new file, and a change of one that was there', async () => {
    const { site } = server;
    site.file('changing/a.txt', 'a');
    const first = await server.get('/changing/', JSON_PLEASE);
    site.file('changing/b.txt', 'b');
    expect(await names('/changing/')).to.deep.equal(['a.txt', 'b.txt']);
    site.file('changing/a.txt', 'longer');
    const last = await server.get('/changing/', JSON_PLEASE);
    expect((last.json as Listing).entries[0]).to.include({ name: 'a.txt', sizeBytes: 6 });
    expect(last.field('etag')).not.to.equal(first.field('etag'));
  });
});
