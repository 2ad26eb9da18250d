import { expect } from 'chai';
import { requestDirectives, responseDirectives } from '../../../../src/proxy/cache/directives.js';
import { fieldsOf } from '../../../helpers/cached-responses.js';

const response = (...values: string[]) =>
  responseDirectives(fieldsOf(...values.map((value) => `Cache-Control: ${value}`)));
const request = (...lines: string[]) => requestDirectives(fieldsOf(...lines));

describe('proxy/cache/directives', () => {
  it('reads names in any case, in one line or several', () => {
    const { maxAge, sMaxAge, public: isPublic } = response('MaX-aGe=60, foo', 'PUBLIC, s-maxage=1');
    expect([maxAge, sMaxAge, isPublic]).to.deep.equal([60, 1, true]);
  });

  it('takes numbers quoted, with zeros before them, and of any length', () => {
    expect(response('max-age="60"').maxAge).to.equal(60);
    expect(response('max-age=0060').maxAge).to.equal(60);
    expect(response('max-age=99999999999999999999').maxAge).to.equal(2 ** 31);
  });

  it('takes what is no number for none at all', () => {
    for (const value of ['-1', "'60'", '60a', 'a60', '6.5', '', ' 60']) {
      expect(response(`max-age=${value}`).maxAge, value).to.equal(0);
    }
    expect(response('max-age =60').maxAge).to.equal(0);
    expect(response('max-age').maxAge).to.equal(0);
  });

  it('goes by the first of several', () => {
    expect(response('max-age=1, max-age=60').maxAge).to.equal(1);
    expect(response('max-age=60', 'max-age=1').maxAge).to.equal(60);
  });

  it('looks into no quoted argument', () => {
    const { maxAge, noStore } = response('extension="max-age=60, no-store", max-age=1');
    expect([maxAge, noStore]).to.deep.equal([1, false]);
  });

  it('tells what is for a whole response from what is for some of its fields', () => {
    const some = response('no-cache="Set-Cookie, A", private="B"');
    expect(some).to.include({ noCache: false, private: false });
    expect(some.unkeptFields).to.deep.equal(['set-cookie', 'a', 'b']);
    expect(response('no-cache="a", no-cache').noCache).to.equal(true);
    expect(response('private=""').private).to.equal(true);
  });

  it('reads what a request wants', () => {
    const fields = 'Cache-Control: max-age=0, max-stale=5, min-fresh=7, no-cache, no-store, only-if-cached';
    expect(request(fields)).to.include({ maxAge: 0, maxStale: 5, minFresh: 7, noCache: true, noStore: true });
    expect(request('Cache-Control: max-stale').maxStale).to.equal(Number.POSITIVE_INFINITY);
  });

  it('takes Pragma for Cache-Control where there is none', () => {
    expect(request('Pragma: no-cache').noCache).to.equal(true);
    expect(request('Pragma: no-store').noStore).to.equal(false);
    expect(request('Pragma: no-cache', 'Cache-Control: foo').noCache).to.equal(false);
  });

  describe('in CDN-Cache-Control', () => {
    const targeted = (value: string, ...others: string[]) =>
      responseDirectives(fieldsOf(`CDN-Cache-Control: ${value}`, ...others));
    const OTHER = 'Cache-Control: max-age=5, no-store';

    it('stand in the place of Cache-Control', () => {
      const said = targeted('max-age=60, stale-if-error=7, must-revalidate', OTHER);
      expect(said).to.include({ isTargeted: true, maxAge: 60, staleIfError: 7, mustRevalidate: true });
      expect(said.noStore).to.equal(false);
      expect(targeted('private, no-store, no-cache')).to.include({
        private: true,
        noStore: true,
        noCache: true,
      });
      expect(targeted('max-age=99999999999').maxAge).to.equal(2 ** 31);
    });

    it('are nothing when they are malformed, or none', () => {
      for (const value of ['max-age=60, &&&&&', 'max-age =60', 'max-age= 60', 'MaX-aGe=60', '', '60']) {
        expect(targeted(value, OTHER), value).to.include({ isTargeted: false, maxAge: 5, noStore: true });
      }
    });

    it('take no number but an integer', () => {
      for (const value of ['max-age="60"', 'max-age=60.5', 'max-age=-1', 'max-age', 'max-age=(60)']) {
        expect(targeted(value, OTHER), value).to.include({ isTargeted: true, maxAge: 0 });
      }
    });

    it('may name fields', () => {
      expect(targeted('no-cache="Set-Cookie, A", private=b')).to.deep.include({
        noCache: false,
        private: false,
        unkeptFields: ['set-cookie', 'a', 'b'],
      });
      for (const value of ['private=5', 'private=?0', 'private=""', 'private']) {
        expect(targeted(value).private, value).to.equal(true);
      }
    });
  });
});
