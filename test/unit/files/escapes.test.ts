/**
 * Everything that must not leave the document root, against a real tree with a secret beside it.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Found, LookupRules } from '../../../src/files/found.js';
import { lookup } from '../../../src/files/lookup.js';
import { restless } from '../../helpers/restless.js';
import { SiteTree } from '../../helpers/site-tree.js';

const SECRET = 'the secret';

describe('files: escapes from the root', () => {
  let site: SiteTree;
  beforeEach(() => {
    site = new SiteTree();
    writeFileSync(join(site.outside, 'secret.txt'), SECRET);
    writeFileSync(join(site.outside, 'index.html'), SECRET);
    site.file('index.html', 'home');
    site.file('dir/page.txt', 'page');
  });
  afterEach(() => site.remove());

  const MISSING: Found = { kind: 'missing' };

  function find(rawPath: string, overrides: Partial<LookupRules> = {}): Found {
    return lookup({ rawPath }, site.rules({ autoindex: true, cleanUrls: true, ...overrides }));
  }

  function body(found: Found): string {
    return found.kind === 'file' ? Buffer.from(found.variants[0]!.body!).toString() : found.kind;
  }

  const climbs = [
    '/../root-secret/secret.txt',
    '/%2e%2e/root-secret/secret.txt',
    '/%2E%2E/root-secret/secret.txt',
    '/.%2e/root-secret/secret.txt',
    '/dir/../../root-secret/secret.txt',
    '/dir/%2e%2e/%2e%2e/root-secret/secret.txt',
    '/..%2froot-secret%2fsecret.txt',
    '/dir/..%2f..%2froot-secret/secret.txt',
    '/..%5croot-secret%5csecret.txt',
    '/..\\root-secret\\secret.txt',
    '/%252e%252e/root-secret/secret.txt',
    '/%c0%ae%c0%ae/root-secret/secret.txt',
    '/..;/root-secret/secret.txt',
    '/.../root-secret/secret.txt',
    '//../root-secret/secret.txt',
    '/../root-secret/secret.txt%00.html',
    '/secret.txt%00',
    '/index.html%00.txt',
    '/dir%00/page.txt',
    '/~root/secret.txt',
    '/../root/index.html',
    '/-secret/secret.txt',
    '/%00',
    '/proc/self/environ',
    `/${'../'.repeat(40)}etc/passwd`,
    `/${'%2e%2e/'.repeat(40)}etc/passwd`,
  ];
  for (const path of climbs) {
    it(path.length > 60 ? `${path.slice(0, 60)}…` : path, () => expect(find(path)).to.deep.equal(MISSING));
  }

  it('an absolute path of the disk is a path below the root', () => {
    expect(find(join(site.outside, 'secret.txt'))).to.deep.equal(MISSING);
    expect(find(`/${site.outside}/secret.txt`)).to.deep.equal(MISSING);
  });

  describe('symbolic links', () => {
    beforeEach(() => {
      site.link('out.txt', join(site.outside, 'secret.txt'));
      site.link('out.html', join(site.outside, 'secret.txt'));
      site.link('out-dir', site.outside);
      site.link('relative.txt', '../root-secret/secret.txt');
      site.link('dir/chain.txt', '../hop.txt');
      site.link('hop.txt', 'out.txt');
      site.link('in.txt', 'dir/page.txt');
      site.link('in-dir', 'dir');
      site.link('to-root', site.root);
      site.link('dangling', 'nowhere');
    });

    const escaping = [
      '/out.txt',
      '/out.html',
      '/out',
      '/relative.txt',
      '/dir/chain.txt',
      '/hop.txt',
      '/out-dir',
      '/out-dir/',
      '/out-dir/secret.txt',
      '/out-dir/secret',
      '/dangling',
    ];

    for (const path of escaping) {
      it(`inside: ${path} is missing`, () => expect(find(path)).to.deep.equal(MISSING));
      it(`never: ${path} is missing`, () => {
        expect(find(path, { followSymlinks: 'never' })).to.deep.equal(MISSING);
      });
    }

    it('inside: links that stay below the root are followed', () => {
      expect(body(find('/in.txt'))).to.equal('page');
      expect(body(find('/in-dir/page.txt'))).to.equal('page');
      expect(find('/in-dir')).to.deep.equal({ kind: 'redirect', location: '/in-dir/' });
      expect(find('/in-dir/').kind).to.equal('listing');
      expect(body(find('/to-root/index.html', { cleanUrls: false }))).to.equal('home');
    });

    it('never: no link is followed, as the last name or before', () => {
      for (const path of ['/in.txt', '/in-dir/page.txt', '/in-dir', '/in-dir/', '/to-root/dir/page.txt']) {
        expect(find(path, { followSymlinks: 'never' }), path).to.deep.equal(MISSING);
      }
      expect(body(find('/dir/page.txt', { followSymlinks: 'never' }))).to.equal('page');
    });

    it('always: every link is followed', () => {
      const always = { followSymlinks: 'always' as const };
      expect(body(find('/out.txt', always))).to.equal(SECRET);
      expect(body(find('/dir/chain.txt', always))).to.equal(SECRET);
      expect(body(find('/out-dir/secret.txt', always))).to.equal(SECRET);
      expect(body(find('/out-dir/', always))).to.equal(SECRET);
      expect(find('/dangling', always)).to.deep.equal(MISSING);
    });

    it('a sidecar that leads out is not used', () => {
      site.file('page.css', 'a{}');
      site.link('page.css.gz', join(site.outside, 'secret.txt'));
      const found = find('/page.css');
      expect(found.kind === 'file' && found.variants.map(({ coding }) => coding)).to.deep.equal(['identity']);
    });

    it('a root that is itself reached by a link is served', () => {
      // The rules hold the root's real path; the server resolves it when it starts.
      expect(body(find('/dir/page.txt', { root: site.root }))).to.equal('page');
    });
  });

  describe('what is no regular file', () => {
    it('a FIFO is missing, and nobody waits for its writer', function () {
      try {
        execFileSync('mkfifo', [join(site.root, 'fifo'), join(site.root, 'fifo.html')]);
      } catch {
        this.skip(); // no mkfifo on this system
      }
      expect(find('/fifo')).to.deep.equal(MISSING);
      expect(find('/fifo.html')).to.deep.equal(MISSING);
      expect(find('/fifo/')).to.deep.equal(MISSING);
    });

    it('a socket is missing', async () => {
      const server = createServer().listen(join(site.root, 'sock'));
      await once(server, 'listening');
      expect(find('/sock')).to.deep.equal(MISSING);
      server.close();
      await once(server, 'close');
    });

    it('a device is missing, by any policy', () => {
      site.link('zero', '/dev/zero');
      site.link('tty', '/dev/tty');
      for (const followSymlinks of ['inside', 'never', 'always'] as const) {
        expect(find('/zero', { followSymlinks })).to.deep.equal(MISSING);
        expect(find('/tty', { followSymlinks })).to.deep.equal(MISSING);
      }
    });
  });

  describe('a name that keeps changing what it is', () => {
    /** Looks so often that the change falls between any two steps of a lookup. */
    async function lookOften(rawPath: string, check: (found: Found) => void): Promise<void> {
      for (let looks = 0; looks < 3000; looks++) {
        check(find(rawPath));
        if (looks % 50 === 0) await new Promise(setImmediate);
      }
    }

    it('never gives what a link leads to outside', async () => {
      const path = site.file('x.txt', 'public');
      const swapper = await restless(
        path,
        `if (turn % 2) fs.symlinkSync('../root-secret/secret.txt', path + '.new');
         else fs.writeFileSync(path + '.new', 'public');
         fs.renameSync(path + '.new', path);`,
      );
      try {
        await lookOften('/x.txt', (found) => expect(body(found)).to.be.oneOf(['public', 'missing', 'busy']));
      } finally {
        await swapper.stop();
      }
    });

    it('never gives what a directory that becomes a link holds outside', async () => {
      site.file('d/secret.txt', 'public');
      const swapper = await restless(
        join(site.root, 'd'),
        `fs.renameSync(path, path + '.away');
         fs.symlinkSync('../root-secret', path);
         fs.unlinkSync(path);
         fs.renameSync(path + '.away', path);`,
      );
      try {
        await lookOften('/d/secret.txt', (found) =>
          expect(body(found)).to.be.oneOf(['public', 'missing', 'busy']),
        );
        await lookOften('/d/', (found) => {
          // The directory outside holds an index file, which would be found first.
          expect(found.kind).to.be.oneOf(['listing', 'missing']);
          if (found.kind === 'listing')
            expect(Buffer.from(found.json).toString()).not.to.include('index.html');
        });
      } finally {
        await swapper.stop();
      }
    });

    it('never waits for a FIFO', async function () {
      const path = site.file('x.txt', 'public');
      try {
        execFileSync('mkfifo', [`${path}.fifo`]);
      } catch {
        this.skip(); // no mkfifo on this system
      }
      const swapper = await restless(
        path,
        `if (turn % 2) fs.linkSync(path + '.fifo', path + '.new');
         else fs.writeFileSync(path + '.new', 'public');
         fs.renameSync(path + '.new', path);`,
      );
      try {
        await lookOften('/x.txt', (found) => expect(body(found)).to.be.oneOf(['public', 'missing', 'busy']));
      } finally {
        await swapper.stop();
      }
    });
  });

  it('hidden files are missing, and so is what they would be by another name', () => {
    site.file('.env', SECRET);
    site.file('.git/config', SECRET);
    site.file('.html', SECRET);
    site.file('.well-known/security.txt', 'contact');
    for (const path of [
      '/.env',
      '/%2eenv',
      '/dir/../.env',
      '/.git/config',
      '/.git',
      '/.git/',
      '/.html',
      '/./.env',
    ]) {
      expect(find(path), path).to.deep.equal(MISSING);
    }
    expect(body(find('/.well-known/security.txt'))).to.equal('contact');
    expect(body(find('/.env', { dotfiles: 'serve' }))).to.equal(SECRET);
  });
});
