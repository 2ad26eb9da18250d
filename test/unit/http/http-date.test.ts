import { expect } from 'chai';
import fc from 'fast-check';
import { formatHttpDate, parseHttpDate } from '../../../src/http/http-date.js';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const RFC_EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);

const parse = (text: string): number | undefined => parseHttpDate(text, NOW);

describe('http-date', () => {
  it("reads the RFC's three examples as the same moment", () => {
    expect(parse('Sun, 06 Nov 1994 08:49:37 GMT')).to.equal(RFC_EXAMPLE);
    expect(parse('Sunday, 06-Nov-94 08:49:37 GMT')).to.equal(RFC_EXAMPLE);
    expect(parse('Sun Nov  6 08:49:37 1994')).to.equal(RFC_EXAMPLE);
    expect(parse('Wed Nov 16 08:49:37 1994')).to.equal(Date.UTC(1994, 10, 16, 8, 49, 37));
  });

  it('writes IMF-fixdate, cutting fractions of a second', () => {
    expect(formatHttpDate(RFC_EXAMPLE + 999)).to.equal('Sun, 06 Nov 1994 08:49:37 GMT');
    expect(formatHttpDate(-1)).to.equal('Wed, 31 Dec 1969 23:59:59 GMT');
  });

  it('writes a date of four-digit year for any time a file system may hold', () => {
    expect(formatHttpDate(Number.MAX_VALUE)).to.equal('Fri, 31 Dec 9999 23:59:59 GMT');
    expect(formatHttpDate(-Number.MAX_VALUE)).to.equal('Sat, 01 Jan 0000 00:00:00 GMT');
  });

  it('reads what it writes', () => {
    const [first, last] = [parse('Sat, 01 Jan 0000 00:00:00 GMT')!, parse('Fri, 31 Dec 9999 23:59:59 GMT')!];
    fc.assert(
      fc.property(fc.integer({ min: first / 1000, max: last / 1000 }), (seconds) => {
        expect(parse(formatHttpDate(seconds * 1000))).to.equal(seconds * 1000);
      }),
    );
  });

  const invalid = [
    '',
    '0',
    'Tue, 31 Feb 2025 00:00:00 GMT',
    'Sat, 29 Feb 2025 00:00:00 GMT',
    'Thu, 29 Feb 1900 00:00:00 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    'Sun, 06 Nov 1994 08:60:37 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08:49:60 GMT',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'sun, 06 Nov 1994 08:49:37 GMT',
    'Son, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT; length=5',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov 06 08:49:37 1994 GMT',
    '1994-11-06T08:49:37Z',
  ];
  for (const text of invalid) {
    it(`does not read ${JSON.stringify(text)}`, () => expect(parse(text)).to.equal(undefined));
  }

  it('reads 29 February where there is one', () => {
    expect(parse('Thu, 29 Feb 2024 00:00:00 GMT')).to.equal(Date.UTC(2024, 1, 29));
    expect(parse('Tue, 29 Feb 2000 00:00:00 GMT')).to.equal(Date.UTC(2000, 1, 29));
  });

  it('reads a leap second as the second after it', () => {
    expect(parse('Sat, 31 Dec 2016 23:59:60 GMT')).to.equal(Date.UTC(2017, 0, 1));
  });

  it("takes any day's name for its date", () => {
    expect(parse('Mon, 06 Nov 1994 08:49:37 GMT')).to.equal(RFC_EXAMPLE);
  });

  describe('the 50-year rule of RFC 850 dates', () => {
    it('takes what is up to 50 years ahead for the future, and what is more for the past', () => {
      expect(parse('Monday, 23-Nov-76 12:00:00 GMT')).to.equal(Date.UTC(2076, 10, 23, 12, 0, 0));
      expect(parse('Tuesday, 23-Nov-76 12:00:01 GMT')).to.equal(Date.UTC(1976, 10, 23, 12, 0, 1));
      expect(parse('Friday, 01-Jan-27 00:00:00 GMT')).to.equal(Date.UTC(2027, 0, 1));
      expect(parse('Saturday, 01-Jan-00 00:00:00 GMT')).to.equal(Date.UTC(2000, 0, 1));
      expect(parse('Friday, 01-Jan-77 00:00:00 GMT')).to.equal(Date.UTC(1977, 0, 1));
    });

    it('crosses the end of a century', () => {
      expect(parseHttpDate('Saturday, 01-Jan-05 00:00:00 GMT', Date.UTC(2090, 0, 1))).to.equal(
        Date.UTC(2105, 0, 1),
      );
    });

    it('always lands in the hundred years that end 50 years ahead', () => {
      const yearMs = 366 * 86_400_000;
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 99 }),
          fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2200, 0, 1) }),
          (year, nowMs) => {
            const text = `Sunday, 15-Jun-${String(year).padStart(2, '0')} 00:00:00 GMT`;
            const ms = parseHttpDate(text, nowMs)!;
            expect(new Date(ms).getUTCFullYear() % 100).to.equal(year);
            expect(ms).to.be.within(nowMs - 51 * yearMs, nowMs + 50 * yearMs);
          },
        ),
      );
    });
  });

  it('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => parse(text) === undefined));
  });
});
