import { expect } from 'chai';
import { requestDirectives, responseDirectives } from '../../../../src/proxy/cache/directives.js';
import { mayReplaceError, reuseOf } from '../../../../src/proxy/cache/reuse.js';
import { fieldsOf } from '../../../helpers/cached-responses.js';

const control = (value: string) => fieldsOf(`Cache-Control: ${value}`);
const aged = (ageSeconds: number, response: string) => ({
  directives: responseDirectives(control(response)),
  ageMs: ageSeconds * 1000,
  lifetimeMs: 60_000,
});
const reuse = (ageSeconds: number, response = 'x', request = 'x') =>
  reuseOf(aged(ageSeconds, response), requestDirectives(control(request)));

describe('proxy/cache/reuse', () => {
  it('is fresh until its lifetime is over', () => {
    expect(reuse(59.999)).to.equal('fresh');
    expect(reuse(60)).to.equal('expired');
  });

  it('is asked about though fresh, if it says so', () => {
    expect(reuse(0, 'no-cache')).to.equal('expired');
  });

  it('is refused though fresh, if the client says so', () => {
    expect(reuse(0, 'x', 'no-cache')).to.equal('refused');
    expect(reuse(10, 'x', 'max-age=9')).to.equal('refused');
    expect(reuse(9, 'x', 'max-age=9')).to.equal('fresh');
    expect(reuse(50, 'x', 'min-fresh=11')).to.equal('refused');
    expect(reuse(50, 'x', 'min-fresh=10')).to.equal('fresh');
  });

  it('is used stale as far as the client takes it', () => {
    expect(reuse(65, 'x', 'max-stale=5')).to.equal('stale');
    expect(reuse(66, 'x', 'max-stale=5')).to.equal('expired');
    expect(reuse(1e6, 'x', 'max-stale')).to.equal('stale');
  });

  it('is used while it is asked about (RFC 5861 section 3)', () => {
    expect(reuse(65, 'stale-while-revalidate=5')).to.equal('revalidate');
    expect(reuse(66, 'stale-while-revalidate=5')).to.equal('expired');
  });

  it('is never used stale where that is forbidden', () => {
    for (const directive of ['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache']) {
      const response = `stale-while-revalidate=5, stale-if-error=5, ${directive}`;
      expect(reuse(61, response, 'max-stale'), directive).to.equal('expired');
      const request = requestDirectives(control('stale-if-error=5'));
      expect(mayReplaceError(aged(61, response), request, true, 60_000), directive).to.equal(false);
    }
  });

  it('stands in for an error as far as origin or client say, and for no answer at all as is set', () => {
    const may = (ageSeconds: number, response: string, request: string, isDown: boolean): boolean =>
      mayReplaceError(aged(ageSeconds, response), requestDirectives(control(request)), isDown, 10_000);
    expect(may(61, 'x', 'x', false)).to.equal(false);
    expect(may(65, 'stale-if-error=5', 'x', false)).to.equal(true);
    expect(may(66, 'stale-if-error=5', 'x', false)).to.equal(false);
    expect(may(65, 'x', 'stale-if-error=5', false)).to.equal(true);
    expect(may(70, 'x', 'x', true)).to.equal(true);
    expect(may(71, 'x', 'x', true)).to.equal(false);
    expect(may(66, 'stale-if-error=5', 'x', true)).to.equal(false);
  });
});
