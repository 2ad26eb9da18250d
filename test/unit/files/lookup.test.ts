import { chmodSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Found, LookupRules } from '../../../src/files/found.js';
import { lookup } from '../../../src/files/lookup.js';
import { SiteTree, unprivileged } from '../../helpers/site-tree.js';

describe('files/lookup', () => {
  let site: SiteTree;
  beforeEach(() => {
    site = new SiteTree();
  });
  afterEach(() => site.remove());

  function find(rawPath: string, overrides: Partial<LookupRules> = {}): Found {
    return lookup({ rawPath }, site.rules(overrides));
  }

  /** One line for what was found: a file's URL path, `-> location`, or the kind. */
  function outcome(rawPath: string, overrides: Partial<LookupRules> = {}): string {
    const found = find(rawPath, overrides);
    if (found.kind === 'file') return found.urlPath;
    if (found.kind === 'redirect') return `-> ${found.location}`;
    return found.kind;
  }

  describe('files and directories', () => {
    it('finds files by name', () => {
      site.file('a/b c.txt', 'hello');
      const found = find('/a/b%20c.txt');
      expect(found).to.include({ kind: 'file', urlPath: '/a/b c.txt' });
      if (found.kind !== 'file') return;
      expect(found.variants).to.have.length(1);
      expect(Buffer.from(found.variants[0]!.body!).toString()).to.equal('hello');
      expect(found.variants[0]!.path).to.equal(join(site.root, 'a/b c.txt'));
    });

    it('passes on what the path itself says', () => {
      expect(outcome('/%zz')).to.equal('missing');
      expect(outcome('/%2e%2e/x')).to.equal('missing');
      expect(outcome('/none')).to.equal('missing');
    });

    it('does not find a file as a directory', () => {
      site.file('a.txt');
      expect(outcome('/a.txt/')).to.equal('missing');
      expect(outcome('/a.txt/.')).to.equal('missing');
      expect(outcome('/a.txt/b')).to.equal('missing');
    });

    it('follows a root that is a link, wherever it leads now', () => {
      site.file('release-1/a.txt', 'one');
      site.file('release-2/a.txt', 'two');
      const root = join(site.root, 'current');
      for (const release of ['release-1', 'release-2']) {
        site.link('current', release);
        const found = find('/a.txt', { root, followSymlinks: 'never' });
        expect(found).to.include({ kind: 'file' });
        if (found.kind !== 'file') return;
        expect(found.variants[0]!.path).to.equal(join(site.root, release, 'a.txt'));
        unlinkSync(root);
      }
      expect(outcome('/a.txt', { root })).to.equal('missing');
    });

    it('takes the first index file there is', () => {
      site.file('docs/index.htm');
      expect(outcome('/docs/')).to.equal('missing');
      expect(outcome('/docs/', { indexFiles: ['index.html', 'index.htm'] })).to.equal('/docs/index.htm');
      site.file('docs/index.html');
      expect(outcome('/docs/', { indexFiles: ['index.html', 'index.htm'] })).to.equal('/docs/index.html');
      site.file('index.html');
      expect(outcome('/')).to.equal('/index.html');
    });

    it('does not take a directory for an index file', () => {
      site.directory('docs/index.html');
      expect(outcome('/docs/')).to.equal('missing');
      expect(outcome('/docs/', { autoindex: true })).to.equal('listing');
    });

    it('lists only when asked to', () => {
      site.file('docs/a.txt');
      expect(outcome('/docs/')).to.equal('missing');
      expect(outcome('/docs/', { autoindex: true })).to.equal('listing');
      expect(outcome('/none/', { autoindex: true })).to.equal('missing');
      expect(outcome('/docs/a.txt/', { autoindex: true })).to.equal('missing');
    });

    it('sends a directory without its slash to the path with it', () => {
      site.directory('sub/a b');
      expect(outcome('/sub')).to.equal('-> /sub/');
      expect(outcome('/sub/a%20b')).to.equal('-> /sub/a%20b/');
    });

    it('never redirects to another host', () => {
      site.directory('sub');
      site.directory('evil.example/sub');
      expect(outcome('//sub')).to.equal('-> /sub/');
      expect(outcome('///evil.example//sub')).to.equal('-> /evil.example/sub/');
      expect(outcome('/x/..//sub')).to.equal('-> /sub/');
    });
  });

  describe('clean URLs', () => {
    const clean = { cleanUrls: true };
    it('are off by default', () => {
      site.file('about.html');
      expect(outcome('/about')).to.equal('missing');
      expect(outcome('/about.html')).to.equal('/about.html');
    });

    it('serve a page without its ending, and send those who ask with it there', () => {
      site.file('about.html');
      site.file('docs/a b.html');
      expect(outcome('/about', clean)).to.equal('/about.html');
      expect(outcome('/about.html', clean)).to.equal('-> /about');
      expect(outcome('/docs/a%20b.html', clean)).to.equal('-> /docs/a%20b');
      expect(outcome('/none.html', clean)).to.equal('missing');
    });

    it('send index pages to their directory', () => {
      site.file('index.html');
      site.file('docs/index.html');
      expect(outcome('/index.html', clean)).to.equal('-> /');
      expect(outcome('/docs/index.html', clean)).to.equal('-> /docs/');
      expect(outcome('/docs/index', clean)).to.equal('-> /docs/');
      expect(outcome('/docs/', clean)).to.equal('/docs/index.html');
    });

    it('keep a page under its own name when the clean one leads elsewhere', () => {
      site.file('about');
      site.file('about.html');
      expect(outcome('/about', clean)).to.equal('/about');
      expect(outcome('/about.html', clean)).to.equal('/about.html');
      site.file('docs/first.htm');
      site.file('docs/index.html');
      const twoIndexes = { ...clean, indexFiles: ['first.htm', 'index.html'] };
      expect(outcome('/docs/', twoIndexes)).to.equal('/docs/first.htm');
      expect(outcome('/docs/index.html', twoIndexes)).to.equal('-> /docs/index');
      expect(outcome('/docs/index', twoIndexes)).to.equal('/docs/index.html');
    });

    it('prefer the page to a directory of the same name', () => {
      site.file('about.html');
      site.file('about/index.html');
      expect(outcome('/about', clean)).to.equal('/about.html');
      expect(outcome('/about/', clean)).to.equal('/about/index.html');
      site.directory('other');
      expect(outcome('/other', clean)).to.equal('-> /other/');
    });

    it('never end in a dot segment or an empty name', () => {
      for (const name of ['.html', '..html', '...html']) site.file(`d/${name}`);
      const bare = { ...clean, dotfiles: 'serve' as const };
      expect(outcome('/d/.html', bare)).to.equal('/d/.html');
      expect(outcome('/d/..html', bare)).to.equal('/d/..html');
      expect(outcome('/d/...html', bare)).to.equal('/d/...html');
    });

    it('reach every page in one redirect', () => {
      for (const name of ['a.html', 'a.html.html', 'b.html.html', 'index.html', 'c/index.html', 'c.html'])
        site.file(name);
      for (const path of [
        '/a.html',
        '/a.html.html',
        '/b.html.html',
        '/b.html',
        '/index.html',
        '/c/index.html',
        '/c.html',
      ]) {
        const first = find(path, clean);
        if (first.kind === 'redirect') expect(find(first.location, clean).kind, path).to.equal('file');
        else expect(first.kind, path).to.equal('file');
      }
    });

    it('work for names as long as the file system takes', () => {
      const name = 'd'.repeat(255);
      site.directory(name);
      expect(outcome(`/${name}`, clean)).to.equal(`-> /${name}/`);
    });
  });

  describe('errors of the file system', () => {
    it('say why a file that may not be read is missing', () => {
      chmodSync(site.file('locked.txt'), 0);
      site.file('closed/a.txt');
      chmodSync(join(site.root, 'closed'), 0);
      for (const path of ['/locked.txt', '/closed/a.txt', '/closed/']) {
        const found = unprivileged(() => find(path, { autoindex: true }));
        expect(found, path).to.include({ kind: 'missing' });
        expect(found, path)
          .to.have.property('reason')
          .that.matches(/^EACCES: /);
      }
      chmodSync(join(site.root, 'closed'), 0o700);
    });

    it('do not keep a directory that may be entered but not read from being served', () => {
      site.file('dir/index.html');
      chmodSync(join(site.root, 'dir'), 0o711);
      expect(unprivileged(() => outcome('/dir/'))).to.equal('/dir/index.html');
      expect(unprivileged(() => outcome('/dir'))).to.equal('-> /dir/');
      expect(unprivileged(() => outcome('/dir/none/', { autoindex: true }))).to.equal('missing');
    });

    it('are no reasons when the name is only absent', () => {
      site.link('loop', 'loop');
      expect(find('/loop')).to.deep.equal({ kind: 'missing' });
      expect(find(`/${'a/'.repeat(2000)}b`)).to.deep.equal({ kind: 'missing' });
      expect(find('/none')).to.deep.equal({ kind: 'missing' });
    });
  });
});
