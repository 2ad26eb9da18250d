import { expect } from 'chai';
import { parseDictionary } from '../../../src/http/structured-fields.js';

const entries = (value: string) => {
  const members = parseDictionary(value);
  return members && [...members];
};

describe('http/structured-fields', () => {
  it('reads integers, strings, tokens and booleans', () => {
    const value = 'a=1, b=-002,c="x\\"y, \\\\",\td=*to/k:en , e, f=?0, *g.-_9=?1';
    expect(entries(value)).to.deep.equal([
      ['a', 1],
      ['b', -2],
      ['c', 'x"y, \\'],
      ['d', '*to/k:en'],
      ['e', true],
      ['f', false],
      ['*g.-_9', true],
    ]);
  });

  it('skips parameters, of members and within lists', () => {
    expect(entries('a=1;b;c="x, y";  d=?0, e;f=2')).to.deep.equal([
      ['a', 1],
      ['e', true],
    ]);
    expect(entries('a=( 1;b   "x)";c=1 );d, e')).to.deep.equal([
      ['a', undefined],
      ['e', true],
    ]);
  });

  it('knows values of other types, and does not read them', () => {
    expect(entries('a=1.5, b=:AQI=:, c=()')).to.deep.equal([
      ['a', undefined],
      ['b', undefined],
      ['c', undefined],
    ]);
  });

  it('takes the last of several', () => {
    expect(entries('a=1, b, a=2')).to.deep.equal([
      ['a', 2],
      ['b', true],
    ]);
  });

  it('has no members where there is nothing', () => {
    expect(entries('')).to.deep.equal([]);
    expect(entries('  ')).to.deep.equal([]);
  });

  for (const value of [
    'A=1',
    'a =1',
    'a= 1',
    'a=',
    'a=1,',
    ',a=1',
    'a=1,,b',
    'a=1 b',
    'a, &&&&&',
    'a=1.',
    'a=1.2345',
    'a=1234567890123456',
    'a=--1',
    'a="x',
    'a="\\x"',
    'a="\u00e9"',
    "a='1'",
    'a=?2',
    'a=:AQ',
    'a=(1',
    'a=("x"1)',
    'a=1 ;b',
    'a=1;\tb',
    'a=1;B',
  ]) {
    it(`takes nothing of ${JSON.stringify(value)}`, () => expect(entries(value)).to.equal(undefined));
  }

  it('gets through long values that come to nothing', () => {
    for (const piece of ['a;', 'a=(', '(a ', ' ', '"\\', 'a=1 ', '1;a ']) {
      const long = piece.repeat(100_000);
      expect(entries(`a=(${long}`), piece).to.equal(undefined);
      expect(entries(`a${long}!`), piece).to.equal(undefined);
    }
  });
});
