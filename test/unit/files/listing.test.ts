import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FoundListing, LookupRules } from '../../../src/files/found.js';
import { compareEntries, type Listing, type ListingEntry, MAX_ENTRIES } from '../../../src/files/listing.js';
import { lookup } from '../../../src/files/lookup.js';
import { SiteTree, unprivileged } from '../../helpers/site-tree.js';

describe('files/listing', () => {
  let site: SiteTree;
  beforeEach(() => {
    site = new SiteTree();
  });
  afterEach(() => site.remove());

  function find(rawPath: string, overrides: Partial<LookupRules> = {}): FoundListing {
    const found = lookup({ rawPath }, site.rules({ autoindex: true, ...overrides }));
    if (found.kind !== 'listing') throw new Error(`${rawPath}: ${found.kind}`);
    return found;
  }

  function list(rawPath: string, overrides: Partial<LookupRules> = {}): Listing {
    return JSON.parse(Buffer.from(find(rawPath, overrides).json).toString());
  }

  const names = (listing: Listing) =>
    listing.entries.map(({ name, type }) => (type === 'directory' ? `${name}/` : name));

  it('says name, type, size and time of each entry', () => {
    site.file('a.txt', '12345');
    site.touch('a.txt', 1_000_000_000);
    site.directory('sub');
    site.touch('sub', 1_000_000_001);
    const entries: ListingEntry[] = [
      { name: 'sub', type: 'directory', sizeBytes: null, modified: '2001-09-09T01:46:41.000Z' },
      { name: 'a.txt', type: 'file', sizeBytes: 5, modified: '2001-09-09T01:46:40.000Z' },
    ];
    expect(list('/')).to.deep.equal({ path: '/', entries, truncated: false });
    expect(list('/sub/')).to.deep.equal({ path: '/sub/', entries: [], truncated: false });
  });

  it('sorts directories first, then in natural order', () => {
    for (const name of ['b10', 'b9', 'B8', 'a.txt', 'é', 'f']) site.file(name);
    for (const name of ['z10', 'z9']) site.directory(name);
    expect(names(list('/'))).to.deep.equal(['z9/', 'z10/', 'a.txt', 'B8', 'b9', 'b10', 'é', 'f']);
    // Names that a reader takes for the same still have an order.
    expect(compareEntries({ name: 'a01', type: 'file' }, { name: 'a1', type: 'file' })).not.to.equal(0);
    expect(compareEntries({ name: 'a', type: 'file' }, { name: 'a', type: 'file' })).to.equal(0);
  });

  it('shows exactly what can be requested', () => {
    site.file('index.txt');
    site.file('app.js');
    site.file('app.js.gz');
    site.file('.env');
    site.file('.well-known/security.txt');
    site.file('sub/.well-known/x');
    site.file('back\\slash');
    writeFileSync(Buffer.concat([Buffer.from(`${site.root}/bad-`), Buffer.from([0xff])]), '');
    expect(names(list('/'))).to.deep.equal(['.well-known/', 'sub/', 'app.js', 'app.js.gz', 'index.txt']);
    expect(names(list('/sub/'))).to.deep.equal([]);
    expect(names(list('/', { dotfiles: 'serve' }))).to.include('.env');
    for (const { name, type } of list('/').entries) {
      const path = `/${encodeURIComponent(name)}${type === 'directory' ? '/' : ''}`;
      expect(lookup({ rawPath: path }, site.rules({ autoindex: true })).kind, path).to.be.oneOf([
        'file',
        'listing',
      ]);
    }
  });

  it('shows links as what they lead to, by the policy for links', () => {
    writeFileSync(join(site.outside, 'secret.txt'), '');
    site.file('dir/page.txt', '123');
    site.link('file-in', 'dir/page.txt');
    site.link('dir-in', 'dir');
    site.link('file-out', join(site.outside, 'secret.txt'));
    site.link('dir-out', site.outside);
    site.link('dangling', 'nowhere');
    site.link('loop', 'loop');
    site.link('device', '/dev/null');
    expect(names(list('/'))).to.deep.equal(['dir/', 'dir-in/', 'file-in']);
    expect(list('/').entries[2]).to.include({ sizeBytes: 3 });
    expect(names(list('/', { followSymlinks: 'never' }))).to.deep.equal(['dir/']);
    const all = ['dir/', 'dir-in/', 'dir-out/', 'file-in', 'file-out'];
    expect(names(list('/', { followSymlinks: 'always' }))).to.deep.equal(all);
  });

  it('shows no FIFO', function () {
    try {
      execFileSync('mkfifo', [join(site.root, 'fifo')]);
    } catch {
      this.skip(); // no mkfifo on this system
    }
    expect(names(list('/'))).to.deep.equal([]);
  });

  it('skips a link whose target may not be looked at', () => {
    site.file('closed/secret.txt');
    site.link('link', 'closed/secret.txt');
    chmodSync(join(site.root, 'closed'), 0);
    expect(unprivileged(() => names(list('/')))).to.deep.equal(['closed/']);
    chmodSync(join(site.root, 'closed'), 0o700);
  });

  it('is unchanged until an entry changes', () => {
    site.file('a.txt', '1');
    const first = find('/');
    const again = () => lookup({ rawPath: '/', known: first.identity }, site.rules({ autoindex: true })).kind;
    expect(again()).to.equal('unchanged');
    site.file('a.txt', '22');
    expect(again()).to.equal('listing');
    rmSync(join(site.root, 'a.txt'));
    expect(again()).to.equal('listing');
  });

  it('has a strong tag for each form', () => {
    const { htmlEtag, jsonEtag } = find('/');
    expect(htmlEtag).to.match(/^"[\w-]{22}"$/);
    expect(jsonEtag).to.match(/^"[\w-]{22}"$/);
    expect(htmlEtag).not.to.equal(jsonEtag);
  });

  it('survives times that are no dates', () => {
    site.file('future');
    site.touch('future', 1e13);
    expect(list('/').entries[0]!.modified).to.match(/^[+\d-]+T[\d:.]+Z$/);
  });

  it('stops at a bound, and says so', () => {
    mkdirSync(join(site.root, 'many'));
    for (let i = 0; i <= MAX_ENTRIES; i++) writeFileSync(join(site.root, 'many', `f${i}`), '');
    const many = list('/many/');
    expect(many.entries).to.have.length(MAX_ENTRIES);
    expect(many.truncated).to.equal(true);
    expect(many.entries[9_999]!.name).to.equal('f9999');
    expect(Buffer.from(find('/many/').html).toString()).to.include('these are 10,000 of its entries');
    rmSync(join(site.root, 'many', 'f0'));
    expect(list('/many/')).to.have.property('truncated', false);
  });
});
