import { expect } from 'chai';
import fc from 'fast-check';
import { type DeathSeries, decideRespawn } from '../../../src/master/respawn.js';

/** The delays of a series of deaths, each after this life. */
function delays(lives: readonly number[]): number[] {
  let series: DeathSeries = 0;
  return lives.map((livedMs) => {
    const decision = decideRespawn(series, livedMs);
    series = decision.series;
    return decision.delayMs;
  });
}

describe('master/respawn', () => {
  it('makes a first death good at once', () => {
    expect(decideRespawn(0, 0).delayMs).to.equal(0);
    expect(decideRespawn(0, 3_600_000).delayMs).to.equal(0);
  });

  it('waits twice as long after each further early death, and never longer than ten seconds', () => {
    const lives = new Array<number>(11).fill(50);
    expect(delays(lives)).to.deep.equal([0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  });

  it('forgets the series once a worker has lived well', () => {
    expect(delays([1, 1, 1, 10_000, 1, 1])).to.deep.equal([0, 100, 200, 0, 0, 100]);
  });

  it('knows no life that a series cannot come from, however long it is', () => {
    expect(decideRespawn(5000, 0).delayMs).to.equal(10_000);
  });

  it('never starts workers faster than they can be told apart, but for healthy ones', () => {
    const property = fc.property(fc.array(fc.nat(20_000), { maxLength: 100 }), (lives) => {
      const waited = delays(lives);
      lives.forEach((livedMs, i) => {
        const isEarly = (at: number): boolean => at >= 0 && lives[at]! < 10_000;
        expect(waited[i]).to.be.within(0, 10_000);
        if (isEarly(i) && isEarly(i - 1)) expect(waited[i]).to.be.at.least(100);
        if (livedMs >= 10_000) expect(waited[i]).to.equal(0);
      });
    });
    fc.assert(property);
  });
});
