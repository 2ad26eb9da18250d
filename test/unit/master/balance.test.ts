import { expect } from 'chai';
import fc from 'fast-check';
import { type Burden, excessOf } from '../../../src/master/balance.js';

function burden(open: number, active = 0, busy = 0): Burden {
  return { open, active, busy };
}

const counts = (burdens: readonly Burden[]): number[] => excessOf(burdens).map(({ count }) => count);

describe('master/balance', () => {
  it('asks the fuller ones for what they have above the mean', () => {
    expect(counts([burden(8), burden(0)])).to.deep.equal([4, 0]);
    expect(counts([burden(100), burden(10), burden(10)])).to.deep.equal([60, 0, 0]);
  });

  it('lets small differences be', () => {
    expect(counts([burden(2), burden(0)])).to.deep.equal([0, 0]);
    expect(counts([burden(5), burden(3)])).to.deep.equal([0, 0]);
    expect(counts([burden(110), burden(90)])).to.deep.equal([0, 0]);
  });

  it('moves half of the difference in active ones when one is busy and another is not', () => {
    const burdens = [burden(10, 8, 0.9), burden(10, 0, 0.1)];
    expect(excessOf(burdens)).to.deep.equal([
      { count: 4, active: true },
      { count: 0, active: false },
    ]);
  });

  it('lets a single busy connection be, which would only make another worker busy', () => {
    expect(counts([burden(1, 1, 1), burden(0, 0, 0)])).to.deep.equal([0, 0]);
  });

  it('asks nobody who is alone', () => {
    expect(counts([burden(1000, 1000, 1)])).to.deep.equal([0]);
    expect(counts([])).to.deep.equal([]);
  });

  it('never asks for more than brings a worker to the mean, and comes to rest', () => {
    const open = fc.array(fc.nat(2000), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(open, (start) => {
        let state = start;
        for (let step = 0; step < 60; step++) {
          const excess = counts(state.map((count) => burden(count)));
          const moved = excess.reduce((sum, count) => sum + count, 0);
          if (moved === 0) return true;
          const mean = state.reduce((sum, count) => sum + count, 0) / state.length;
          state = state.map((count, i) => count - excess[i]!);
          expect(state.every((count, i) => excess[i] === 0 || count >= Math.floor(mean))).to.equal(true);
          // They come back one by one, and each goes to the emptiest.
          for (let i = 0; i < moved; i++) state[state.indexOf(Math.min(...state))]!++;
        }
        return false;
      }),
    );
  });
});
