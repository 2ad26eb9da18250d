import { expect } from 'chai';
import { JobError } from '../../../src/jobs/api.js';
import { checkName, isName } from '../../../src/jobs/names.js';

describe('jobs/names', () => {
  it('takes what can be the name of a file', () => {
    for (const name of ['a', 'build 7', 'été', '日本', 'a.b', '-x', 'x'.repeat(200), '%2e', '~']) {
      expect(isName(name), name).to.equal(true);
    }
  });

  it('takes nothing that leads elsewhere, is hidden, or cannot be read', () => {
    const long = 'é'.repeat(101);
    for (const name of [
      '',
      '.',
      '..',
      '.x',
      'a/b',
      'a\\b',
      '/',
      'a\nb',
      '\0',
      'a\u007f',
      '\u0085',
      '\ud800',
      long,
    ]) {
      expect(isName(name), JSON.stringify(name)).to.equal(false);
      expect(() => checkName(name, 'part')).to.throw(JobError, /^the name of the part /);
    }
  });
});
