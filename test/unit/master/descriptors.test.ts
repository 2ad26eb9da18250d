import { expect } from 'chai';
import fc from 'fast-check';
import { capacityPerWorker, descriptorLimit } from '../../../src/master/descriptors.js';

const NO_LIMIT = Number.POSITIVE_INFINITY;

describe('master/descriptors', () => {
  it('divides the connections among the workers', () => {
    expect(capacityPerWorker(1000, 4, NO_LIMIT)).to.equal(250);
    expect(capacityPerWorker(16_384, 2, 1_048_576)).to.equal(8192);
  });

  it('leaves descriptors for everything else', () => {
    expect(capacityPerWorker(16_384, 1, 1024)).to.be.within(500, 1024 - 64);
  });

  it('lets a worker take some connections however small the limit', () => {
    expect(capacityPerWorker(1000, 2, 100)).to.be.at.least(1);
  });

  it('keeps all workers together within what was set', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 1, max: 128 }),
      fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constant(NO_LIMIT)),
      (connections, workers, limit) => {
        const each = capacityPerWorker(connections, workers, limit);
        expect(each).to.be.at.least(1);
        expect(Number.isSafeInteger(each)).to.equal(true);
        // Fewer connections than workers: each has to take one all the same.
        expect(each * workers).to.be.at.most(Math.max(connections, workers));
      },
    );
    fc.assert(property);
  });

  it('finds the limit of this process', () => {
    expect(descriptorLimit()).to.be.greaterThan(100);
  });
});
