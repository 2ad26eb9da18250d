import * as zlib from 'node:zlib';
import { expect } from 'chai';
import { codingsAvailable, compress } from '../../../src/files/compress.js';

const text = Buffer.from('all work and no play makes a dull page\n'.repeat(500));
const hasZstd = 'zstdCompressSync' in zlib;

describe('files/compress', () => {
  it('offers what this Node can make, best first', () => {
    expect(codingsAvailable()).to.deep.equal(hasZstd ? ['br', 'zstd', 'gzip'] : ['br', 'gzip']);
  });

  it('makes brotli and gzip that read back', () => {
    expect(zlib.brotliDecompressSync(compress(text, 'br')).equals(text)).to.equal(true);
    expect(zlib.gunzipSync(compress(text, 'gzip')).equals(text)).to.equal(true);
    expect(compress(text, 'br').length).to.be.below(text.length / 10);
    expect(zlib.gunzipSync(compress(Buffer.alloc(0), 'gzip'))).to.have.length(0);
  });

  it(hasZstd ? 'makes zstd that reads back' : 'says so when Node cannot make zstd', () => {
    if (!hasZstd) {
      expect(() => compress(text, 'zstd')).to.throw('zstd');
      return;
    }
    const decompress = Reflect.get(zlib, 'zstdDecompressSync') as (bytes: Uint8Array) => Buffer;
    expect(decompress(compress(text, 'zstd')).equals(text)).to.equal(true);
  });

  it('gives memory of its own, and the same bytes each time', () => {
    for (const coding of codingsAvailable()) {
      const compressed = compress(text, coding);
      expect(compressed.buffer.byteLength).to.equal(compressed.length);
      expect(Buffer.compare(compressed, compress(text, coding))).to.equal(0);
    }
    expect(compress(text, 'identity').buffer).not.to.equal(text.buffer);
  });
});
