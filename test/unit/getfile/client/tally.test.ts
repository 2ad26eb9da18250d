import { expect } from 'chai';
import type { Outcome } from '../../../../src/getfile/client/job.js';
import { Tally } from '../../../../src/getfile/client/tally.js';

const JOB = { path: '/a', file: undefined, expected: undefined };
const WHOLE: Outcome = { status: 'OK', bytes: 10, durationUs: 2000, digest: undefined, problem: undefined };

describe('getfile/client/tally', () => {
  it('counts what came, and times what was whole', () => {
    const tally = new Tally();
    for (let i = 1; i <= 100; i++) tally.add(JOB, { ...WHOLE, durationUs: i * 1000 });
    tally.add(JOB, { ...WHOLE, bytes: 3, durationUs: 9_000_000, problem: 'cut' });
    expect(tally).to.include({ requests: 101, errors: 1, bytes: 1003 });
    const { min, mean, p50, p99, max } = tally.timesMs;
    expect(min).to.be.closeTo(1, 0.01);
    expect(mean).to.be.closeTo(50.5, 0.1);
    expect(p50).to.be.closeTo(50, 0.1);
    expect(p99).to.be.closeTo(99, 0.2);
    expect(max).to.be.closeTo(100, 0.2);
  });

  it('keeps the first failures only', () => {
    const tally = new Tally();
    for (let i = 0; i < 1000; i++) tally.add({ ...JOB, path: `/${i}` }, { ...WHOLE, problem: 'cut' });
    expect(tally.errors).to.equal(1000);
    expect(tally.failures).to.have.lengthOf(10);
    expect(tally.failures[9]).to.deep.equal({ path: '/9', problem: 'cut' });
  });

  it('has no times where nothing was whole', () => {
    expect(Object.values(new Tally().timesMs).every(Number.isNaN)).to.equal(true);
  });
});
