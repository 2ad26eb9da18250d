import { expect } from 'chai';
import { ifPresent, ifReachable, outcomeOf } from '../../../src/files/trouble.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: what happened, open '/x'`), { code });
}

describe('files/trouble', () => {
  const outcomes: readonly [string, string, boolean][] = [
    ['ENOENT', 'missing', false],
    ['ENOTDIR', 'missing', false],
    ['ENAMETOOLONG', 'missing', false],
    ['ELOOP', 'missing', false],
    ['EINVAL', 'missing', false],
    ['EACCES', 'missing', true],
    ['EPERM', 'missing', true],
    ['EMFILE', 'busy', true],
    ['ENFILE', 'busy', true],
    ['ENOMEM', 'busy', true],
    ['EIO', 'failed', true],
    ['ESTALE', 'failed', true],
  ];
  for (const [code, kind, hasReason] of outcomes) {
    it(`${code} means ${kind}${hasReason ? ', with a reason' : ''}`, () => {
      const reason = `${code}: what happened, open '/x'`;
      expect(outcomeOf(systemError(code))).to.deep.equal(hasReason ? { kind, reason } : { kind });
    });
  }

  it('takes a defect for a failure', () => {
    expect(outcomeOf(new TypeError('oops'))).to.deep.equal({ kind: 'failed', reason: 'oops' });
  });

  it('turns absence into undefined and lets the rest pass', () => {
    const failing = (code: string) => () => {
      throw systemError(code);
    };
    expect(ifPresent(() => 1)).to.equal(1);
    expect(ifPresent(failing('ENOENT'))).to.equal(undefined);
    expect(() => ifPresent(failing('EACCES'))).to.throw('EACCES');
    expect(ifReachable(failing('EACCES'))).to.equal(undefined);
    expect(() => ifReachable(failing('EMFILE'))).to.throw('EMFILE');
  });
});
