import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { Arrivals } from '../../../src/jobs/arrivals.js';
import { JobRecord } from '../../../src/jobs/job-record.js';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof JobError) return error.code;
    throw error;
  }
  return 'none';
}

describe('jobs/arrivals', () => {
  let record: JobRecord;
  let arrivals: Arrivals;
  beforeEach(() => {
    record = new JobRecord();
    arrivals = new Arrivals({ maxParts: 3, maxPartBytes: 80, maxJobBytes: 100 }, record);
  });

  const store = (name: string, bytes: number): void => {
    const entry = { is: 'part', name, bytes, sha256: 'ab', isInline: true } as const;
    record.apply({ entry, contentOffset: 0 });
    arrivals.stored(name);
  };

  it('take up what was announced, until they end', () => {
    const first = arrivals.receive('a', 60);
    first.came(10);
    expect(refusal(() => arrivals.receive('b', 41))).to.equal('job-too-large');
    const second = arrivals.receive('b', 40);
    first.end();
    arrivals.receive('c', 60).end();
    second.end();
    expect(refusal(() => arrivals.check('c', 80))).to.equal('none');
  });

  it('take up what comes, where nothing was announced', () => {
    const first = arrivals.receive('a', 0);
    const second = arrivals.receive('b', 30);
    first.came(70);
    expect(refusal(() => first.came(1))).to.equal('job-too-large');
    second.end();
    first.came(5);
    expect(arrivals).to.include({ receiving: 1, receivingBytes: 75 });
    first.end();
    expect(arrivals).to.include({ receiving: 0, receivingBytes: 0 });
  });

  it('count once when they are attempts at the same part', () => {
    const hung = arrivals.receive('a', 80);
    const again = arrivals.receive('a', 80);
    const giveBack = arrivals.hold('a', 80);
    arrivals.check('b', 20);
    hung.end();
    giveBack();
    expect(refusal(() => arrivals.check('b', 21))).to.equal('job-too-large');
    again.end();
    arrivals.check('b', 80);
  });

  it('take up nothing more once their part is durable', () => {
    const first = arrivals.receive('a', 50);
    const late = arrivals.receive('a', 50);
    store('a', 50);
    first.end();
    arrivals.receive('b', 50);
    expect(refusal(() => arrivals.check('c', 1))).to.equal('job-too-large');
    late.came(50);
    late.end();
    arrivals.receive('a', 50).came(70);
    expect(refusal(() => arrivals.check('c', 1))).to.equal('job-too-large');
    store('b', 50);
    arrivals.check('c', 0);
  });

  it('are counted as parts', () => {
    store('a', 1);
    const [second] = [arrivals.receive('b', 1), arrivals.receive('c', 1)];
    arrivals.check('b', 1);
    arrivals.check('a', 1);
    expect(refusal(() => arrivals.check('d', 1))).to.equal('too-many-parts');
    second.end();
    arrivals.check('d', 1);
  });
});
