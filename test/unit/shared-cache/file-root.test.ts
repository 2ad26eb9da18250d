import { symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { FileRoot } from '../../../src/shared-cache/file-root.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('FileRoot', () => {
  const directory = new TestDirectory({
    'root/a.txt': 'hello',
    'root/empty': '',
    'root/dir/b.txt': 'below',
    'secret.txt': 'secret',
  });
  symlinkSync(directory.at('secret.txt'), directory.at('root/out'));
  symlinkSync('a.txt', directory.at('root/in'));
  const root = new FileRoot(directory.at('root'));
  after(() => directory.remove());

  for (const [path, expected] of [
    ['/a.txt', 5],
    ['/empty', 0],
    ['//dir/./b.txt', 5],
    ['/in', 5],
    ['/none', 404],
    ['/a.txt/none', 404],
    ['/../secret.txt', 404],
    ['/dir/../a.txt', 404],
    ['/out', 403],
    ['/dir', 403],
    ['/', 403],
    ['a.txt', 400],
    ['', 400],
    ['/a\0.txt', 400],
    ['/\xff', 400],
    [`/${'x'.repeat(300)}`, 404],
    [`/${'x'.repeat(5000)}`, 414],
  ] as readonly (readonly [string, number])[]) {
    const shown = JSON.stringify(path.length > 40 ? `${path.slice(0, 20)}… (${path.length})` : path);
    it(`answers ${shown} with ${expected < 100 ? `${expected} bytes` : expected}`, () => {
      const opened = root.open(Buffer.from(path, 'latin1'));
      if (typeof opened === 'number') {
        expect(opened).to.equal(expected);
        return;
      }
      expect(opened.content.lengthBytes).to.equal(expected);
      opened.content.close();
    });
  }

  it('does not begin without a directory', () => {
    expect(() => new FileRoot(directory.at('none'))).to.throw('ENOENT');
  });
});
