import { expect } from 'chai';
import { compilePattern, refusePattern } from '../../../src/config/glob.js';

describe('config/glob', () => {
  const cases: readonly [pattern: string, matches: readonly string[], others: readonly string[]][] = [
    ['/**', ['/', '/a', '/a/b.js', '/.well-known/x'], []],
    ['/**/*.js', ['/a.js', '/a/b.js', '/a/b/.c.js'], ['/', '/a.jsx']],
    ['/assets/*.*', ['/assets/a.1f.js'], ['/assets/a/b.js', '/assets/', '/assets/a']],
    ['/assets/**', ['/assets/a', '/assets/a/b'], ['/asset', '/x/assets/a']],
    ['/*.{css,js}', ['/a.css', '/a.js'], ['/a/b.css']],
    ['/a?.txt', ['/ab.txt'], ['/a.txt', '/a/.txt']],
    ['/', ['/'], ['/a']],
  ];
  for (const [pattern, matches, others] of cases) {
    it(`${pattern} matches what it says`, () => {
      const match = compilePattern(pattern);
      for (const path of matches) expect(match(path), path).to.equal(true);
      for (const path of others) expect(match(path), path).to.equal(false);
    });
  }

  it('refuses what cannot be read', () => {
    for (const pattern of ['', 'a', '*.js', '/[a', '/{a', '/(a', `/${'a'.repeat(500)}`]) {
      expect(refusePattern(pattern), pattern.slice(0, 10)).not.to.equal(undefined);
    }
    for (const pattern of ['/', '/**', '/[ab]*', '/a+b', '/{a,b}/*'])
      expect(refusePattern(pattern)).to.equal(undefined);
  });
});
