import { expect } from 'chai';
import fc from 'fast-check';
import { LineBuffer } from '../../../src/worker/line-buffer.js';

const bracketed = (byte: number): string => `<${byte}>`;

describe('worker/line-buffer', () => {
  let line: LineBuffer;

  beforeEach(() => {
    line = new LineBuffer();
  });

  /** All that is in it, which is taken out. */
  const text = (): string => line.take(line.length).toString('latin1');

  it('puts texts one behind the other', () => {
    line.put('ab');
    line.put('');
    line.put('c');
    expect(line.length).to.equal(3);
    expect(text()).to.equal('abc');
  });

  it('puts whole numbers', () => {
    const limits = [
      0,
      1,
      9,
      10,
      11,
      99,
      100,
      999_999_999,
      1e9,
      2 ** 31,
      2 ** 32,
      5e10,
      1e11,
      1e15,
      2 ** 53 - 1,
    ];
    for (const value of limits) {
      line.put('[');
      line.putNumber(value);
      line.put(']');
      expect(text()).to.equal(`[${value}]`);
    }
  });

  it('puts any whole number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(2_000_000_000)), (value) => {
        line.putNumber(value);
        expect(text()).to.equal(String(value));
      }),
    );
  });

  it('escapes quotes, backslashes, and what is no printable ASCII', () => {
    const received = Buffer.from('..a "b" \\ \x00\x1f\x7f\x80\xff~..', 'latin1');
    line.putEscaped(received, 2, received.length - 2, bracketed);
    expect(text()).to.equal('a <34>b<34> <92> <0><31><127><128><255>~');
  });

  it('escapes every byte that it must, and no other', () => {
    for (let byte = 0; byte < 256; byte++) {
      const char = String.fromCharCode(byte);
      line.putEscaped(Uint8Array.of(byte), 0, 1, bracketed);
      expect(text()).to.equal(/[ !#-[\]-~]/.test(char) ? char : `<${byte}>`);
    }
  });

  it('grows as much as is asked for, and keeps what it has', () => {
    line.put('begin ');
    line.reserve(1_000_000);
    line.put('x'.repeat(1_000_000));
    expect(text()).to.equal(`begin ${'x'.repeat(1_000_000)}`);
  });

  it('grows again and again', () => {
    let expected = '';
    for (let i = 0; i < 20_000; i++) {
      line.reserve(10);
      line.putNumber(i);
      expected += i;
    }
    expect(text()).to.equal(expected);
  });

  it('gives its first bytes, and keeps the others', () => {
    line.put('first second');
    const first = line.take(6);
    expect(line.length).to.equal(6);
    line.put(' third');
    expect(String(first), 'a copy').to.equal('first ');
    expect(text()).to.equal('second third');
    expect(line.length).to.equal(0);
  });
});
