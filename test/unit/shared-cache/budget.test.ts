import { expect } from 'chai';
import { budgetOf } from '../../../src/shared-cache/budget.js';

const MB = 1024 * 1024;

describe('budgetOf', () => {
  it('gives one half to small objects and one to large ones', () => {
    expect(budgetOf(64 * MB, 1024 * MB)).to.deep.equal({ arenaBytes: 32 * MB, largeBytes: 32 * MB });
  });

  it('takes three quarters of what is free at most, as in a container of Docker', () => {
    expect(budgetOf(64 * MB, 64 * MB)).to.deep.equal({ arenaBytes: 24 * MB, largeBytes: 24 * MB });
  });

  it('makes no cache of next to nothing', () => {
    expect(budgetOf(64 * MB, 2 * MB)).to.deep.equal({ arenaBytes: 0, largeBytes: 0 });
    expect(budgetOf(0, 64 * MB)).to.deep.equal({ arenaBytes: 0, largeBytes: 0 });
  });
});
