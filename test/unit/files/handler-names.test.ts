import { expect } from 'chai';
import { lookup } from '../../../src/files/lookup.js';
import { HandlerBench } from '../../helpers/handler-bench.js';
import { fieldOf, textOf } from '../../helpers/replies.js';
import { SiteTree } from '../../helpers/site-tree.js';

const NFC = 'caf\u00e9';
const NFD = 'cafe\u0301';

describe('files/handler: names in Unicode', () => {
  let site: SiteTree;
  let bench: HandlerBench;
  let lookups: string[];

  beforeEach(() => {
    site = new SiteTree();
    bench = new HandlerBench();
    lookups = [];
    bench.tasks.lookup = async (task) => {
      lookups.push(decodeURIComponent(task.rawPath));
      return lookup(task, site.rules());
    };
  });
  afterEach(() => site.remove());

  const get = (name: string) => bench.get(`/${encodeURIComponent(name)}`);

  it('are found in either form when only one is there', async () => {
    site.file(`${NFD}.txt`, 'decomposed');
    expect(textOf(await get(`${NFC}.txt`))).to.equal('decomposed');
    site.file(`${NFC}.html`, 'composed');
    expect(textOf(await get(`${NFD}.html`))).to.equal('composed');
    site.directory(NFD);
    expect(fieldOf(await get(NFC), 'location')).to.equal(`/${encodeURIComponent(NFD)}/`);
  });

  it('are the very bytes first', async function () {
    site.file(`${NFD}.txt`, 'decomposed');
    site.file(`${NFC}.txt`, 'composed');
    const nfd = textOf(await get(`${NFD}.txt`));
    if (nfd === 'composed') this.skip(); // this file system takes both for one name
    expect(nfd).to.equal('decomposed');
    expect(textOf(await get(`${NFC}.txt`))).to.equal('composed');
  });

  it('are one file in the cache, however many forms they are asked for in', async () => {
    const accents = [NFC, NFD].flatMap((a) => [NFC, NFD].flatMap((b) => [NFC, NFD].map((c) => a + b + c)));
    const [name = ''] = accents;
    site.file(name, 'one');
    for (const spelling of accents) expect(textOf(await get(spelling))).to.equal('one');
    // Each form is asked for once, and the file is read once: for all of them it is the same entry.
    expect(lookups).to.have.members(accents.map((spelling) => `/${spelling}`));
  });

  it('are missing when no form is there', async () => {
    expect((await get(NFD)).status).to.equal(404);
    expect(lookups).to.deep.equal([`/${NFD}`, `/${NFC}`]);
  });
});
