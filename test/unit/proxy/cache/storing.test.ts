import { expect } from 'chai';
import { requestDirectives } from '../../../../src/proxy/cache/directives.js';
import { isStorable, storedHeadOf } from '../../../../src/proxy/cache/storing.js';
import { dateIn, fieldsOf, NOW_MS } from '../../../helpers/cached-responses.js';

const EXCHANGED = { requestedMs: NOW_MS, receivedMs: NOW_MS };

function storable(
  status: number,
  lines: readonly string[],
  request: readonly string[] = [],
  method = 'GET',
): boolean {
  const fields = fieldsOf(...request);
  const asked = { method, fields, directives: requestDirectives(fields) };
  return isStorable(asked, { status, fields: fieldsOf(...lines) }, EXCHANGED);
}

describe('proxy/cache/storing', () => {
  const FRESH = 'Cache-Control: max-age=60';

  it('stores any final status with a lifetime that was told', () => {
    for (const status of [200, 203, 204, 299, 302, 404, 500, 599]) {
      expect(storable(status, [FRESH]), String(status)).to.equal(true);
    }
  });

  it('stores no part, and nothing that only tells of what is stored', () => {
    expect(storable(206, [FRESH])).to.equal(false);
    expect(storable(304, [FRESH])).to.equal(false);
  });

  it('stores nothing that must not be, for its sake or that of the request', () => {
    for (const directive of ['no-store', 'private', 'No-Store']) {
      expect(storable(200, [`Cache-Control: max-age=60, ${directive}`]), directive).to.equal(false);
    }
    expect(storable(200, [FRESH], ['Cache-Control: no-store'])).to.equal(false);
    expect(storable(200, [FRESH, 'Vary: A, *'])).to.equal(false);
  });

  it('goes by must-understand where it knows the status, and then not by no-store', () => {
    const must = 'Cache-Control: max-age=60, must-understand, no-store';
    expect(storable(200, [must])).to.equal(true);
    expect(storable(599, [must])).to.equal(false);
  });

  it('stores what one user has shown to be his only if it says that it is for all', () => {
    const user = ['Authorization: Basic eA=='];
    expect(storable(200, [FRESH], user)).to.equal(false);
    for (const directive of ['public', 'must-revalidate', 's-maxage=60']) {
      expect(storable(200, [`Cache-Control: max-age=60, ${directive}`], user), directive).to.equal(true);
    }
  });

  it('stores on a guess only what may be guessed of', () => {
    const changed = [`Last-Modified: ${dateIn(-1000)}`];
    expect(storable(200, changed)).to.equal(true);
    expect(storable(201, changed)).to.equal(false);
    expect(storable(599, [...changed, 'Cache-Control: public'])).to.equal(true);
  });

  it('stores what is stale already only if it can be asked about, or be used so', () => {
    expect(storable(200, ['Cache-Control: max-age=0'])).to.equal(false);
    expect(storable(200, ['Cache-Control: max-age=0', 'ETag: "a"'])).to.equal(true);
    expect(storable(200, ['Cache-Control: max-age=0, stale-if-error=60'])).to.equal(true);
    expect(storable(200, [])).to.equal(false);
    expect(storable(200, ['Cache-Control: no-cache, max-age=60'])).to.equal(false);
  });

  it('stores the answer to a POST only with a lifetime that was told', () => {
    expect(storable(200, [FRESH], [], 'POST')).to.equal(true);
    expect(storable(200, [`Last-Modified: ${dateIn(-1000)}`], [], 'POST')).to.equal(false);
  });

  it('keeps a Date, and neither Age nor what is not to be kept', () => {
    const fields = fieldsOf('Age: 5', 'A: 1', 'B: 2', 'Cache-Control: max-age=60, no-cache="a"');
    const head = storedHeadOf({ status: 200, fields }, EXCHANGED);
    expect(head.fields.map(([name]) => name)).to.deep.equal(['B', 'Cache-Control', 'Date']);
    expect(head.initialAgeMs).to.equal(5000);
  });
});
