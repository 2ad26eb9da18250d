/** Content negotiation: sidecar files, compression in passing, and that caches are told of both. */
import { randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import { expect } from 'chai';
import { settled } from '../helpers/eventually.js';
import type { RawResponse } from '../helpers/raw-response.js';
import { TestServer } from '../helpers/server.js';

const TEXT = 'All work and no play makes a dull test. '.repeat(100);
const CHROME = 'gzip, deflate, br, zstd';

describe('negotiation', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
    const { site } = server;
    site.file('packed.js', TEXT);
    site.file('packed.js.br', zlib.brotliCompressSync(TEXT));
    site.file('packed.js.gz', zlib.gzipSync(TEXT));
    site.file('packed.js.zst', 'as good as zstd');
    site.file('gz-only.css', TEXT);
    site.file('gz-only.css.gz', zlib.gzipSync(TEXT));
    site.file('plain.html', TEXT);
    site.file('tiny.html', 'tiny');
    site.file(
      'noise.txt',
      randomBytes(3000)
        .toString('latin1')
        .replaceAll(/[^\x21-\x7e]/g, ''),
    );
    site.file('random.svg', randomBytes(5000));
    site.file('picture.png', TEXT);
    site.file('large.txt', TEXT.repeat(400));
    await settled(site.at('large.txt'));
  });
  after(() => server?.stop());

  const get = (target: string, accept: string | undefined, fields = {}) =>
    server.get(target, { ...(accept !== undefined && { 'Accept-Encoding': accept }), ...fields });
  const codingOf = async (target: string, accept: string | undefined) =>
    (await get(target, accept)).field('content-encoding') ?? 'identity';
  const unpacked = (response: RawResponse): string => {
    switch (response.field('content-encoding')) {
      case 'br':
        return zlib.brotliDecompressSync(response.body).toString();
      case 'gzip':
        return zlib.gunzipSync(response.body).toString();
      default:
        return response.text;
    }
  };

  it('sends a sidecar file as it is, in the coding that the client likes best', async () => {
    for (const [accept, coding] of [
      ['br', 'br'],
      ['gzip', 'gzip'],
      ['zstd', 'zstd'],
      [CHROME, 'br'],
      ['gzip;q=1.0, br;q=0.5', 'gzip'],
      ['br;q=0.1, zstd;q=0.2, gzip;q=0.15', 'zstd'],
      ['*', 'br'],
      ['*;q=0.5, br;q=0', 'zstd'],
      ['x-gzip', 'gzip'],
      ['GZIP', 'gzip'],
      ['deflate', 'identity'],
      ['identity', 'identity'],
      ['', 'identity'],
      ['xgzipx, br2', 'identity'],
      ['gzip;q=0', 'identity'],
      ['gzip;q=0.000', 'identity'],
      ['gzip;q=0, br;q=0, *;q=0', 'identity'],
      ['identity;q=0, gzip;q=0.001', 'gzip'],
      ['identity, gzip;q=0.5', 'identity'],
    ] as const) {
      expect(await codingOf('/packed.js', accept), accept).to.equal(coding);
    }
    expect(await codingOf('/packed.js', undefined)).to.equal('identity');
    expect((await get('/packed.js', 'zstd')).text).to.equal('as good as zstd');
    expect(unpacked(await get('/packed.js', 'br'))).to.equal(TEXT);
  });

  it('sends the type of the file, not of its sidecar', async () => {
    for (const accept of ['br', 'gzip', 'identity']) {
      const response = await get('/packed.js', accept);
      expect(response.field('content-type')).to.equal('text/javascript; charset=utf-8');
    }
    const archive = await get('/packed.js.gz', CHROME);
    expect(archive.field('content-type')).to.equal('application/gzip');
    expect(archive.field('content-encoding')).to.equal(undefined);
  });

  it('prefers what the author has packed to what it could pack itself', async () => {
    expect(await codingOf('/gz-only.css', CHROME)).to.equal('gzip');
  });

  it('sends a sidecar that is too large for memory from disk', async () => {
    const { site } = server;
    const text = randomBytes(1_500_000).toString('hex');
    site.file('huge.txt', text);
    site.file('huge.txt.gz', zlib.gzipSync(text));
    await settled(site.at('huge.txt.gz'));
    const packed = await get('/huge.txt', 'gzip');
    expect(packed.field('content-encoding')).to.equal('gzip');
    expect(packed.field('content-type')).to.equal('text/plain; charset=utf-8');
    expect(unpacked(packed) === text).to.equal(true);
    const part = await get('/huge.txt', 'gzip', { Range: 'bytes=-100', 'If-Range': packed.field('etag') });
    expect(part.status).to.equal(206);
    expect(part.body.equals(packed.body.subarray(-100))).to.equal(true);
    const plain = await get('/huge.txt', undefined);
    expect(plain.field('etag')).not.to.equal(packed.field('etag'));
    expect(plain.text === text).to.equal(true);
  });

  it('packs what has no sidecar', async () => {
    for (const [accept, coding] of [
      ['br', 'br'],
      ['gzip', 'gzip'],
      [CHROME, 'br'],
      ['gzip;q=0.5, br;q=0.4', 'gzip'],
    ] as const) {
      const response = await get('/plain.html', accept);
      expect(response.field('content-encoding'), accept).to.equal(coding);
      expect(response.body.length).to.be.below(TEXT.length / 2);
      expect(unpacked(response)).to.equal(TEXT);
    }
  });

  it('does not pack what would not shrink, is packed already, or is too small or too large', async () => {
    for (const target of ['/tiny.html', '/random.svg', '/picture.png', '/large.txt']) {
      expect(await codingOf(target, CHROME), target).to.equal('identity');
    }
    // Noise in 94 characters does shrink, a little.
    expect(await codingOf('/noise.txt', CHROME)).not.to.equal('identity');
  });

  it('tells caches that the response depends on Accept-Encoding, in whatever form it comes', async () => {
    for (const target of ['/packed.js', '/plain.html', '/tiny.html', '/random.svg', '/large.txt']) {
      for (const accept of [undefined, 'identity', CHROME, 'gzip']) {
        const whole = await get(target, accept);
        expect(whole.field('vary'), `${target} 200`).to.equal('Accept-Encoding');
        const unchanged = await get(target, accept, { 'If-None-Match': whole.field('etag') });
        expect(unchanged.status, `${target} for ${accept}`).to.equal(304);
        expect(unchanged.field('vary'), `${target} 304`).to.equal('Accept-Encoding');
        expect(unchanged.field('etag'), `${target} 304`).to.equal(whole.field('etag'));
        const part = await get(target, accept, { Range: 'bytes=1-2' });
        expect(part.status).to.equal(206);
        expect(part.field('vary'), `${target} 206`).to.equal('Accept-Encoding');
      }
    }
    expect((await get('/picture.png', CHROME)).field('vary')).to.equal(undefined);
  });

  it('gives each form a strong tag of its own', async () => {
    for (const target of ['/packed.js', '/plain.html']) {
      const tags = new Map<string, string>();
      for (const accept of ['identity', 'br', 'gzip']) {
        const etag = (await get(target, accept)).field('etag')!;
        expect(etag).to.match(/^"[^"]+"$/);
        tags.set(accept, etag);
      }
      expect(new Set(tags.values()).size, target).to.equal(3);
      for (const [form, etag] of tags) {
        for (const accept of tags.keys()) {
          const { status } = await get(target, accept, { 'If-None-Match': etag });
          expect(status, `${target}: has ${form}, asks for ${accept}`).to.equal(form === accept ? 304 : 200);
        }
      }
    }
  });

  it('takes a part of the form that was chosen, and never one of another', async () => {
    for (const target of ['/packed.js', '/plain.html']) {
      const packed = await get(target, 'gzip');
      const part = await get(target, 'gzip', { Range: 'bytes=10-29', 'If-Range': packed.field('etag') });
      expect(part.status).to.equal(206);
      expect(part.field('content-encoding')).to.equal('gzip');
      expect(part.field('content-range')).to.equal(`bytes 10-29/${packed.body.length}`);
      expect(part.body.equals(packed.body.subarray(10, 30))).to.equal(true);
      const other = await get(target, 'identity', { Range: 'bytes=10-29', 'If-Range': packed.field('etag') });
      expect(other.status).to.equal(200);
      expect(other.text).to.equal(TEXT);
    }
  });

  it('answers HEAD for the form that GET would get', async () => {
    for (const accept of ['identity', 'gzip', 'br']) {
      const whole = await get('/plain.html', accept);
      const head = await server.request('HEAD', '/plain.html', { 'Accept-Encoding': accept });
      expect(head.fields).to.deep.equal(whole.fields);
    }
  });

  it('packs the same way in every worker', async () => {
    const bodies = new Set<string>();
    for (let n = 0; n < 8; n++) bodies.add((await get('/plain.html', 'br')).body.toString('base64'));
    expect(bodies.size).to.equal(1);
  });

  it('has no sidecar that is older than its file, or empty, or hidden behind a link that leads out', async () => {
    const { site } = server;
    site.file('stale.js', TEXT);
    site.file('stale.js.br', 'old');
    site.touch('stale.js.br', 1_600_000_000);
    site.file('stale.js.gz', '');
    site.link('stale.js.zst', '/etc/hostname');
    const response = await get('/stale.js', CHROME);
    expect(response.field('content-encoding')).to.equal('br');
    expect(unpacked(response)).to.equal(TEXT);
    expect(unpacked(await get('/stale.js', 'gzip'))).to.equal(TEXT);
    expect(await codingOf('/stale.js', 'zstd')).to.be.oneOf(['identity', 'zstd']);
  });

  it('leaves everything as it is when told to, but for sidecars', async () => {
    const plain = await TestServer.start({ settings: { COMPRESS: 'off' } });
    try {
      plain.site.file('a.html', TEXT);
      plain.site.file('b.js', TEXT);
      plain.site.file('b.js.gz', zlib.gzipSync(TEXT));
      const response = await plain.get('/a.html', { 'Accept-Encoding': CHROME });
      expect(response.field('content-encoding')).to.equal(undefined);
      expect(response.field('vary')).to.equal(undefined);
      const packed = await plain.get('/b.js', { 'Accept-Encoding': CHROME });
      expect(packed.field('content-encoding')).to.equal('gzip');
      expect(packed.field('vary')).to.equal('Accept-Encoding');
    } finally {
      await plain.stop();
    }
  });
});
