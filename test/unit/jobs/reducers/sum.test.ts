import { expect } from 'chai';
import fc from 'fast-check';
import { Sum } from '../../../../src/jobs/reducers/sum.js';
import { type Parts, reduced, refusal } from '../../../helpers/reduced.js';

const sum = (parts: Parts, chunkBytes?: number): Promise<string> =>
  reduced(() => new Sum(), parts, chunkBytes);
const refused = (content: string): Promise<string> => refusal(() => new Sum(), { a: '1\n2\n', b: content });

describe('jobs/reducers/sum', () => {
  it('sums what stands on the lines, blank ones left out', async () => {
    const expected = '{"sum":14,"count":4,"min":-3,"max":10,"mean":3.5}\n';
    const parts = { a: '1\n\n +6 \r\n', b: '', c: '-3\n10' };
    for (const chunkBytes of [1, 2, 100]) expect(await sum(parts, chunkBytes)).to.equal(expected);
  });

  it('is exact for integers of any size', async () => {
    const huge = '123456789012345678901234567890';
    const parts = { a: `${huge}\n1\n`, b: '9007199254740991\n9007199254740991\n9007199254740991\n-7' };
    const total = BigInt(huge) + 1n + 3n * 9007199254740991n - 7n;
    expect(await sum(parts)).to.include(`{"sum":${total},"count":6,"min":-7,"max":${huge},`);
  });

  it('is what BigInt says of any integers', async () => {
    const integers = fc.array(fc.oneof(fc.bigInt(), fc.maxSafeInteger().map(BigInt)), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(integers, async (values) => {
        const total = values.reduce((left, right) => left + right);
        const text = await sum({ a: values.join('\n') });
        expect(text).to.include(`"sum":${total},"count":${values.length},`);
      }),
    );
  });

  it('loses nothing to rounding where numbers have fractions', async () => {
    expect(JSON.parse(await sum({ a: '0.1\n'.repeat(10) }))).to.include({ sum: 1, mean: 0.1 });
    expect(JSON.parse(await sum({ a: '1e100\n0.5\n-1e100\n.25\n1.' }))).to.include({ sum: 1.75, max: 1e100 });
    expect(JSON.parse(await sum({ a: '2.5e1\n3' }))).to.include({ sum: 28, count: 2 });
  });

  it('of nothing', async () => {
    expect(await sum({ a: '\n' })).to.equal('{"sum":0,"count":0,"min":null,"max":null,"mean":null}\n');
  });

  it('refuses what is no number, and says where', async () => {
    expect(await refused('1\n\n  abc\n')).to.equal('line 3 is no number: "abc"');
    expect(await refused('1 2')).to.equal('line 1 is no number: "1 2"');
    for (const text of ['NaN', 'Infinity', '0x10', '1e999', '.', '1_000', '1,5', '--1', 'ü']) {
      expect(await refused(text), text).to.match(/^line 1 is no number/);
    }
    expect(await refused('x'.repeat(100))).to.equal(`line 1 is no number: "${'x'.repeat(40)}…"`);
  });

  it('refuses a sum that is too large to be a number', async () => {
    expect(await refusal(() => new Sum(), { a: '1e308\n1e308' })).to.equal(
      'the sum is larger than a number can be',
    );
  });

  it('refuses lines without an end, whatever they are made of', async () => {
    expect(await refused(`1\n${'1'.repeat(300)}`)).to.equal('line 2 is longer than 256 bytes');
    expect(await refused(`1\n${' '.repeat(300)}\n`)).to.equal('line 2 is longer than 256 bytes');
  });
});
