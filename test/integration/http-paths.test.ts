/** Which file a target names, and that none of them leads out of the document root. All targets go out raw. */
import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { TestServer } from '../helpers/server.js';

/** latin1 characters of a text's UTF-8 bytes: what goes over the wire unescaped. */
const raw = (text: string) => Buffer.from(text).toString('latin1');

describe('paths', () => {
  const SECRET = 'top secret';
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({ settings: { CACHE_REVALIDATE_MS: '0' } });
    const { site } = server;
    site.file('index.html', 'home');
    site.file('a.txt', 'alpha');
    site.file('sub/b.txt', 'beta');
    site.file('sub/deep/c.txt', 'gamma');
    site.file('100%.txt', 'percent');
    site.file('a b.txt', 'space');
    site.file('a+b.txt', 'plus');
    site.file('q?.txt', 'mark');
    site.file('h#.txt', 'hash');
    site.file('%2e%2e', 'literal');
    site.file('..a', 'dotdot name');
    site.file('a..b', 'dots inside');
    site.file('grün.txt', 'green');
    site.file('caf\u00e9.txt', 'composed');
    site.file('nin\u0303o.txt', 'decomposed');
    site.file('日本/語.txt', 'japanese');
    site.file('.env', SECRET);
    site.file('.git/config', SECRET);
    site.file('sub/.htpasswd', SECRET);
    site.file('.well-known/security.txt', 'Contact: us');
    site.file('.well-known/.hidden', SECRET);
    site.file('sub/.well-known/x', SECRET);
    await writeFile(join(site.outside, 'secret.txt'), SECRET);
    await writeFile(join(site.outside, 'index.html'), SECRET);
    site.link('escape.txt', join(site.outside, 'secret.txt'));
    site.link('relative.txt', '../root-secret/secret.txt');
    site.link('escape', site.outside);
    site.link('sub/up', '../..');
    site.link('loop', 'loop');
    site.link('dangling', 'nowhere');
    site.link('inside.txt', 'a.txt');
    site.link('inside', 'sub');
    site.link('around.txt', join(site.outside, '../root/a.txt'));
    site.link('chain.txt', 'inside.txt');
    site.link('etc', '/etc');
    site.link('proc', '/proc/self');
    site.link('null', '/dev/null');
    execFileSync('mkfifo', [site.at('fifo')]);
  });
  after(() => server?.stop());

  describe('that name a file', () => {
    const FOUND: Readonly<Record<string, string>> = {
      '/a.txt': 'alpha',
      '/a.txt?query=../../etc/passwd': 'alpha',
      '/%61.txt': 'alpha',
      '/%61%2Etxt': 'alpha',
      '/./a.txt': 'alpha',
      '//a.txt': 'alpha',
      '///sub////b.txt': 'beta',
      '/sub/../a.txt': 'alpha',
      '/sub/%2e%2e/a.txt': 'alpha',
      '/sub/.%2E/a.txt': 'alpha',
      '/sub/deep/../../a.txt': 'alpha',
      '/sub/./deep/./c.txt': 'gamma',
      '/100%25.txt': 'percent',
      '/a%20b.txt': 'space',
      '/a+b.txt': 'plus',
      '/a%2Bb.txt': 'plus',
      '/q%3F.txt': 'mark',
      '/h%23.txt': 'hash',
      '/%252e%252e': 'literal',
      '/a..b': 'dots inside',
      '/gr%C3%BCn.txt': 'green',
      [raw('/grün.txt')]: 'green',
      '/caf%C3%A9.txt': 'composed',
      '/cafe%CC%81.txt': 'composed',
      '/nin%CC%83o.txt': 'decomposed',
      '/ni%C3%B1o.txt': 'decomposed',
      [raw('/日本/語.txt')]: 'japanese',
      '/.well-known/security.txt': 'Contact: us',
      '/inside.txt': 'alpha',
      '/inside/b.txt': 'beta',
      '/chain.txt': 'alpha',
      '/around.txt': 'alpha',
      '/': 'home',
      '/.': 'home',
      '/sub/..': 'home',
      '//': 'home',
    };
    for (const [target, text] of Object.entries(FOUND)) {
      it(`${JSON.stringify(target)} is there`, async () => {
        expect(await server.get(target)).to.include({ status: 200, text });
      });
    }

    it('are those that were there first, when two names differ only in their Unicode form', async () => {
      server.site.file('o\u0308.txt', 'decomposed');
      server.site.file('\u00f6.txt', 'composed');
      expect((await server.get('/o%CC%88.txt')).text).to.equal('decomposed');
      expect((await server.get('/%C3%B6.txt')).text).to.equal('composed');
    });
  });

  describe('that name nothing that may be served', () => {
    const up = ['..', '%2e%2e', '%2E.', '.%2e'];
    const TARGETS = [
      ...up.flatMap((dots) => [`/${dots}`, `/${dots}/`, `/${dots}/root-secret/secret.txt`]),
      ...up.map((dots) => `/${`${dots}/`.repeat(12)}etc/passwd`),
      ...up.map((dots) => `/sub/${dots}/${dots}/root-secret/secret.txt`),
      ...up.map((dots) => `//${dots}/root-secret/secret.txt`),
      // Encoded slashes, backslashes and their like never separate names.
      '/..%2froot-secret%2fsecret.txt',
      '/..%2Froot-secret/secret.txt',
      '/%2e%2e%2froot-secret%2fsecret.txt',
      '/sub%2fb.txt',
      '/sub%2Fb.txt',
      '/%2fetc/passwd',
      '/%2f%2fetc%2fpasswd',
      '/..\\root-secret\\secret.txt',
      '/..%5croot-secret%5csecret.txt',
      '/..%5Croot-secret/secret.txt',
      '/sub\\b.txt',
      // Decoded once, and once only.
      '/%252e%252e/root-secret/secret.txt',
      '/%252e%252e%252froot-secret%252fsecret.txt',
      '/..%252froot-secret%252fsecret.txt',
      '/%2561.txt',
      // Overlong and invalid UTF-8, and look-alikes of dot and slash.
      '/%c0%ae%c0%ae/root-secret/secret.txt',
      '/..%c0%afroot-secret/secret.txt',
      '/%e0%80%ae%e0%80%ae/root-secret/secret.txt',
      '/%ff%fe.txt',
      '/\xff.txt',
      '/a%80.txt',
      '/%ed%a0%80',
      '/%ef%bc%8e%ef%bc%8e/root-secret/secret.txt',
      '/..%ef%bc%8froot-secret/secret.txt',
      // NUL never ends a name.
      '/a.txt%00',
      '/a.txt%00.html',
      '/%00',
      '/sub/%00/b.txt',
      '/..%00/root-secret/secret.txt',
      // Hidden names.
      '/.env',
      '/%2eenv',
      '/.git/config',
      '/.git/',
      '/.git',
      '/sub/.htpasswd',
      '/sub/../.env',
      '/.well-known/.hidden',
      '/sub/.well-known/x',
      '/..a',
      '/...',
      // Links that lead out, and names that are no files.
      '/escape.txt',
      '/relative.txt',
      '/escape',
      '/escape/',
      '/escape/secret.txt',
      '/escape/index.html',
      '/sub/up/',
      '/sub/up/root-secret/secret.txt',
      '/etc/passwd',
      '/proc/environ',
      '/proc/cwd/',
      '/null',
      '/fifo',
      '/loop',
      '/loop/x',
      '/dangling',
      '/a.txt/',
      '/a.txt/b',
      '/a.txt/../a.txt/.',
      // Trailing dots and spaces, streams and short names: for file systems that would forgive them.
      '/a.txt.',
      '/a.txt%20',
      '/a.txt::$DATA',
      '/A.TXT',
      // Names and paths that no file system takes.
      `/${'a'.repeat(255)}`,
      `/${'a'.repeat(256)}`,
      `/${'a'.repeat(300)}`,
      `/${'a/'.repeat(3000)}`,
      `/${'%C3%BC'.repeat(200)}`,
      `/a.txt${'/..'.repeat(2000)}`,
    ];

    for (const target of new Set(TARGETS)) {
      it(`${JSON.stringify(target.length > 60 ? `${target.slice(0, 57)}...` : target)} is not found`, async () => {
        const response = await server.get(target);
        expect(response.text).not.to.include(SECRET);
        expect(response.status).to.equal(404);
      });
    }

    for (const target of ['/%', '/%2', '/%zz', '/a%2', '/%u002e', '/%%41', '/..%2f%']) {
      it(`${target} is malformed: 400`, async () => {
        expect((await server.get(target)).status).to.equal(400);
      });
    }

    it('says the same of what is forbidden as of what is not there', async () => {
      const { fields, text } = await server.get('/nothing');
      for (const target of ['/.env', '/escape.txt', '/..%2fx', '/../root-secret/secret.txt', '/a.txt%00']) {
        const other = await server.get(target);
        expect(other.fields, target).to.deep.equal(fields);
        expect(other.text, target).to.equal(text);
      }
    });
  });

  it('serves the same through absolute-form targets, and no more', async () => {
    expect((await server.get('http://x/sub/../a.txt')).text).to.equal('alpha');
    expect((await server.get('http://x')).text).to.equal('home');
    expect((await server.get('http://x/../root-secret/secret.txt')).status).to.equal(404);
    expect((await server.get('http://x/..%2froot-secret/secret.txt')).status).to.equal(404);
  });

  it('takes a name of 255 bytes', async () => {
    const name = 'ü'.repeat(127);
    server.site.file(name, 'long');
    expect((await server.get(`/${encodeURI(name)}`)).text).to.equal('long');
  });

  it('notices that a link has taken the place of a file', async () => {
    const { site } = server;
    const path = site.file('real/x.txt', 'mine');
    expect((await server.get('/real/x.txt')).text).to.equal('mine');
    await rm(path);
    site.link('real/x.txt', join(site.outside, 'secret.txt'));
    expect((await server.get('/real/x.txt')).status).to.equal(404);
  });

  describe('with other policies', () => {
    it('serves hidden names, and follows all links, when told to', async () => {
      const open = await TestServer.start({ settings: { DOTFILES: 'serve', FOLLOW_SYMLINKS: 'always' } });
      try {
        open.site.file('.env', 'visible');
        await writeFile(join(open.site.outside, 'x.txt'), 'outside');
        open.site.link('x.txt', join(open.site.outside, 'x.txt'));
        expect((await open.get('/.env')).text).to.equal('visible');
        expect((await open.get('/x.txt')).text).to.equal('outside');
        expect((await open.get('/../root-secret/x.txt')).status).to.equal(404);
      } finally {
        await open.stop();
      }
    });

    it('follows no link when told so', async () => {
      const strict = await TestServer.start({ settings: { FOLLOW_SYMLINKS: 'never' } });
      try {
        strict.site.file('sub/a.txt', 'alpha');
        strict.site.link('link.txt', 'sub/a.txt');
        strict.site.link('dir', 'sub');
        expect((await strict.get('/sub/a.txt')).text).to.equal('alpha');
        expect((await strict.get('/link.txt')).status).to.equal(404);
        expect((await strict.get('/dir/a.txt')).status).to.equal(404);
        expect((await strict.get('/dir')).status).to.equal(404);
      } finally {
        await strict.stop();
      }
    });
  });
});
