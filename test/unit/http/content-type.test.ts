import { expect } from 'chai';
import { contentTypeOf, isCompressible } from '../../../src/http/content-type.js';

const UTF8 = '; charset=utf-8';

describe('content-type', () => {
  const types: Record<string, string> = {
    '/index.html': `text/html${UTF8}`,
    '/INDEX.HTM': `text/html${UTF8}`,
    '/a.css': `text/css${UTF8}`,
    '/a.js': `text/javascript${UTF8}`,
    '/a.min.mjs': `text/javascript${UTF8}`,
    '/a.cjs': `text/javascript${UTF8}`,
    '/a.json': `application/json${UTF8}`,
    '/a.js.map': `application/json${UTF8}`,
    '/a.webmanifest': `application/manifest+json${UTF8}`,
    '/a.geojson': `application/geo+json${UTF8}`,
    '/a.xml': `application/xml${UTF8}`,
    '/feed.atom': `application/atom+xml${UTF8}`,
    '/a.svg': `image/svg+xml${UTF8}`,
    '/a.txt': `text/plain${UTF8}`,
    '/README.md': `text/markdown${UTF8}`,
    '/a.csv': `text/csv${UTF8}`,
    '/a.yaml': `text/yaml${UTF8}`,
    '/a.vtt': `text/vtt${UTF8}`,
    '/a.py': `text/plain${UTF8}`,
    '/main.rs': `text/plain${UTF8}`,
    '/yarn.lock': `text/plain${UTF8}`,
    '/a.wasm': 'application/wasm',
    '/a.avif': 'image/avif',
    '/a.webp': 'image/webp',
    '/a.png': 'image/png',
    '/favicon.ico': 'image/vnd.microsoft.icon',
    '/a.woff2': 'font/woff2',
    '/a.mp4': 'video/mp4',
    '/segment.ts': 'video/mp2t',
    '/list.m3u8': 'application/vnd.apple.mpegurl',
    '/a.pdf': 'application/pdf',
    '/a.zip': 'application/zip',
    '/a.tar.gz': 'application/gzip',
    '/a.tgz': 'application/gzip',
    '/a.svgz': 'application/gzip',
    '/a.js.br': 'application/octet-stream',
    '/a.js.zst': 'application/zstd',
    '/a.unknown-extension': 'application/octet-stream',
    '/LICENSE': `text/plain${UTF8}`,
    '/docs/Makefile': `text/plain${UTF8}`,
    '/.well-known/apple-app-site-association': `application/json${UTF8}`,
    '/.well-known/acme-challenge/token': 'application/octet-stream',
    '/bin/program': 'application/octet-stream',
    '/v1.2/program': 'application/octet-stream',
    '/html': 'application/octet-stream',
    '/.html': 'application/octet-stream',
    '/.htaccess': 'application/octet-stream',
    '/.config.json': `application/json${UTF8}`,
    '/a.': 'application/octet-stream',
    '/': 'application/octet-stream',
    '': 'application/octet-stream',
    '/a.constructor': 'application/octet-stream',
    '/constructor': 'application/octet-stream',
    '/a.\r\nx: y': 'application/octet-stream',
  };
  for (const [path, type] of Object.entries(types)) {
    it(`${JSON.stringify(path)} is ${type}`, () => expect(contentTypeOf(path)).to.equal(type));
  }

  it('compresses what shrinks', () => {
    const names =
      'html css js mjs json map svg xml txt md csv wasm ttf otf eot bmp ico webmanifest atom rtf m3u8';
    for (const extension of names.split(' ')) {
      expect(isCompressible(contentTypeOf(`/a.${extension}`)), extension).to.equal(true);
    }
    expect(isCompressible('TEXT/HTML;charset=utf-8')).to.equal(true);
    expect(isCompressible('application/problem+json')).to.equal(true);
  });

  it('leaves alone what is compressed already, or unknown', () => {
    const names =
      'png jpg gif webp avif woff woff2 mp4 mp3 ogg webm zip gz tgz zst br 7z pdf svgz docx ts bin';
    for (const extension of names.split(' ')) {
      expect(isCompressible(contentTypeOf(`/a.${extension}`)), extension).to.equal(false);
    }
    expect(isCompressible('')).to.equal(false);
  });
});
