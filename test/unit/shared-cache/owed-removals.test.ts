import { expect } from 'chai';
import { OwedRemovals, type Removal } from '../../../src/shared-cache/owed-removals.js';

describe('shared-cache/owed-removals', () => {
  const removal = (key: string): Removal => ({ key: Buffer.from(key), isPrefix: false });

  it('are all that were not confirmed', () => {
    const owed = new OwedRemovals();
    const [a, b] = [removal('a'), removal('b')];
    for (const each of [a, b]) owed.add(each);
    owed.done(a);
    expect([owed.all(), owed.isEmpty]).to.deep.equal([[b], false]);
    owed.done(b);
    expect(owed.isEmpty).to.equal(true);
  });

  it('are everything when there are too many to be remembered', () => {
    const owed = new OwedRemovals();
    for (let i = 0; i < 2000; i++) owed.add(removal(`k${i}`));
    const [everything, ...others] = owed.all();
    expect(others).to.deep.equal([]);
    expect([everything?.key.length, everything?.isPrefix]).to.deep.equal([0, true]);
    owed.done(everything!);
    expect(owed.isEmpty).to.equal(true);
  });
});
