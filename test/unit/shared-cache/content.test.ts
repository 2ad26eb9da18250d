import { appendFileSync, closeSync, fstatSync, openSync } from 'node:fs';
import { expect } from 'chai';
import { FileContent } from '../../../src/shared-cache/content.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('FileContent', () => {
  const directory = new TestDirectory();
  after(() => directory.remove());

  function open(path: string): FileContent {
    const fd = openSync(path, 'r');
    return new FileContent({ fd, stat: fstatSync(fd, { bigint: true }) });
  }

  it('fills what it is given', async () => {
    const content = open(directory.write('a', '0123456789'));
    const target = Buffer.alloc(4);
    expect(await content.read(3, target)).to.equal(true);
    expect(target.toString()).to.equal('3456');
    content.close();
  });

  it('does not give the last bytes of a file that was changed meanwhile', async () => {
    const path = directory.write('b', '0123456789');
    const content = open(path);
    appendFileSync(path, 'x');
    expect(await content.read(0, Buffer.alloc(4)), 'the first bytes').to.equal(true);
    expect(await content.read(4, Buffer.alloc(6)), 'the last ones').to.equal(false);
    content.close();
  });

  it('does not give what is not there', async () => {
    const content = open(directory.write('c', '0123'));
    expect(await content.read(0, Buffer.alloc(5))).to.equal(false);
    content.close();
  });

  it('stays open until the last read has ended', async () => {
    const content = open(directory.write('d', 'x'.repeat(100_000)));
    const reads = [content.read(0, Buffer.alloc(50_000)), content.read(10, Buffer.alloc(50_000))];
    content.close();
    expect(await Promise.all(reads)).to.deep.equal([true, true]);
    // Its descriptor is free again.
    const next = openSync(directory.at('d'), 'r');
    closeSync(next);
  });
});
