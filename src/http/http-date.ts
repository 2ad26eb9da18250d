/**
 * HTTP dates (RFC 9110 section 5.6.7): one form is written, three are read. `Date.parse` is not used,
 * because it accepts far more than the grammar and reads some of it in local time.
 */

const DAYS = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun';
const LONG_DAYS = 'Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)';

const FORMS = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^(?:${DAYS}), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^(?:${LONG_DAYS}), (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  // asctime: Sun Nov  6 08:49:37 1994
  new RegExp(`^(?:${DAYS}) ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`),
];

/** What the four digits of a year can say; file systems hold times beyond both ends. */
const EARLIEST_MS = Date.parse('0000-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59Z');

/** Milliseconds since the epoch as IMF-fixdate, fractions of a second cut; years outside 0 to 9999 are clamped. */
export function formatHttpDate(ms: number): string {
  return new Date(Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS)).toUTCString();
}

/**
 * Reads an HTTP-date in any of its three forms; undefined when it is not exactly one, or names a moment
 * that does not exist. The day's name must be one, but is not held against the date, to which it adds
 * nothing (nginx and Apache ignore it too).
 *
 * @param nowMs decides the century of an RFC 850 year
 * @returns whole seconds since the epoch, in milliseconds
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of FORMS) {
    const fields = form.exec(text)?.groups;
    if (fields !== undefined) return momentOf(fields, nowMs);
  }
  return undefined;
}

function momentOf(fields: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const month = MONTHS.indexOf(fields.month!);
  const day = Number(fields.day);
  const minuteOfDay = Number(fields.hour) * 60 + Number(fields.minute);
  const second = Number(fields.second);
  // The grammar has a leap second at the end of a day only; it is read as the second after it.
  if (second === 60 && minuteOfDay !== 24 * 60 - 1) return undefined;

  const sinceMidnightMs = (minuteOfDay * 60 + second) * 1000;
  const inYear = (year: number): number => midnight(year, month, day) + sinceMidnightMs;
  const year = Number(fields.year);
  const fullYear = fields.year!.length === 2 ? nearestYear(year, inYear, nowMs) : year;
  // 31 February comes out as a day of March.
  const exists = new Date(midnight(fullYear, month, day)).getUTCDate() === day;
  return exists ? inYear(fullYear) : undefined;
}

/** The latest year with these last two digits in which the moment is not more than 50 years in the future. */
function nearestYear(lastTwoDigits: number, inYear: (year: number) => number, nowMs: number): number {
  const limit = new Date(nowMs);
  limit.setUTCFullYear(limit.getUTCFullYear() + 50);
  const limitYear = limit.getUTCFullYear();
  const year = limitYear - ((limitYear - lastTwoDigits) % 100);
  return inYear(year) > limit.getTime() ? year - 100 : year;
}

/** Not `Date.UTC`, which takes the years 0 to 99 for 1900 to 1999. */
function midnight(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day);
}
