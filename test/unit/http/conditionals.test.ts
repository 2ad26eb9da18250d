import { expect } from 'chai';
import {
  type ConditionalRequest,
  type ConditionOutcome,
  evaluateConditions,
  ifRangeHolds,
} from '../../../src/http/conditionals.js';
import { formatHttpDate } from '../../../src/http/http-date.js';

const MODIFIED = Date.UTC(2025, 0, 15, 10, 0, 0);
const NOW = MODIFIED + 3_600_000;
const CURRENT = { etag: '"v2"', lastModifiedMs: MODIFIED };

const SAME = formatHttpDate(MODIFIED);
const BEFORE = formatHttpDate(MODIFIED - 1000);
const AFTER = formatHttpDate(MODIFIED + 1000);

describe('conditionals', () => {
  const cases: [ConditionOutcome, ConditionalRequest, string][] = [
    ['proceed', { method: 'GET' }, 'no condition'],

    ['proceed', { method: 'GET', ifMatch: '"v2"' }, 'If-Match holds'],
    ['proceed', { method: 'GET', ifMatch: '"v1", "v2"' }, 'If-Match holds with one of a list'],
    ['proceed', { method: 'GET', ifMatch: '*' }, 'If-Match: *'],
    ['precondition-failed', { method: 'GET', ifMatch: '"v1"' }, 'If-Match fails'],
    ['precondition-failed', { method: 'HEAD', ifMatch: 'W/"v2"' }, 'If-Match compares strongly'],
    ['precondition-failed', { method: 'GET', ifMatch: '' }, 'an empty If-Match matches nothing'],
    ['precondition-failed', { method: 'GET', ifMatch: 'v2' }, 'a malformed If-Match fails'],
    ['precondition-failed', { method: 'GET', ifMatch: '"v2", v1' }, 'a half malformed If-Match fails'],

    ['proceed', { method: 'GET', ifUnmodifiedSince: SAME }, 'unmodified since then'],
    ['proceed', { method: 'GET', ifUnmodifiedSince: AFTER }, 'unmodified since later'],
    ['precondition-failed', { method: 'GET', ifUnmodifiedSince: BEFORE }, 'modified since before'],
    ['proceed', { method: 'GET', ifUnmodifiedSince: 'yesterday' }, 'If-Unmodified-Since is no date'],
    ['proceed', { method: 'GET', ifUnmodifiedSince: `${BEFORE}, ${BEFORE}` }, 'If-Unmodified-Since twice'],
    ['proceed', { method: 'GET', ifMatch: '"v2"', ifUnmodifiedSince: BEFORE }, 'If-Match over its date'],
    [
      'precondition-failed',
      { method: 'GET', ifMatch: '"v1"', ifUnmodifiedSince: AFTER },
      'a failed If-Match over its date',
    ],

    ['not-modified', { method: 'GET', ifNoneMatch: '"v2"' }, 'If-None-Match matches'],
    ['not-modified', { method: 'HEAD', ifNoneMatch: '"v2"' }, 'If-None-Match on HEAD'],
    ['not-modified', { method: 'GET', ifNoneMatch: 'W/"v2"' }, 'If-None-Match compares weakly'],
    ['not-modified', { method: 'GET', ifNoneMatch: '"v1",W/"v2"' }, 'If-None-Match with a list'],
    ['not-modified', { method: 'GET', ifNoneMatch: '*' }, 'If-None-Match: *'],
    ['precondition-failed', { method: 'PUT', ifNoneMatch: '*' }, 'If-None-Match: * on PUT'],
    ['precondition-failed', { method: 'DELETE', ifNoneMatch: '"v2"' }, 'If-None-Match on DELETE'],
    ['proceed', { method: 'GET', ifNoneMatch: '"v1"' }, 'If-None-Match matches nothing'],
    ['proceed', { method: 'GET', ifNoneMatch: '"v2' }, 'a malformed If-None-Match matches nothing'],
    ['proceed', { method: 'GET', ifNoneMatch: '"v1"', ifModifiedSince: SAME }, 'If-None-Match over its date'],
    ['proceed', { method: 'GET', ifNoneMatch: 'v2', ifModifiedSince: SAME }, 'even when malformed'],
    ['not-modified', { method: 'GET', ifNoneMatch: '"v2"', ifModifiedSince: BEFORE }, 'and when it matches'],

    ['not-modified', { method: 'GET', ifModifiedSince: SAME }, 'not modified since then'],
    ['not-modified', { method: 'HEAD', ifModifiedSince: AFTER }, 'not modified since later'],
    ['not-modified', { method: 'GET', ifModifiedSince: 'Wed Jan 15 10:00:00 2025' }, 'an asctime date'],
    ['not-modified', { method: 'GET', ifModifiedSince: 'Wednesday, 15-Jan-25 10:00:00 GMT' }, 'RFC 850'],
    ['proceed', { method: 'GET', ifModifiedSince: BEFORE }, 'modified since'],
    ['proceed', { method: 'PUT', ifModifiedSince: SAME }, 'If-Modified-Since on PUT'],
    ['proceed', { method: 'GET', ifModifiedSince: 'now' }, 'If-Modified-Since is no date'],
    ['proceed', { method: 'GET', ifModifiedSince: `${SAME}, ${SAME}` }, 'If-Modified-Since twice'],

    ['not-modified', { method: 'GET', ifMatch: '"v2"', ifNoneMatch: '"v2"' }, 'If-Match, then If-None-Match'],
    ['precondition-failed', { method: 'GET', ifMatch: '"v1"', ifNoneMatch: '"v2"' }, 'If-Match goes first'],
    [
      'precondition-failed',
      { method: 'GET', ifUnmodifiedSince: BEFORE, ifModifiedSince: SAME },
      'If-Unmodified-Since goes first',
    ],
    ['proceed', { method: 'OPTIONS', ifMatch: '"v1"', ifNoneMatch: '*' }, 'OPTIONS has no conditions'],
  ];
  for (const [outcome, request, title] of cases) {
    it(`${outcome}: ${title}`, () => expect(evaluateConditions(request, CURRENT, NOW)).to.equal(outcome));
  }

  it('compares with a weak current tag', () => {
    const current = { ...CURRENT, etag: 'W/"v2"' };
    expect(evaluateConditions({ method: 'GET', ifMatch: 'W/"v2"' }, current, NOW)).to.equal(
      'precondition-failed',
    );
    expect(evaluateConditions({ method: 'GET', ifNoneMatch: '"v2"' }, current, NOW)).to.equal('not-modified');
    expect(ifRangeHolds('W/"v2"', current, NOW)).to.equal(false);
  });

  describe('If-Range', () => {
    it('compares an entity tag strongly', () => {
      expect(ifRangeHolds('"v2"', CURRENT, NOW)).to.equal(true);
      for (const value of ['"v1"', 'W/"v2"', '"v2", "v2"', '*', 'v2', '']) {
        expect(ifRangeHolds(value, CURRENT, NOW), value).to.equal(false);
      }
    });

    it('asks for exactly the date of the last modification', () => {
      expect(ifRangeHolds(SAME, CURRENT, NOW)).to.equal(true);
      expect(ifRangeHolds(AFTER, CURRENT, NOW)).to.equal(false);
      expect(ifRangeHolds(BEFORE, CURRENT, NOW)).to.equal(false);
    });

    it('does not trust a date while its second lasts, or that lies ahead', () => {
      expect(ifRangeHolds(SAME, CURRENT, MODIFIED + 999)).to.equal(false);
      expect(ifRangeHolds(SAME, CURRENT, MODIFIED + 1000)).to.equal(true);
      expect(ifRangeHolds(SAME, CURRENT, MODIFIED - 5000)).to.equal(false);
    });
  });
});
