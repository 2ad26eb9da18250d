import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { PartFile } from '../../../../src/getfile/client/part-file.js';
import { TestDirectory } from '../../../helpers/directory.js';

describe('getfile/client/part-file', () => {
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory();
  });
  afterEach(() => directory.remove());
  const names = (): string[] => readdirSync(directory.path, { recursive: true }).map(String).sort();

  it('has its name when it is whole, and not before', () => {
    const file = new PartFile(directory.at('a/b/c.txt'));
    file.write(Buffer.from('hel'));
    file.write(Buffer.from('lo'));
    expect(names().filter((name) => name.endsWith('c.txt'))).to.deep.equal([]);
    file.keep();
    expect(names()).to.deep.equal(['a', 'a/b', 'a/b/c.txt']);
    expect(readFileSync(directory.at('a/b/c.txt'), 'utf8')).to.equal('hello');
  });

  it('takes the place of what was there, also in the name of the longest file', () => {
    const name = 'x'.repeat(255);
    directory.write(name, 'old and longer');
    const file = new PartFile(directory.at(name));
    expect(readFileSync(directory.at(name), 'utf8')).to.equal('old and longer');
    file.keep();
    expect(readFileSync(directory.at(name), 'utf8')).to.equal('');
  });

  it('leaves nothing when it is discarded, or cannot get its name', () => {
    directory.write('c.txt', 'old');
    const file = new PartFile(directory.at('c.txt'));
    file.write(Buffer.from('new'));
    file.discard();
    expect([names(), readFileSync(directory.at('c.txt'), 'utf8')]).to.deep.equal([['c.txt'], 'old']);
    mkdirSync(directory.at('d/e'), { recursive: true });
    const other = new PartFile(directory.at('d'));
    expect(() => other.keep()).to.throw(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(names()).to.deep.equal(['c.txt', 'd', 'd/e']);
  });
});
