import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { concatOf, contentOf, digestOf, type JobPart } from '../../helpers/job-content.js';

const MB = 1024 * 1024;
const part = (name: string, bytes: number): JobPart => ({ job: 'j', part: name, bytes });
const whole = (one: JobPart, offset?: number): Buffer => Buffer.concat([...contentOf(one, offset)]);

describe('helpers/job-content', () => {
  it('is as long as it should be, the same each time, and another for each name', () => {
    for (const bytes of [0, 1, 65_536, 3 * MB + 1]) expect(whole(part('a', bytes))).to.have.lengthOf(bytes);
    expect(whole(part('a', MB)).equals(whole(part('a', MB)))).to.equal(true);
    expect(whole(part('a', MB)).equals(whole(part('b', MB)))).to.equal(false);
    expect(whole({ ...part('a', MB), job: 'k' }).equals(whole(part('a', MB)))).to.equal(false);
  });

  it('goes on from an offset as it would have gone on', () => {
    const all = whole(part('a', 3 * MB));
    for (const offset of [0, 1, MB, 2 * MB + 7, 3 * MB]) {
      expect(whole(part('a', 3 * MB), offset).equals(all.subarray(offset))).to.equal(true);
    }
  });

  it('has no two blocks alike, so that none can stand in the place of another', () => {
    const all = whole(part('a', 8 * MB));
    for (const size of [4096, 65_536, MB]) {
      const blocks = new Set<string>();
      for (let at = 0; at < all.length; at += size) {
        blocks.add(
          createHash('sha1')
            .update(all.subarray(at, at + size))
            .digest('hex'),
        );
      }
      expect(blocks.size, String(size)).to.equal(all.length / size);
    }
  });

  it('tells the digest of several parts, in their order or by their names', () => {
    const [a, b] = [part('a', 70_000), part('b', 5)];
    const sha256 = createHash('sha256').update(whole(a)).update(whole(b)).digest('hex');
    expect(digestOf(a, b)).to.deep.equal({ bytes: 70_005, sha256 });
    expect(concatOf([b, a])).to.deep.equal({ bytes: 70_005, sha256 });
    expect(digestOf(b, a).sha256).not.to.equal(sha256);
  });
});
