import { expect } from 'chai';
import fc from 'fast-check';
import { distribution, mean, median, percentile, standardDeviation } from '../../../bench/statistics.js';

describe('bench/statistics', () => {
  it('knows the mean and the standard deviation of a sample', () => {
    const values = [2, 4, 4, 4, 5, 5, 7, 9];
    expect(mean(values)).to.equal(5);
    expect(standardDeviation(values)).to.be.closeTo(Math.sqrt(32 / 7), 1e-12);
    expect(standardDeviation([3])).to.equal(0);
  });

  it('takes the middle value, or the mean of the two in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).to.equal(5);
    expect(median([10, 9, 1, 2])).to.equal(5.5);
    expect(median([7])).to.equal(7);
  });

  it('sorts by value and not by spelling', () => {
    expect(median([100, 20, 3])).to.equal(20);
  });

  it('takes the nearest rank for a percentile', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect(percentile(hundred, 99)).to.equal(99);
    expect(percentile(hundred, 100)).to.equal(100);
    expect(percentile(hundred, 0)).to.equal(1);
    expect(percentile([1, 2, 3], 99)).to.equal(3);
    expect(percentile([1, 2, 3, 4], 50)).to.equal(2);
  });

  it('has no numbers for no values', () => {
    for (const value of Object.values(distribution([]))) expect(value).to.be.NaN;
    expect(median([])).to.be.NaN;
    expect(percentile([], 99)).to.be.NaN;
  });

  it('leaves the values as they were', () => {
    const values = Float64Array.of(3, 1, 2);
    distribution(values);
    expect([...values]).to.deep.equal([3, 1, 2]);
  });

  it('finds the same all at once as one by one, in order', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, (times) => {
        const all = distribution(times);
        expect(all.median).to.equal(median(times));
        expect(all.p99).to.equal(percentile(times, 99));
        expect(all.min).to.equal(Math.min(...times));
        expect(all.max).to.equal(Math.max(...times));
        expect(all.median).to.be.within(all.min, all.max);
        expect(all.p99).to.be.within(all.median, all.max);
      }),
    );
  });
});
