import { expect } from 'chai';
import { responseDirectives } from '../../../../src/proxy/cache/directives.js';
import { freshnessLifetimeMs, initialAgeMs } from '../../../../src/proxy/cache/freshness.js';
import { dateIn, fieldsOf, NOW_MS } from '../../../helpers/cached-responses.js';

function lifetimeSeconds(status: number, ...lines: string[]): number {
  const fields = fieldsOf(...lines);
  return freshnessLifetimeMs(status, fields, responseDirectives(fields), NOW_MS) / 1000;
}

function ageSeconds(delayMs: number, ...lines: string[]): number {
  return initialAgeMs(fieldsOf(...lines), { requestedMs: NOW_MS - delayMs, receivedMs: NOW_MS }) / 1000;
}

describe('proxy/cache/freshness', () => {
  const expires = (seconds: number): string => `Expires: ${dateIn(seconds)}`;
  const date = (seconds: number): string => `Date: ${dateIn(seconds)}`;

  it('goes by s-maxage, then max-age, then Expires', () => {
    expect(lifetimeSeconds(200, 'Cache-Control: max-age=2, s-maxage=1', expires(3))).to.equal(1);
    expect(lifetimeSeconds(200, 'Cache-Control: max-age=2', expires(3))).to.equal(2);
    expect(lifetimeSeconds(200, expires(3), date(0))).to.equal(3);
  });

  it('goes by CDN-Cache-Control before all of these, and by no Expires beside it', () => {
    const others = ['Cache-Control: max-age=2, s-maxage=1', expires(3), date(0)];
    expect(lifetimeSeconds(200, 'CDN-Cache-Control: max-age=9', ...others)).to.equal(9);
    expect(lifetimeSeconds(200, 'CDN-Cache-Control: foo', ...others)).to.equal(0);
    expect(lifetimeSeconds(200, 'CDN-Cache-Control: &', ...others)).to.equal(1);
  });

  it('counts Expires from Date, or from when the response came', () => {
    expect(lifetimeSeconds(200, expires(3), date(1))).to.equal(2);
    expect(lifetimeSeconds(200, expires(3), date(4))).to.equal(0);
    expect(lifetimeSeconds(200, expires(3), 'Date: foo')).to.equal(3);
  });

  it('reads dates in any case', () => {
    for (const value of [dateIn(3), dateIn(3).toLowerCase(), dateIn(3).toUpperCase()]) {
      expect(lifetimeSeconds(200, `Expires: ${value}`, date(0)), value).to.equal(3);
    }
    const [asctime, rfc850] = ['sUN nOV  6 08:49:40 1994', 'SUNDAY, 06-NOV-94 08:49:40 gmt'];
    expect(lifetimeSeconds(200, `Expires: ${asctime}`, date(0))).to.equal(3);
    expect(lifetimeSeconds(200, `Expires: ${rfc850}`, date(0))).to.equal(3);
    expect(lifetimeSeconds(200, 'Expires: Sun, 06 Nov 1994 08:49:40 UTC', date(0))).to.equal(0);
  });

  it('takes what is no date, or two, for the past', () => {
    expect(lifetimeSeconds(200, 'Expires: 0', 'Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT')).to.equal(0);
    expect(lifetimeSeconds(200, expires(3), expires(3))).to.equal(0);
  });

  it('guesses from the time of the last change, up to a day', () => {
    const changed = (seconds: number): string => `Last-Modified: ${dateIn(-seconds)}`;
    expect(lifetimeSeconds(200, changed(1000), date(0))).to.equal(100);
    expect(lifetimeSeconds(404, changed(100 * 86_400))).to.equal(86_400);
    expect(lifetimeSeconds(302, changed(1000))).to.equal(0);
    expect(lifetimeSeconds(302, changed(1000), 'Cache-Control: public')).to.equal(100);
    expect(lifetimeSeconds(200)).to.equal(0);
  });

  it('guesses nothing of what is for one visitor', () => {
    expect(lifetimeSeconds(200, `Last-Modified: ${dateIn(-1000)}`, 'Set-Cookie: a=b')).to.equal(0);
  });

  it('tells the age from Date, from Age, and from the time that the answer took', () => {
    expect(ageSeconds(0)).to.equal(0);
    expect(ageSeconds(0, date(-5))).to.equal(5);
    expect(ageSeconds(0, date(5))).to.equal(0);
    expect(ageSeconds(2000, date(-5), 'Age: 4')).to.equal(6);
    expect(ageSeconds(2000, date(-7), 'Age: 4')).to.equal(7);
  });

  it('goes by the first Age, and by none that is no number', () => {
    expect(ageSeconds(0, 'Age: 7, 0')).to.equal(7);
    expect(ageSeconds(0, 'Age: 0', 'Age: 7')).to.equal(0);
    for (const value of ['abc', '-7', '7.0', '7;a=b'])
      expect(ageSeconds(0, `Age: ${value}`), value).to.equal(0);
  });
});
