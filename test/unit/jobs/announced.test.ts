import { expect } from 'chai';
import { announcedBy } from '../../../src/jobs/announced.js';
import { JobError } from '../../../src/jobs/api.js';
import { reprDigest } from '../../../src/jobs/repr-digest.js';
import { headOf } from '../../helpers/heads.js';

const DIGEST = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

function announced(...fields: string[]): ReturnType<typeof announcedBy> {
  const pairs = fields.map((field) => field.split(': ') as [string, string]);
  const head = headOf('PUT', '/jobs/j/parts/p', Object.fromEntries(pairs));
  return announcedBy(head, 'j', 'p', head.contentLength !== 0);
}

describe('jobs/announced', () => {
  it('knows length and digest, where they are said', () => {
    expect(announced('Content-Length: 7')).to.include({ job: 'j', part: 'p', bytes: 7 });
    expect(announced('Transfer-Encoding: chunked').bytes).to.equal(undefined);
    const digests = `Repr-Digest: sha-512=:aaaa:, ${reprDigest(DIGEST)}`;
    expect(announced('Content-Length: 7', digests).sha256).to.equal(DIGEST);
    expect(announced('Content-Length: 7', 'Repr-Digest: sha-512=:aaaa:').sha256).to.equal(undefined);
  });

  it('knows that a body over HTTP/2 may come without a length', () => {
    expect(announcedBy(headOf('PUT', '/'), 'j', 'p', true).bytes).to.equal(undefined);
    expect(announcedBy(headOf('PUT', '/'), 'j', 'p', false).bytes).to.equal(0);
  });

  it('knows where the rest of a part begins', () => {
    const range = (value: string, length = 4) =>
      announced(`Content-Range: ${value}`, `Content-Length: ${length}`);
    expect(range('bytes 6-9/10')).to.include({ offset: 6, bytes: 10 });
    expect(range('bytes 6-9/*')).to.include({ offset: 6, bytes: 10 });
    expect(range('bytes 0-3/4')).to.include({ offset: 0, bytes: 4 });
    expect(range('bytes */10', 0)).to.include({ offset: 10, bytes: 10 });
  });

  it('refuses what does not hang together', () => {
    const wrong = [
      'bytes 6-9/11',
      'bytes 6-8/9',
      'bytes 9-6/10',
      'bytes */10',
      'bytes */*',
      'lines 6-9/10',
      'bytes 6-/10',
    ];
    for (const value of wrong) {
      expect(() => announced(`Content-Range: ${value}`, 'Content-Length: 4'), value).to.throw(
        JobError,
        value,
      );
    }
    expect(() => announced('Repr-Digest: sha-256=abc')).to.throw(JobError, 'Repr-Digest');
  });
});
