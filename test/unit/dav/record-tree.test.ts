import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { RecordTree } from '../../../src/dav/record-tree.js';
import { TestDirectory } from '../../helpers/directory.js';

interface Note {
  readonly note: string;
}

describe('records beside files', () => {
  let directory: TestDirectory;
  let tree: RecordTree<Note>;

  beforeEach(() => {
    directory = new TestDirectory({ '.handover/': '' });
    tree = new RecordTree(
      directory.at('.handover/notes'),
      (value): value is Note => value instanceof Object && 'note' in value,
    );
  });
  afterEach(() => directory.remove());

  const notes = async (...names: string[]) => (await tree.below(names)).map(({ note }) => note).sort();

  it('keeps one for each name, also for the root', async () => {
    expect(await tree.get(['a'])).to.equal(undefined);
    await tree.set(['a'], { note: '1' });
    await tree.set(['a', 'b'], { note: '2' });
    await tree.set([], { note: '0' });
    await tree.set(['a'], { note: '3' });
    expect(await tree.get(['a'])).to.deep.equal({ note: '3' });
    expect(await tree.get([])).to.deep.equal({ note: '0' });
    expect(await notes()).to.deep.equal(['2', '3']);
    expect(await notes('a')).to.deep.equal(['2']);
  });

  it('keeps those of names that are too long, or look like its own', async () => {
    const long = ['x'.repeat(255), 'record.json', '+', '#'];
    for (let depth = 1; depth <= long.length; depth++)
      await tree.set(long.slice(0, depth), { note: `${depth}` });
    expect(await notes()).to.deep.equal(['1', '2', '3', '4']);
    expect(await tree.get(long)).to.deep.equal({ note: '4' });
  });

  it('takes a name for the same in all forms of Unicode', async () => {
    await tree.set(['u\u0308'], { note: '1' });
    expect(await tree.get(['\u00fc'])).to.deep.equal({ note: '1' });
  });

  it('removes a tree, and leaves nothing of it', async () => {
    await tree.set(['a', 'b', 'c'], { note: '1' });
    await tree.set(['a', 'd'], { note: '2' });
    await tree.remove(['a', 'b']);
    expect(await notes()).to.deep.equal(['2']);
    await tree.set(['a', 'd'], undefined);
    expect(readdirSync(directory.at('.handover/notes'))).to.deep.equal([]);
    await tree.remove(['a']);
  });

  it('moves a tree in place of another', async () => {
    await tree.set(['a', 'b'], { note: '1' });
    await tree.set(['x', 'y'], { note: 'old' });
    await tree.move(['a'], ['x']);
    expect(await tree.get(['x', 'b'])).to.deep.equal({ note: '1' });
    expect(await notes()).to.deep.equal(['1']);
  });

  it('what has none takes away what was known where it is moved or copied to', async () => {
    for (const act of [tree.move.bind(tree), tree.copy.bind(tree)]) {
      await tree.set(['x'], { note: 'old' });
      await act(['nothing'], ['x'], true);
      expect(await notes()).to.deep.equal([]);
    }
  });

  it('copies one, or all below with it', async () => {
    await tree.set(['a'], { note: '1' });
    await tree.set(['a', 'b'], { note: '2' });
    await tree.copy(['a'], ['x'], false);
    expect(await tree.get(['x'])).to.deep.equal({ note: '1' });
    expect(await notes('x')).to.deep.equal([]);
    await tree.copy(['a'], ['x', 'deep'], true);
    expect(await notes('x')).to.deep.equal(['1', '2']);
  });

  it('tells of many as they were at one moment', async () => {
    await tree.set(['a', 'b'], { note: '1' });
    await tree.set([], { note: '0' });
    const get = tree.snapshot();
    expect(await get(['a', 'b'])).to.deep.equal({ note: '1' });
    await tree.set(['a', 'c'], { note: '2' });
    await tree.set(['a', 'b'], undefined);
    expect(await get(['a', 'b'])).to.deep.equal({ note: '1' });
    expect(await get(['a'])).to.equal(undefined);
    expect(await get(['a', 'c'])).to.equal(undefined);
    expect(await get(['x', 'y', 'z'])).to.equal(undefined);
    expect(await get([])).to.deep.equal({ note: '0' });
  });

  it('says which record is garbage', async () => {
    const path = directory.write('.handover/notes/+a/record.json', '{');
    let message = '';
    await tree.get(['a']).catch((error) => {
      message = error.message;
    });
    expect(message).to.contain(path);
  });
});
