/** Content-Type: types, charset and nosniff, as they are sent. */
import { expect } from 'chai';
import { TestServer } from '../helpers/server.js';

const UTF8 = '; charset=utf-8';

const TYPES: Readonly<Record<string, string>> = {
  'page.html': `text/html${UTF8}`,
  'PAGE2.HTML': `text/html${UTF8}`,
  'style.css': `text/css${UTF8}`,
  'app.js': `text/javascript${UTF8}`,
  'module.mjs': `text/javascript${UTF8}`,
  'data.json': `application/json${UTF8}`,
  'app.js.map': `application/json${UTF8}`,
  'site.webmanifest': `application/manifest+json${UTF8}`,
  'feed.xml': `application/xml${UTF8}`,
  'logo.svg': `image/svg+xml${UTF8}`,
  'readme.md': `text/markdown${UTF8}`,
  'notes.txt': `text/plain${UTF8}`,
  LICENSE: `text/plain${UTF8}`,
  'table.csv': `text/csv${UTF8}`,
  'code.wasm': 'application/wasm',
  'font.woff2': 'font/woff2',
  'photo.jpg': 'image/jpeg',
  'photo.png': 'image/png',
  'photo.avif': 'image/avif',
  'photo.webp': 'image/webp',
  'icon.ico': 'image/vnd.microsoft.icon',
  'film.mp4': 'video/mp4',
  'sound.mp3': 'audio/mpeg',
  'paper.pdf': 'application/pdf',
  'archive.zip': 'application/zip',
  'archive.tar.gz': 'application/gzip',
  'unknown.xyz123': 'application/octet-stream',
  noextension: 'application/octet-stream',
  'many.dots.in.name.txt': `text/plain${UTF8}`,
};

describe('content types', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
    for (const name of Object.keys(TYPES)) server.site.file(name, 'content');
  });
  after(() => server?.stop());

  for (const [name, type] of Object.entries(TYPES)) {
    it(`${name} is ${type}`, async () => {
      const response = await server.get(`/${name}`);
      expect(response.field('content-type')).to.equal(type);
      expect(response.field('x-content-type-options')).to.equal('nosniff');
    });
  }

  it('go with errors and redirects too', async () => {
    server.site.directory('directory');
    for (const target of ['/nothing', '/%zz', '/directory']) {
      const response = await server.get(target);
      expect(response.field('content-type'), target).to.equal(`text/html${UTF8}`);
      expect(response.field('x-content-type-options'), target).to.equal('nosniff');
    }
  });
});
