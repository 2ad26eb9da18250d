import { expect } from 'chai';
import fc from 'fast-check';
import { BUCKETS, bucketOf, upperEdgeUs } from '../../../src/stats/histogram.js';

describe('stats/histogram', () => {
  it('puts every duration below the upper edge of its bucket, and not below the one before', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 27 - 1, noNaN: true }), (us) => {
        const bucket = bucketOf(us);
        expect(us).to.be.below(upperEdgeUs(bucket));
        if (bucket > 0) expect(us).to.be.at.least(upperEdgeUs(bucket - 1));
      }),
    );
  });

  it('has buckets that rise by an eighth at most', () => {
    for (let bucket = 8; bucket < BUCKETS; bucket++) {
      const [low, high] = [upperEdgeUs(bucket - 1), upperEdgeUs(bucket)];
      expect(high).to.be.above(low);
      expect(high / low).to.be.at.most(1.125);
    }
  });

  it('counts what is not a duration as 0 and what is too long in the last bucket', () => {
    for (const us of [-1, Number.NaN, 0, 0.9]) expect(bucketOf(us)).to.equal(0);
    for (const us of [2 ** 27, 2 ** 40, Number.POSITIVE_INFINITY]) expect(bucketOf(us)).to.equal(BUCKETS - 1);
    expect(bucketOf(2 ** 27 - 1)).to.equal(BUCKETS - 1);
  });
});
