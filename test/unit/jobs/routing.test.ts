import { expect } from 'chai';
import { ownerOf } from '../../../src/jobs/routing.js';

const JOBS = Array.from({ length: 4000 }, (_, i) => `job-${i}`);

function shares(places: readonly number[]): number[] {
  const owners = JOBS.map((job) => ownerOf(job, places));
  return places.map((place) => owners.filter((owner) => owner === place).length);
}

describe('jobs/routing', () => {
  it('spreads jobs evenly', () => {
    for (const count of [1, 2, 3, 4, 8, 16]) {
      const places = Array.from({ length: count }, (_, i) => i + 1);
      for (const share of shares(places)) expect(share).to.be.closeTo(4000 / count, (4000 / count) * 0.25);
    }
  });

  it('moves only the jobs of a place that goes, or comes', () => {
    const places = [1, 2, 3, 4];
    for (const gone of places) {
      const left = places.filter((place) => place !== gone);
      for (const job of JOBS) {
        const before = ownerOf(job, places);
        if (before !== gone) expect(ownerOf(job, left)).to.equal(before);
      }
    }
  });

  it('does not depend on the order of the places', () => {
    for (const job of JOBS.slice(0, 100)) expect(ownerOf(job, [3, 1, 2])).to.equal(ownerOf(job, [1, 2, 3]));
  });
});
