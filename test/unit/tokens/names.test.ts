import { expect } from 'chai';
import { parentTokensOf, tokenNameOf } from '../../../src/tokens/names.js';

describe('tokens/names', () => {
  it('gives a file and its compressed forms one token', () => {
    expect(tokenNameOf(['a', 'app.js'], false)).to.equal('/a/app.js');
    for (const form of ['br', 'gz', 'zst']) {
      expect(tokenNameOf(['a', `app.js.${form}`], false)).to.equal('/a/app.js');
    }
  });

  it('tells a directory from a file', () => {
    expect(tokenNameOf(['a'], true)).to.equal('/a/');
    expect(tokenNameOf([], true)).to.equal('/');
  });

  it('gives both Unicode forms of a name one token', () => {
    expect(tokenNameOf(['é.txt'.normalize('NFD')], false)).to.equal(
      tokenNameOf(['é.txt'.normalize('NFC')], false),
    );
  });

  it('knows the directories above, from the root down', () => {
    expect(parentTokensOf(['a', 'b', 'c'])).to.deep.equal(['/', '/a/', '/a/b/']);
  });
});
