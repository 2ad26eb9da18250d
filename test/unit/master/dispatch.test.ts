import { expect } from 'chai';
import fc from 'fast-check';
import { type Candidate, chooseWorker } from '../../../src/master/dispatch.js';

function worker(load: number, capacity = 10, stalled = false): Candidate {
  return { load, weight: load, capacity, stalled };
}

const candidate: fc.Arbitrary<Candidate> = fc
  .record({ load: fc.nat(6), capacity: fc.nat(6), stalled: fc.boolean() })
  .map((seen) => ({ ...seen, weight: seen.load }));
const candidates = fc.array(candidate, { maxLength: 6 });
const last = fc.integer({ min: -1, max: 8 });

describe('master/dispatch', () => {
  it('chooses the worker with the fewest connections', () => {
    expect(chooseWorker([worker(3), worker(1), worker(2)], -1)).to.equal(1);
  });

  it('goes round among equals', () => {
    const equals = [worker(1), worker(1), worker(1)];
    expect([-1, 0, 1, 2].map((before) => chooseWorker(equals, before))).to.deep.equal([0, 1, 2, 0]);
  });

  it('goes by weight where that is something else', () => {
    const heavy = { ...worker(1), weight: 5 };
    expect(chooseWorker([heavy, worker(3)], -1)).to.equal(1);
  });

  it('gives nothing to full workers', () => {
    expect(chooseWorker([worker(10), worker(9), worker(10)], -1)).to.equal(1);
    expect(chooseWorker([worker(10), worker(11)], -1)).to.equal(undefined);
  });

  it('gives to a stalled worker only when there is no other', () => {
    expect(chooseWorker([worker(0, 10, true), worker(9)], -1)).to.equal(1);
    expect(chooseWorker([worker(5, 10, true), worker(10), worker(3, 10, true)], -1)).to.equal(2);
  });

  it('has no answer when there are no workers', () => {
    expect(chooseWorker([], 3)).to.equal(undefined);
  });

  it('knows its way after workers have gone', () => {
    expect(chooseWorker([worker(1), worker(1)], 7)).to.be.within(0, 1);
  });

  it('always finds room where there is some, and the best of it', () => {
    const property = fc.property(candidates, last, (workers, before) => {
      const chosen = chooseWorker(workers, before);
      const open = workers.filter(({ load, capacity }) => load < capacity);
      if (chosen === undefined) {
        expect(open).to.deep.equal([]);
        return;
      }
      const { load, stalled } = workers[chosen]!;
      expect(open).to.include(workers[chosen]);
      const healthy = open.filter((each) => !each.stalled);
      const considered = healthy.length > 0 ? healthy : open;
      expect(stalled).to.equal(healthy.length === 0);
      expect(load).to.equal(Math.min(...considered.map((each) => each.load)));
    });
    fc.assert(property);
  });

  it('gives equals the same share', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 10 }),
      (count, rounds) => {
        const loads = new Array<number>(count).fill(0);
        let before = -1;
        for (let i = 0; i < count * rounds; i++) {
          before = chooseWorker(
            loads.map((load) => worker(load, 1000)),
            before,
          )!;
          loads[before]!++;
        }
        expect(loads).to.deep.equal(new Array<number>(count).fill(rounds));
      },
    );
    fc.assert(property);
  });
});
