import { expect } from 'chai';
import { secondaryKey, varyOf } from '../../../../src/proxy/cache/vary.js';
import { fieldValue } from '../../../../src/proxy/fields.js';
import { fieldsOf } from '../../../helpers/cached-responses.js';

const key = (names: readonly string[], ...lines: string[]): string =>
  secondaryKey(names, (name) => fieldValue(fieldsOf(...lines), name));

describe('proxy/cache/vary', () => {
  it('reads names in any case and order, each once', () => {
    expect(varyOf(fieldsOf('Vary: B, a', 'Vary: b,'))).to.deep.equal(['a', 'b']);
    expect(varyOf(fieldsOf('A: b'))).to.deep.equal([]);
  });

  it('knows that nothing else chooses the same', () => {
    for (const value of ['*', '*, *', ', *', 'foo, *'])
      expect(varyOf(fieldsOf(`Vary: ${value}`)), value).to.equal('*');
  });

  it('is the same for the same values, however they are written', () => {
    const plain = key(['foo'], 'Foo: 1, 2');
    for (const lines of [['Foo: 1,2'], ['Foo: 1', 'Foo: 2'], ['FOO:  1 ,2 '], ['Foo: 1, 2', 'Bar: 3']]) {
      expect(key(['foo'], ...lines), lines.join()).to.equal(plain);
    }
    expect(key(['accept-language'], 'Accept-Language: eN')).to.equal(
      key(['accept-language'], 'Accept-Language: en'),
    );
  });

  it('differs for other values, and for none', () => {
    const plain = key(['foo'], 'Foo: 1');
    for (const lines of [['Foo: 2'], ['Foo: 1, 1'], ['Foo:'], []]) {
      expect(key(['foo'], ...lines), lines.join()).to.not.equal(plain);
    }
    expect(key(['foo'], 'Foo:')).to.not.equal(key(['foo']));
    expect(key(['foo'], 'Foo: a')).to.not.equal(key(['foo'], 'Foo: A'));
    expect(key(['accept-language'], 'Accept-Language: de, en')).to.not.equal(
      key(['accept-language'], 'Accept-Language: en, de'),
    );
  });
});
