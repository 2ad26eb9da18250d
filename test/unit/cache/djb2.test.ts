import { expect } from 'chai';
import fc from 'fast-check';
import { djb2 } from '../../../src/cache/djb2.js';

describe('cache/djb2', () => {
  // As published and as other implementations compute them over 32 bits.
  const known: readonly (readonly [string, number])[] = [
    ['', 5381],
    ['a', 177670],
    ['abc', 193485963],
    ['hello world', 894552257],
    ['/', 177620],
    ['/index.html', 3776231887],
  ];
  for (const [text, hash] of known) {
    it(`of '${text}' is ${hash}`, () => expect(djb2(Buffer.from(text))).to.equal(hash));
  }

  it('is the hash of the bytes, whatever their values', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const exact = bytes.reduce((hash, byte) => (hash * 33n + BigInt(byte)) & 0xffff_ffffn, 5381n);
      expect(djb2(bytes)).to.equal(Number(exact));
    });
    fc.assert(property);
  });

  it('hashes a part of a buffer as if it stood alone', () => {
    expect(djb2(Buffer.from('GET /index.html HTTP'), 4, 15)).to.equal(3776231887);
  });
});
