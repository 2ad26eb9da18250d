import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Outcome } from '../../../../src/getfile/client/job.js';
import { digestOf, Verifier, WRONG_BYTES } from '../../../../src/getfile/client/verifier.js';
import { TestDirectory } from '../../../helpers/directory.js';

function outcome(digest: string | undefined): Outcome {
  return { status: 'OK', bytes: 1, durationUs: 1, digest, problem: undefined };
}

describe('getfile/client/verifier', () => {
  it('holds every transfer of a path against the first', () => {
    const verifier = new Verifier();
    expect(verifier.expectedOf('/a')).to.equal(undefined);
    expect(verifier.judge('/a', outcome('1')).problem).to.equal(undefined);
    expect(verifier.expectedOf('/a')).to.equal('1');
    expect(verifier.judge('/a', outcome('1')).problem).to.equal(undefined);
    expect(verifier.judge('/a', outcome('2')).problem).to.equal(WRONG_BYTES);
    expect(verifier.judge('/b', outcome('2')).problem).to.equal(undefined);
  });

  it('learns nothing from transfers that were not whole', () => {
    const verifier = new Verifier();
    verifier.judge('/a', { ...outcome(undefined), problem: 'cut' });
    expect(verifier.expectedOf('/a')).to.equal(undefined);
  });

  it('holds transfers against what is known', () => {
    const verifier = new Verifier(new Map([['/a', '1']]));
    expect(verifier.expectedOf('/a')).to.equal('1');
    expect(verifier.judge('/a', outcome('2')).problem).to.equal(WRONG_BYTES);
  });

  it('takes the digest of a file', async () => {
    const directory = new TestDirectory({ a: 'hello' });
    try {
      expect(await digestOf(directory.at('a'))).to.equal(createHash('sha256').update('hello').digest('hex'));
    } finally {
      directory.remove();
    }
  });
});
