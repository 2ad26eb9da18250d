import { expect } from 'chai';
import fc from 'fast-check';
import { encodePath, isAddressable, isHidden, parsePath, unicodeForms } from '../../../src/files/paths.js';

/** `a/b` for a path, with a slash at the end when it asks for a directory; else the refusal. */
function read(raw: string, dotfiles: 'hide' | 'serve' = 'hide'): string {
  const path = parsePath(raw, dotfiles);
  if (typeof path === 'string') return path;
  return path.segments.join('/') + (path.trailingSlash ? '/' : '');
}

/** A string as it arrives: one char per byte of its UTF-8 form. */
function raw(text: string): string {
  return Buffer.from(text).toString('latin1');
}

describe('files/paths', () => {
  it('splits a path into decoded names', () => {
    expect(read('/')).to.equal('/');
    expect(read('/a/b.txt')).to.equal('a/b.txt');
    expect(read('/a/b/')).to.equal('a/b/');
    expect(read('/a%20b/%c3%a9')).to.equal('a b/é');
    expect(read(raw('/é'))).to.equal('é');
    expect(read('/a+b;c=d')).to.equal('a+b;c=d');
  });

  it('decodes exactly once', () => {
    expect(read('/100%25')).to.equal('100%');
    expect(read('/%2525')).to.equal('%25');
    expect(read('/%252e%252e/x')).to.equal('%2e%2e/x');
    expect(read('/%252f')).to.equal('%2f');
  });

  for (const broken of [
    '/%',
    '/%1',
    '/%zz',
    '/a%2',
    '/%g0',
    '/%0g',
    '/a%/b',
    '/%%41',
    '/%2f%',
    '/..%zz',
    'a',
    '',
    '*',
  ]) {
    it(`refuses ${JSON.stringify(broken)} as a bad request`, () =>
      expect(read(broken)).to.equal('bad-request'));
  }

  it('merges slashes', () => {
    expect(read('//')).to.equal('/');
    expect(read('//a///b')).to.equal('a/b');
    expect(read('/a//')).to.equal('a/');
  });

  it('resolves dot segments, encoded or not', () => {
    expect(read('/a/./b')).to.equal('a/b');
    expect(read('/a/../b')).to.equal('b');
    expect(read('/a/%2E%2e/b')).to.equal('b');
    expect(read('/a/.%2e/b')).to.equal('b');
    expect(read('/a//../b')).to.equal('b');
    expect(read('/a/b/..')).to.equal('a/');
    expect(read('/a/.')).to.equal('a/');
    expect(read('/a/..')).to.equal('/');
    expect(read('/.git/../a')).to.equal('a');
    expect(read('/...', 'serve')).to.equal('...');
  });

  for (const climb of [
    '/..',
    '/../a',
    '/a/../../a',
    '/%2e%2e/a',
    '/./../a',
    '//../a',
    '/a/../..',
    '/a/../../root/a',
  ]) {
    it(`does not climb above the root: ${climb}`, () => expect(read(climb)).to.equal('missing'));
  }

  for (const name of [
    '/a%2fb',
    '/a%2Fb',
    '/%2f',
    '/..%2f..%2fetc',
    '/a%5cb',
    '/a\\b',
    '/..%5c..',
    '/a%00',
    '/%00/b',
    '/a\0',
  ]) {
    it(`finds nothing under ${JSON.stringify(name)}`, () => expect(read(name)).to.equal('missing'));
  }

  it('takes only UTF-8, and takes it as it is', () => {
    expect(read('/%ff')).to.equal('missing');
    expect(read('/%c0%ae%c0%ae/x')).to.equal('missing'); // an overlong `..`
    expect(read('/%ed%a0%80')).to.equal('missing'); // half a surrogate pair
    expect(read('/%ef%bb%bfx')).to.equal('\ufeffx'); // a byte-order mark is part of the name
    expect(read('/a%0ab%7f')).to.equal('a\nb\x7f');
  });

  it('limits names to 255 bytes and paths to 4096', () => {
    expect(read(`/${'a'.repeat(255)}`)).to.have.length(255);
    expect(read(`/${'a'.repeat(256)}`)).to.equal('missing');
    expect(read(raw(`/${'é'.repeat(128)}`))).to.equal('missing');
    expect(read(`/${'a'.repeat(256)}/../b`)).to.equal('missing');
    expect(read('/a'.repeat(2048))).to.have.length(4095);
    expect(read(`${'/a'.repeat(2048)}b`)).to.equal('missing');
  });

  it('hides dotfiles but what lies in /.well-known', () => {
    expect(read('/.env')).to.equal('missing');
    expect(read('/a/.git/config')).to.equal('missing');
    expect(read('/%2eenv')).to.equal('missing');
    expect(read('/.well-known/acme/x')).to.equal('.well-known/acme/x');
    expect(read('/.well-known/.secret')).to.equal('missing');
    expect(read('/a/.well-known/x')).to.equal('missing');
    expect(read('/.well-known2')).to.equal('missing');
    expect(read('/.env', 'serve')).to.equal('.env');
    expect(isHidden('.well-known', 0, 'hide')).to.equal(false);
  });

  it('encodes what a segment may not hold, and only that', () => {
    expect(encodePath([])).to.equal('/');
    expect(encodePath(['a', 'b'])).to.equal('/a/b');
    expect(encodePath(['a', 'b'], true)).to.equal('/a/b/');
    expect(encodePath(['é %?#/\\"<>', "~!$&'()*+,;=:@"])).to.equal(
      "/%C3%A9%20%25%3F%23%2F%5C%22%3C%3E/~!$&'()*+,;=:@",
    );
    expect(encodePath(['\r\n'])).to.equal('/%0D%0A');
  });

  it('never makes a path that names another host', () => {
    expect(encodePath(['', 'evil.example'], true)).to.equal('/evil.example/');
    expect(encodePath(['\\evil'])).to.equal('/%5Cevil');
  });

  it('reads back what it encodes', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => isAddressable(text));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), fc.boolean(), (segments, slash) => {
        const path = parsePath(encodePath(segments, slash), 'serve');
        expect(path).to.deep.equal({ kind: 'path', segments, trailingSlash: slash || segments.length === 0 });
      }),
    );
  });

  it('gives safe segments for any bytes at all', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '\\',
      '%00',
      '%',
      'a',
      '%c3%a9',
      '%ff',
      '\xff',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = parsePath(`/${pieces.join('')}`, 'serve');
        if (typeof path === 'string') return;
        for (const segment of path.segments) {
          expect(segment).to.match(/^[^/\\\0]+$/);
          expect(segment).not.to.match(/^\.\.?$/);
        }
      }),
    );
  });

  it('offers the Unicode forms of a path, as asked first', () => {
    expect(unicodeForms(['a', 'b'])).to.deep.equal([['a', 'b']]);
    expect(unicodeForms(['\u00e9', 'x'])).to.deep.equal([
      ['\u00e9', 'x'],
      ['e\u0301', 'x'],
    ]);
    expect(unicodeForms(['e\u0301'])).to.deep.equal([['e\u0301'], ['\u00e9']]);
    expect(unicodeForms([])).to.deep.equal([[]]);
  });
});
