import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { checkToken } from '../../../src/jobs/token.js';

describe('jobs/token', () => {
  it('lets everybody in where none is needed', () => {
    expect(() => checkToken('', undefined)).not.to.throw();
    expect(() => checkToken('', 'any')).not.to.throw();
  });

  it('lets in who has it, and nobody else', () => {
    expect(() => checkToken('abc', 'abc')).not.to.throw();
    expect(() => checkToken('abc', undefined)).to.throw(JobError, 'a token is needed');
    for (const wrong of ['', 'abcd', 'ab', 'ABC']) {
      expect(() => checkToken('abc', wrong))
        .to.throw(JobError, 'not the right token')
        .with.property('code', 'unauthorized');
    }
  });
});
