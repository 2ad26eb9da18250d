import { closeSync } from 'node:fs';
import { expect } from 'chai';
import { type SharedBytes, shareBytes } from '../../../src/posix/shared-bytes.js';
import { makeFile } from '../../../src/shared-cache/directory.js';
import { TestDirectory } from '../../helpers/directory.js';

for (const kind of ['mmap', 'pread'] as const) {
  describe(`shared bytes, by ${kind}`, () => {
    const directory = new TestDirectory();
    const fd = makeFile(directory.at('file'), 8192);
    let bytes: SharedBytes;
    /** The other way to see the same file. */
    let other: SharedBytes;

    before(() => {
      bytes = shareBytes(fd, 8192, kind);
      other = shareBytes(fd, 8192, kind === 'mmap' ? 'pread' : 'mmap');
    });
    after(() => {
      for (const each of [bytes, other]) each.close();
      closeSync(fd);
      directory.remove();
    });

    it('are what it says', () => {
      expect([bytes.kind, bytes.lengthBytes]).to.deep.equal([kind, 8192]);
      expect(bytes.view(0, 8) === undefined).to.equal(kind === 'pread');
    });

    it('are seen by whoever has the file', () => {
      bytes.write(4090, Buffer.from('over the page'));
      const target = Buffer.alloc(13);
      other.read(4090, target);
      expect(target.toString()).to.equal('over the page');
      other.store(128, -7);
      expect(bytes.load(128)).to.equal(-7);
      bytes.store(128, 0x7fff_ffff);
      expect(other.load(128)).to.equal(0x7fff_ffff);
    });

    it('end where they end', () => {
      expect(() => bytes.write(8190, Buffer.alloc(3))).to.throw(RangeError, '3 bytes at 8190');
      expect(() => bytes.read(8190, Buffer.alloc(3))).to.throw(RangeError);
      bytes.write(8189, Buffer.alloc(3));
    });
  });
}

describe('shared bytes that are closed', () => {
  it('throw where touching the memory would end the process', () => {
    const directory = new TestDirectory();
    const fd = makeFile(directory.at('file'), 4096);
    const bytes = shareBytes(fd, 4096, 'mmap');
    bytes.close();
    bytes.close();
    expect(() => bytes.read(0, Buffer.alloc(1))).to.throw('after it was closed');
    expect(() => bytes.load(0)).to.throw('after it was closed');
    closeSync(fd);
    directory.remove();
  });
});
