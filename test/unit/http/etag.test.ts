import { expect } from 'chai';
import fc from 'fast-check';
import {
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
} from '../../../src/http/etag.js';

const strong = (opaque: string) => ({ weak: false, opaque });
const weak = (opaque: string) => ({ weak: true, opaque });

describe('etag', () => {
  const lists: [string, unknown][] = [
    ['*', '*'],
    ['"a"', [strong('a')]],
    ['W/"a"', [weak('a')]],
    ['""', [strong('')]],
    ['"a","b" , W/"c"\t,\t"d"', [strong('a'), strong('b'), weak('c'), strong('d')]],
    ['"a,b", "c"', [strong('a,b'), strong('c')]],
    ['"a\\"', [strong('a\\')]],
    ['"\x80\xff!#~"', [strong('\x80\xff!#~')]],
    [', ,"a",, ,"b",', [strong('a'), strong('b')]],
    ['', []],
    [',', []],
    ['"*"', [strong('*')]],
    ['a', undefined],
    ['"a', undefined],
    ['a"', undefined],
    ['"a" "b"', undefined],
    ['"a""b"', undefined],
    ['"a", b', undefined],
    ['"a", *', undefined],
    ['*, "a"', undefined],
    ['* ', undefined],
    ['w/"a"', undefined],
    ['W/ "a"', undefined],
    ['W/a', undefined],
    ['"a b"', undefined],
    ['"a\x7f"', undefined],
    ['"a\0"', undefined],
    ['"a\u0100"', undefined],
    ["'a'", undefined],
  ];
  for (const [value, expected] of lists) {
    it(`reads the list ${JSON.stringify(value)}`, () =>
      expect(parseEntityTagList(value)).to.deep.equal(expected));
  }

  it('reads a single tag and nothing else', () => {
    expect(parseEntityTag('W/"a"')).to.deep.equal(weak('a'));
    for (const text of ['', '*', '"a",', ',"a"', '"a", "b"', ' "a"', '"a" ']) {
      expect(parseEntityTag(text), JSON.stringify(text)).to.equal(undefined);
    }
  });

  it("compares as the RFC's table says (8.8.3.2)", () => {
    const table = [
      { a: weak('1'), b: weak('1'), strongly: false, weakly: true },
      { a: weak('1'), b: weak('2'), strongly: false, weakly: false },
      { a: weak('1'), b: strong('1'), strongly: false, weakly: true },
      { a: strong('1'), b: strong('1'), strongly: true, weakly: true },
    ];
    for (const { a, b, strongly, weakly } of table) {
      expect(matchesStrongly(a, b)).to.equal(strongly);
      expect(matchesStrongly(b, a)).to.equal(strongly);
      expect(matchesWeakly(a, b)).to.equal(weakly);
    }
  });

  it('reads every list it could have been written from', () => {
    const tagChars = fc.integer({ min: 0x21, max: 0xff }).filter((code) => code !== 0x22 && code !== 0x7f);
    const tag = fc.record({
      weak: fc.boolean(),
      opaque: fc.array(tagChars).map((codes) => String.fromCharCode(...codes)),
    });
    const separator = fc.constantFrom(',', ', ', ' ,\t', ',,', ' , , ');
    fc.assert(
      fc.property(fc.array(tag), separator, (tags, between) => {
        const value = tags.map(({ weak, opaque }) => `${weak ? 'W/' : ''}"${opaque}"`).join(between);
        expect(parseEntityTagList(value)).to.deep.equal(tags);
      }),
    );
  });

  it('takes any text, in linear time', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseEntityTagList(text)));
    expect(parseEntityTagList(`"a"${' '.repeat(100_000)}"b"`)).to.equal(undefined);
    expect(parseEntityTagList(`${',\t'.repeat(100_000)}x`)).to.equal(undefined);
  });
});
