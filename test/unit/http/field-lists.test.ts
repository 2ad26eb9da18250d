import { expect } from 'chai';
import fc from 'fast-check';
import { parseWeightedList, splitList } from '../../../src/http/field-lists.js';

describe('field-lists', () => {
  it('splits at commas, trims and skips empty elements', () => {
    expect(splitList('a, b\t,, ,c ,')).to.deep.equal(['a', 'b', 'c']);
    expect(splitList('')).to.deep.equal([]);
    expect(splitList(' , ')).to.deep.equal([]);
  });

  it('does not split inside a quoted-string', () => {
    expect(splitList('a="x, y", b')).to.deep.equal(['a="x, y"', 'b']);
    expect(splitList('a="x\\", y", b')).to.deep.equal(['a="x\\", y"', 'b']);
    expect(splitList('a="x, b')).to.deep.equal(['a="x, b']);
  });

  it('trims spaces and tabs only', () => {
    expect(splitList('\xa0a\xa0, \vb\v')).to.deep.equal(['\xa0a\xa0', '\vb\v']);
  });

  it('reads weights of up to three decimals, 1 when there is none', () => {
    const value = 'a, b;q=0, c; Q=0.5, d ;\tq=0.125, E;q=1.000, f;q=1., g;q=0.';
    expect(parseWeightedList(value)).to.deep.equal([
      { name: 'a', q: 1 },
      { name: 'b', q: 0 },
      { name: 'c', q: 0.5 },
      { name: 'd', q: 0.125 },
      { name: 'e', q: 1 },
      { name: 'f', q: 1 },
      { name: 'g', q: 0 },
    ]);
  });

  for (const weight of ['', '2', '1.1', '1.001', '-1', '.5', '0.1234', '1e0', '"1"', ' 1', 'x', '00']) {
    it(`skips an element of weight ${JSON.stringify(weight)}`, () => {
      expect(parseWeightedList(`a;q=${weight}`)).to.deep.equal([]);
    });
  }

  it('skips an element whose weight has no value or space around its equals sign', () => {
    expect(parseWeightedList('a;q, b;q =1, c')).to.deep.equal([{ name: 'c', q: 1 }]);
  });

  it('skips an element without a name', () => {
    expect(parseWeightedList(';q=1, ;, a')).to.deep.equal([{ name: 'a', q: 1 }]);
  });

  it('finds the weight among other parameters, quoted ones too', () => {
    expect(parseWeightedList('a/b;x="1;q=0.1,";level=1;;q=0.3;ext=1')).to.deep.equal([
      { name: 'a/b', q: 0.3 },
    ]);
  });

  it('takes any text, and gives weights from 0 to 1', () => {
    const anyList = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('a', ',', ';', 'q', '=', '0', '1', '.', '"', '\\', ' ', '\t'))
        .map((s) => s.join('')),
    );
    fc.assert(
      fc.property(anyList, (value) => {
        for (const { name, q } of parseWeightedList(value)) {
          expect(name).to.equal(name.toLowerCase()).and.not.equal('');
          expect(q).to.be.within(0, 1);
        }
      }),
    );
  });
});
