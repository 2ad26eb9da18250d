import { expect } from 'chai';
import fc from 'fast-check';
import {
  contentRange,
  evaluateRange,
  RANGE_LIMITS,
  type RangeOutcome,
  unsatisfiedContentRange,
} from '../../../src/http/ranges.js';

const NONE: RangeOutcome = { kind: 'none' };
const UNSATISFIABLE: RangeOutcome = { kind: 'unsatisfiable' };
/** From pairs of first and last position. */
const ranges = (...pairs: [number, number][]): RangeOutcome => ({
  kind: 'ranges',
  ranges: pairs.map(([first, last]) => ({ offset: first, length: last - first + 1 })),
});

const HUGE = '9'.repeat(400);

describe('ranges', () => {
  const ofTenThousand: [string, RangeOutcome][] = [
    // RFC 9110 section 14.1.2
    ['bytes=0-499', ranges([0, 499])],
    ['bytes=500-999', ranges([500, 999])],
    ['bytes=-500', ranges([9500, 9999])],
    ['bytes=9500-', ranges([9500, 9999])],
    ['bytes=0-0,-1', ranges([0, 0], [9999, 9999])],
    ['bytes= 0-999, 4500-5499, -1000', ranges([0, 999], [4500, 5499], [9000, 9999])],
    ['bytes=500-600,601-999', ranges([500, 999])],
    ['bytes=500-700,601-999', ranges([500, 999])],

    ['bytes=0-0', ranges([0, 0])],
    ['bytes=9999-9999', ranges([9999, 9999])],
    ['bytes=0-', ranges([0, 9999])],
    ['bytes=0-9999', ranges([0, 9999])],
    ['bytes=0-10000', ranges([0, 9999])],
    ['bytes=-10000', ranges([0, 9999])],
    ['bytes=-10001', ranges([0, 9999])],
    ['bytes=007-0009', ranges([7, 9])],
    ['Bytes=0-1', ranges([0, 1])],
    ['BYTES=0-1', ranges([0, 1])],

    ['bytes=10000-', UNSATISFIABLE],
    ['bytes=10000-10001', UNSATISFIABLE],
    ['bytes=-0', UNSATISFIABLE],
    ['bytes=-0,-00,20000-', UNSATISFIABLE],
    ['bytes=-0,20000-,5-6', ranges([5, 6])],

    // Numbers of any length
    ['bytes=0-18446744073709551615', ranges([0, 9999])],
    ['bytes=-18446744073709551616', ranges([0, 9999])],
    ['bytes=18446744073709551615-', UNSATISFIABLE],
    [`bytes=0-${HUGE}`, ranges([0, 9999])],
    [`bytes=-${HUGE}`, ranges([0, 9999])],
    [`bytes=${HUGE}-${HUGE}`, UNSATISFIABLE],
    [`bytes=${HUGE}-`, UNSATISFIABLE],
    [`bytes=${HUGE}-5`, NONE],

    // White space and empty elements
    ['bytes=0-1 ,\t4-5', ranges([0, 1], [4, 5])],
    ['bytes=,0-1,, 4-5 ,', ranges([0, 1], [4, 5])],

    // The order asked for stays; what is merged takes the first one's place
    ['bytes=50-59,0-9', ranges([50, 59], [0, 9])],
    ['bytes=50-59,0-9,58-70,8-12', ranges([50, 70], [0, 12])],
    ['bytes=20-29,0-9,40-49,5-45', ranges([0, 49])],
    ['bytes=10-19,0-9', ranges([0, 19])],
    ['bytes=0-99,10-19', ranges([0, 99])],
    ['bytes=10-19,0-99', ranges([0, 99])],
    ['bytes=0-9,11-19', ranges([0, 9], [11, 19])],

    // More than the whole
    ['bytes=0-,-1', NONE],
    ['bytes=0-5000,4000-9999', NONE],

    // Malformed, or of another unit
    ['', NONE],
    ['bytes', NONE],
    ['bytes=', NONE],
    ['bytes=,', NONE],
    ['bytes=-', NONE],
    ['bytes=--1', NONE],
    ['bytes=5', NONE],
    ['bytes=5-2', NONE],
    ['bytes=0-1,5-2', NONE],
    ['bytes=0-1,x', NONE],
    ['bytes=0-1;4-5', NONE],
    ['bytes=0 - 1', NONE],
    ['bytes=0-1 4-5', NONE],
    ['bytes =0-1', NONE],
    [' bytes=0-1', NONE],
    ['bytes:0-1', NONE],
    ['bytes=+1-2', NONE],
    ['bytes=1.5-2', NONE],
    ['bytes=0x0-0x5', NONE],
    ['bytes=1e2-', NONE],
    ['bytes=a-b', NONE],
    ['bytes="0-1"', NONE],
    ['bytes=0-1, bytes=4-5', NONE],
    ['bytes=\u0661-\u0662', NONE],
    ['items=0-3', NONE],
    ['xbytes=0-3', NONE],
  ];
  for (const [value, expected] of ofTenThousand) {
    const title = value.length < 60 ? value : `${value.slice(0, 20)}... (${value.length} characters)`;
    it(`${JSON.stringify(title)}: ${expected.kind}`, () =>
      expect(evaluateRange(value, 10_000)).to.deep.equal(expected));
  }

  it('is ignored on an empty file', () => {
    for (const value of ['bytes=0-', 'bytes=0-0', 'bytes=-1', 'bytes=-0', 'bytes=5-9']) {
      expect(evaluateRange(value, 0), value).to.deep.equal(NONE);
    }
  });

  it('is ignored with more elements than the limit', () => {
    const spaced = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, index) => `${index * 10}-${index * 10}`).join(',')}`;
    const atLimit = evaluateRange(spaced(RANGE_LIMITS.maxRanges), 10_000);
    expect(atLimit.kind === 'ranges' && atLimit.ranges.length).to.equal(RANGE_LIMITS.maxRanges);
    expect(evaluateRange(spaced(RANGE_LIMITS.maxRanges + 1), 10_000)).to.deep.equal(NONE);
    expect(evaluateRange('bytes=0-0,2-2', 10_000, { maxRanges: 1 })).to.deep.equal(NONE);
    expect(evaluateRange(`bytes=${'0-,'.repeat(20_000)}`, 10_000)).to.deep.equal(NONE);
  });

  it('counts also what cannot be satisfied, and not what is empty', () => {
    expect(evaluateRange(`bytes=${'99999-,'.repeat(17)}0-0`, 10_000)).to.deep.equal(NONE);
    expect(evaluateRange(`bytes=${','.repeat(17)}0-0`, 10_000)).to.deep.equal(ranges([0, 0]));
  });

  it('writes Content-Range', () => {
    expect(contentRange({ offset: 0, length: 500 }, 1234)).to.equal('bytes 0-499/1234');
    expect(contentRange({ offset: 1233, length: 1 }, 1234)).to.equal('bytes 1233-1233/1234');
    expect(unsatisfiedContentRange(1234)).to.equal('bytes */1234');
  });

  describe('for any field and size', () => {
    const position = fc.oneof(fc.nat(60).map(String), fc.constantFrom('', '0', '18446744073709551615'));
    const element = fc.tuple(position, position).map(([first, last]) => `${first}-${last}`);
    const someRanges = fc.array(element, { maxLength: 18 }).map((elements) => `bytes=${elements.join(',')}`);
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('0', '9', '-', ',', ' ', '=', 'bytes='))
        .map((parts) => `bytes=${parts.join('')}`),
    );

    it('gives ranges inside the file that do not touch and are no more than the whole', () => {
      fc.assert(
        fc.property(fc.oneof(someRanges, noise), fc.nat(50), (value, sizeBytes) => {
          const outcome = evaluateRange(value, sizeBytes);
          if (outcome.kind !== 'ranges') return;
          expect(outcome.ranges).to.have.length.within(1, RANGE_LIMITS.maxRanges);
          for (const { offset, length } of outcome.ranges) {
            expect(offset).to.be.at.least(0);
            expect(length).to.be.at.least(1);
            expect(offset + length).to.be.at.most(sizeBytes);
          }
          const sorted = [...outcome.ranges].sort((a, b) => a.offset - b.offset);
          for (const [index, range] of sorted.slice(1).entries()) {
            const before = sorted[index]!;
            expect(range.offset).to.be.above(before.offset + before.length);
          }
        }),
        { numRuns: 1000 },
      );
    });

    it('gives exactly the bytes that were asked for', () => {
      fc.assert(
        fc.property(someRanges, fc.integer({ min: 1, max: 50 }), (value, sizeBytes) => {
          const outcome = evaluateRange(value, sizeBytes);
          if (outcome.kind === 'none') return;
          const given = new Set<number>();
          for (const { offset, length } of outcome.kind === 'ranges' ? outcome.ranges : []) {
            for (let at = offset; at < offset + length; at++) given.add(at);
          }
          for (let at = 0; at < sizeBytes; at++) {
            expect(given.has(at), `byte ${at} of ${sizeBytes}`).to.equal(isAskedFor(at, value, sizeBytes));
          }
        }),
        { numRuns: 1000 },
      );
    });
  });
});

/** The meaning of a well-formed range set, byte by byte, straight from section 14.1.2. */
function isAskedFor(at: number, value: string, sizeBytes: number): boolean {
  return value
    .slice('bytes='.length)
    .split(',')
    .some((element) => {
      const [first, last] = element.split('-') as [string, string];
      if (first === '') return at >= sizeBytes - Number(last);
      return at >= Number(first) && (last === '' || at <= Number(last));
    });
}
