import { expect } from 'chai';
import { checkPart, partOf } from '../../../../src/files/writing/part.js';

describe('files/writing/part', () => {
  it('reads Content-Range', () => {
    expect(partOf(undefined)).to.equal(undefined);
    expect(partOf('bytes 0-0/*')).to.deep.equal({ offset: 0, length: 1 });
    expect(partOf('bytes 100-199/200')).to.deep.equal({ offset: 100, length: 100 });
  });

  for (const value of [
    'bytes 5-4/*',
    'bytes 0-9/9',
    'bytes */9',
    'items 0-1/*',
    'bytes 0-1',
    '',
    'bytes -1-2/*',
  ]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      expect(() => partOf(value))
        .to.throw()
        .with.property('status', 400);
    });
  }

  it('takes only what was told, and leaves no gap', () => {
    expect(() => checkPart({ offset: 3, length: 2 }, 2, 3)).not.to.throw();
    expect(() => checkPart({ offset: 3, length: 2 }, 1, 3))
      .to.throw()
      .with.property('status', 400);
    expect(() => checkPart({ offset: 4, length: 2 }, 2, 3))
      .to.throw()
      .with.property('status', 416);
  });
});
