import { isAbsolute, join, relative } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { localName, parseWorkload, wirePath } from '../../../../src/getfile/client/paths.js';

describe('getfile/client/paths', () => {
  it('makes a path of what a person writes', () => {
    const cases = [
      ['a.txt', '/a.txt'],
      ['/a b.txt', '/a%20b.txt'],
      ['/a%20b', '/a%20b'],
      ['/a\r\n\r\nGETFILE', '/a%0d%0a%0d%0aGETFILE'],
      ['/caf\u00e9', '/caf\u00c3\u00a9'],
      ['', '/'],
    ] as const;
    for (const [text, path] of cases) expect(wirePath(text)).to.equal(path);
  });

  it('names the file that a path is kept in', () => {
    const cases = [
      ['/a.txt', 'a.txt'],
      ['/', 'index.html'],
      ['/docs/', 'docs/index.html'],
      ['//a/./b/../c', 'a/c'],
      ['/a%20b', 'a b'],
      ['/caf\u00c3\u00a9', 'caf\u00e9'],
      ['/.hidden', '.hidden'],
    ] as const;
    for (const [path, name] of cases) expect(localName(path), path).to.equal(name);
  });

  it('names no file outside its directory, whatever the path', () => {
    for (const path of [
      '/..',
      '/../a',
      '/a/../../b',
      '/%2e%2e/a',
      '/..%2fa',
      '/a\\..\\..\\b',
      '/a%00',
      '/%zz',
    ]) {
      expect(localName(path), path).to.equal(undefined);
    }
    const part = fc.constantFrom('/', '..', '.', '%2e', '%2f', '%5c', '\\', 'a', '%00', '\u00ff');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const name = localName(wirePath(parts.join('')));
        if (name === undefined) return;
        const way = relative('/out', join('/out', name));
        expect(way === '' || isAbsolute(way) || way.startsWith('../') || way === '..').to.equal(false);
      }),
    );
  });

  it('reads a workload', () => {
    expect(parseWorkload('# photos\r\n/a.jpg\r\n\n  b c.jpg  \n#/no\n')).to.deep.equal(['/a.jpg', 'b c.jpg']);
    expect(parseWorkload('')).to.deep.equal([]);
  });
});
