import { mkdirSync, symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { DeadProperties, MAX_PROPERTIES_BYTES } from '../../../src/dav/dead-properties.js';
import { Etags } from '../../../src/dav/etags.js';
import { LockStore } from '../../../src/dav/locks.js';
import { propfind, type Wanted, wantedIn } from '../../../src/dav/propfind.js';
import { applyUpdates, updatesIn } from '../../../src/dav/proppatch.js';
import { resourceAt, type Sight } from '../../../src/dav/resources.js';
import { elementIn, elementsIn, parseXml, standalone, textOf, XmlError } from '../../../src/dav/xml.js';
import { readFile } from '../../../src/files/read-file.js';
import { TestDirectory } from '../../helpers/directory.js';

const ALL: Wanted = { kind: 'all', also: [] };

function parse(text: string) {
  return parseXml(Buffer.from(text));
}

describe('properties of WebDAV', () => {
  let directory: TestDirectory;
  let sight: Sight;
  let dead: DeadProperties;
  let locks: LockStore;

  beforeEach(() => {
    directory = new TestDirectory({
      'a.txt': 'hello',
      'large.bin': 'x'.repeat(2000),
      'dir/ü & b.html': '<p>',
      'dir/deep/c': '',
      '.secret': '',
      '.handover/x': '',
    });
    sight = {
      root: directory.path,
      dotfiles: 'hide',
      followSymlinks: 'inside',
      withheld: [],
      maxBodyBytes: 1000,
    };
    dead = new DeadProperties(directory.at('.handover'));
    locks = new LockStore(directory.at('.handover'));
  });
  afterEach(() => directory.remove());

  /** What is told, by href and status: elements in canonical form. */
  async function ask(path: string, depth: '0' | '1' | 'infinity', wanted: Wanted) {
    const segments = path.split('/').filter(Boolean);
    const top = (await resourceAt(segments, sight))!;
    const reply = await propfind(top, depth, wanted, { sight, dead, locks, etags: new Etags(1000) });
    expect(reply.status).to.equal(207);
    const told: Record<string, Record<string, Record<string, string>>> = {};
    for (const response of elementsIn(parseXml(reply.body as Buffer), 'response')) {
      const statuses: Record<string, Record<string, string>> = {};
      for (const propstat of elementsIn(response, 'propstat')) {
        const properties = elementsIn(elementIn(propstat, 'prop')!);
        statuses[textOf(elementIn(propstat, 'status')!).split(' ')[1]!] = Object.fromEntries(
          properties.map((property) => [property.name, textOf(property)]),
        );
      }
      told[textOf(elementIn(response, 'href')!)] = statuses;
    }
    return told;
  }

  it('tells of a file what GET tells', async () => {
    for (const name of ['a.txt', 'large.bin']) {
      const rules = { ...sight, indexFiles: [], autoindex: false, cleanUrls: false };
      const found = readFile({ path: directory.at(name), urlPath: `/${name}`, now: Date.now }, rules);
      if (found?.kind !== 'file') throw new Error('not found');
      const properties = (await ask(`/${name}`, '0', ALL))[`/${name}`]!['200']!;
      expect(properties.getcontentlength).to.equal(String(found.variants[0]!.sizeBytes));
      expect(Date.parse(properties.getlastmodified!)).to.equal(found.mtimeMs);
      expect(properties.creationdate).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      if (name === 'a.txt') {
        expect(properties.getetag).to.equal(found.variants[0]!.etag);
        expect(properties.getcontenttype).to.equal('text/plain; charset=utf-8');
      }
    }
  });

  it('lists a collection by its depth, without what is hidden', async () => {
    expect(Object.keys(await ask('/', '0', ALL))).to.deep.equal(['/']);
    expect(Object.keys(await ask('/', '1', ALL)).sort()).to.deep.equal([
      '/',
      '/a.txt',
      '/dir/',
      '/large.bin',
    ]);
    expect(Object.keys(await ask('/dir', 'infinity', ALL)).sort()).to.deep.equal([
      '/dir/',
      '/dir/%C3%BC%20&%20b.html',
      '/dir/deep/',
      '/dir/deep/c',
    ]);
    for (const hidden of [['.handover'], ['.handover', 'x'], ['.secret'], ['nothing']]) {
      expect(await resourceAt(hidden, sight)).to.equal(undefined);
    }
  });

  it('goes round no circle, and follows no link out of the root', async () => {
    mkdirSync(directory.at('dir/links'));
    symlinkSync('..', directory.at('dir/links/up'));
    symlinkSync('/etc', directory.at('dir/links/etc'));
    const told = Object.keys(await ask('/dir', 'infinity', ALL));
    expect(told.filter((href) => href.includes('links')).sort()).to.deep.equal([
      '/dir/links/',
      '/dir/links/up/',
    ]);
  });

  it('tells names, or those that are asked for', async () => {
    await dead.set(['a.txt'], [{ ns: 'urn:x', name: 'color', xml: '<color xmlns="urn:x">red</color>' }]);
    const names = (await ask('/a.txt', '0', { kind: 'names' }))['/a.txt']!['200']!;
    expect(names).to.include({ getetag: '', color: '' });
    const some = wantedIn(
      parse(
        '<D:propfind xmlns:D="DAV:"><D:prop><D:getcontentlength/><color xmlns="urn:x"/><color xmlns="urn:y"/><D:nothing/></D:prop></D:propfind>',
      ),
    );
    expect((await ask('/a.txt', '0', some))['/a.txt']).to.deep.equal({
      200: { getcontentlength: '5', color: 'red' },
      404: { color: '', nothing: '' },
    });
    expect((await ask('/a.txt', '0', ALL))['/a.txt']!['200']).to.include({ color: 'red' });
  });

  it('tells how much room there is only when it is asked', async () => {
    expect((await ask('/', '0', ALL))['/']!['200']).not.to.have.property('quota-available-bytes');
    const wanted: Wanted = { kind: 'all', also: [{ ns: 'DAV:', name: 'quota-available-bytes' }] };
    expect(Number((await ask('/', '0', wanted))['/']!['200']!['quota-available-bytes'])).to.be.above(0);
  });

  it('tells of locks', async () => {
    const { token } = await locks.add({
      path: ['dir'],
      scope: 'exclusive',
      depth: 'infinity',
      owner: 'ada',
      principal: '',
      timeoutSeconds: 60,
    });
    const { lockdiscovery } = (await ask('/dir/deep/c', '0', ALL))['/dir/deep/c']!['200']!;
    expect(lockdiscovery).to.contain(token).and.contain('ada').and.contain('/dir');
  });

  it('refuses what is no question', () => {
    for (const text of [
      '<a/>',
      '<propfind xmlns="DAV:"/>',
      '<propfind xmlns="DAV:"><prop/><allprop/></propfind>',
      '<propertyupdate xmlns="DAV:"/>',
    ]) {
      expect(() => wantedIn(parse(text))).to.throw(XmlError);
    }
    expect(wantedIn(undefined)).to.deep.equal(ALL);
  });

  describe('setting them', () => {
    const update = (instructions: string) =>
      updatesIn(parse(`<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x">${instructions}</D:propertyupdate>`));

    it('is done in order, and kept as it was said', () => {
      const { propstats, properties } = applyUpdates(
        [{ ns: 'urn:x', name: 'b', xml: '<b xmlns="urn:x"/>' }],
        update(
          '<D:set><D:prop><x:a>1</x:a></D:prop></D:set><D:remove><D:prop><x:b/></D:prop></D:remove>' +
            '<D:set><D:prop><x:a xml:lang="en"><x:deep/>2</x:a></D:prop></D:set>',
        ),
      );
      expect(propstats.map(({ status, properties: of }) => [status, of.length])).to.deep.equal([[200, 2]]);
      expect(properties!.map(({ xml }) => standalone(parse(xml)))).to.deep.equal([
        '<x:a xmlns:x="urn:x" xml:lang="en"><x:deep xmlns:x="urn:x"/>2</x:a>',
      ]);
    });

    it('is done wholly or not at all', () => {
      const { propstats, properties } = applyUpdates(
        [],
        update('<D:set><D:prop><x:a/><D:getetag>"1"</D:getetag></D:prop></D:set>'),
      );
      expect(properties).to.equal(undefined);
      expect(propstats.map(({ status }) => status)).to.deep.equal([403, 424]);
    });

    it('has a bound', () => {
      const large = 'x'.repeat(MAX_PROPERTIES_BYTES);
      const { propstats, properties } = applyUpdates(
        [],
        update(`<D:set><D:prop><x:a>${large}</x:a></D:prop></D:set>`),
      );
      expect(properties).to.equal(undefined);
      expect(propstats.map(({ status }) => status)).to.deep.equal([507]);
    });
  });
});
