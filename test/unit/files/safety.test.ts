import { closeSync, fstatSync, openSync, renameSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  isAllowed,
  isInside,
  openDirectory,
  openFile,
  pathBelow,
  realPathByDescriptor,
  realPathByName,
} from '../../../src/files/safety.js';
import { SiteTree } from '../../helpers/site-tree.js';

describe('files/safety', () => {
  let site: SiteTree;
  beforeEach(() => {
    site = new SiteTree();
  });
  afterEach(() => site.remove());

  it('knows inside from beside', () => {
    expect(isInside('/srv/www', '/srv/www')).to.equal(true);
    expect(isInside('/srv/www/a', '/srv/www')).to.equal(true);
    expect(isInside('/srv/www-secret/a', '/srv/www')).to.equal(false);
    expect(isInside('/srv', '/srv/www')).to.equal(false);
    expect(isInside('/etc/passwd', '/')).to.equal(true);
  });

  it('makes paths below the root, also when the root is `/`', () => {
    expect(pathBelow('/srv', [])).to.equal('/srv');
    expect(pathBelow('/srv', ['a', 'b'])).to.equal('/srv/a/b');
    expect(pathBelow('/', ['a'])).to.equal('/a');
    expect(pathBelow('/', [])).to.equal('/');
  });

  it('judges by policy', () => {
    const judge = (followSymlinks: 'inside' | 'always' | 'never', real: string) =>
      isAllowed('/srv/a', real, { root: '/srv', followSymlinks });
    expect([judge('inside', '/srv/b'), judge('inside', '/etc/b')]).to.deep.equal([true, false]);
    expect([judge('never', '/srv/a'), judge('never', '/srv/b')]).to.deep.equal([true, false]);
    expect([judge('always', '/srv/b'), judge('always', '/etc/b')]).to.deep.equal([true, true]);
  });

  it('opens a file with its facts and real path', () => {
    site.file('real.txt', '12345');
    const opened = openFile(site.link('link.txt', 'real.txt'), site.rules())!;
    expect(opened.path).to.equal(join(site.root, 'real.txt'));
    expect(opened.stat.size).to.equal(5n);
    expect(statSync(opened.stablePath).ino).to.equal(Number(opened.stat.ino));
    closeSync(opened.fd);
  });

  it('opens directories only as directories and files only as files', () => {
    expect(openFile(site.directory('dir'), site.rules())).to.equal(undefined);
    expect(openDirectory(site.file('file'), site.rules())).to.equal(undefined);
    expect(openDirectory(join(site.root, 'none'), site.rules())).to.equal(undefined);
    const opened = openDirectory(join(site.root, 'dir'), site.rules())!;
    expect(opened.stat.isDirectory()).to.equal(true);
    closeSync(opened.fd);
  });

  it('withholds files by their real path, and no others of their name', () => {
    site.file('sub/stats.json');
    site.link('alias', 'sub');
    site.link('named', 'sub/stats.json');
    const opens = (name: string, withheld: string): boolean => {
      const opened = openFile(join(site.root, name), site.rules({ withheld: [join(site.root, withheld)] }));
      if (opened !== undefined) closeSync(opened.fd);
      return opened !== undefined;
    };
    for (const name of ['sub/stats.json', 'alias/stats.json', 'named']) {
      expect(opens(name, 'sub/stats.json'), name).to.equal(false);
      expect(opens(name, 'alias/stats.json'), `${name}, named by a link`).to.equal(false);
      expect(opens(name, 'stats.json'), `${name} and another`).to.equal(true);
      expect(opens(name, 'gone/stats.json'), `${name} and one that is away`).to.equal(true);
    }
  });

  it('leaves no descriptor open behind a refusal', () => {
    site.link('out', join(site.outside, 'x'));
    symlinkSync('/etc/hostname', join(site.outside, 'x'));
    const probe = openSync(site.root, 'r');
    closeSync(probe);
    for (let i = 0; i < 10; i++) expect(openFile(join(site.root, 'out'), site.rules())).to.equal(undefined);
    const again = openSync(site.root, 'r');
    closeSync(again);
    expect(again).to.equal(probe);
  });

  describe('real path of an open file', () => {
    it('is the same by descriptor and by name', function () {
      const path = site.file('a/b.txt');
      const link = site.link('c.txt', 'a/b.txt');
      const fd = openSync(link, 'r');
      try {
        expect(realPathByName(link, fstatSync(fd, { bigint: true }))).to.equal(path);
        if (process.platform !== 'linux') this.skip();
        expect(realPathByDescriptor(fd)).to.equal(path);
      } finally {
        closeSync(fd);
      }
    });

    it('is refused by name when the link leads elsewhere by now', () => {
      site.file('a.txt');
      site.file('b.txt');
      const link = site.link('link', 'a.txt');
      const fd = openSync(link, 'r');
      unlinkSync(link);
      symlinkSync('b.txt', link);
      expect(realPathByName(link, fstatSync(fd, { bigint: true }))).to.equal(undefined);
      unlinkSync(link);
      expect(realPathByName(link, fstatSync(fd, { bigint: true }))).to.equal(undefined);
      closeSync(fd);
    });

    it('follows the descriptor and not the name, also of a file just replaced', function () {
      if (process.platform !== 'linux') this.skip();
      const path = site.file('page.html');
      const fd = openSync(path, 'r');
      renameSync(site.file('new.html'), path);
      expect(realPathByDescriptor(fd)).to.equal(path);
      closeSync(fd);

      const odd = site.file('odd (deleted)');
      const oddFd = openSync(odd, 'r');
      expect(realPathByDescriptor(oddFd)).to.equal(odd);
      closeSync(oddFd);
    });
  });
});
