import { expect } from 'chai';
import fc from 'fast-check';
import { interleave, rotated, shares } from '../../../bench/plan.js';
import { result } from './samples.js';

const scenario = { ...result().scenarios[0]!, connections: [10, 100] };

describe('bench/plan', () => {
  it('runs the servers right after one another, load by load and round by round', () => {
    const order = interleave([scenario], ['A', 'B', 'C'], 2).map(
      ({ round, connections, server }) => `${round}:${connections}:${server}`,
    );
    expect(order).to.deep.equal([
      ...['1:10:A', '1:10:B', '1:10:C', '1:100:A', '1:100:B', '1:100:C'],
      ...['2:10:A', '2:10:B', '2:10:C', '2:100:A', '2:100:B', '2:100:C'],
    ]);
  });

  it('goes through the scenarios within a round', () => {
    const other = { ...scenario, name: 'other', connections: [1] };
    const order = interleave([scenario, other], ['A'], 2).map(({ scenario: { name } }) => name);
    expect(order).to.deep.equal([
      ...['keep-alive-1k', 'keep-alive-1k', 'other'],
      ...['keep-alive-1k', 'keep-alive-1k', 'other'],
    ]);
  });

  it('begins each round with another server', () => {
    const rounds = [0, 1, 2, 3].map((round) => rotated(['A', 'B', 'C'], round).join(''));
    expect(rounds).to.deep.equal(['ABC', 'BCA', 'CAB', 'ABC']);
  });

  it('shares out everything, and evenly', () => {
    expect(shares(10, 3)).to.deep.equal([4, 3, 3]);
    const property = fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 64 }), (total, parts) => {
      const shared = shares(total, parts);
      expect(shared.reduce((sum, share) => sum + share, 0)).to.equal(total);
      expect(Math.max(...shared) - Math.min(...shared)).to.be.at.most(1);
    });
    fc.assert(property);
  });
});
