import { expect } from 'chai';
import { progressLine, reportJson, reportText } from '../../../src/cli/get-report.js';

const TIMES = { min: 0.5, mean: 1.25, sd: 0.125, p50: 1.2, p90: 2, p99: 3, max: 12.345 };
const TALLY = { requests: 1500, errors: 2, bytes: 3 * 1024 ** 2, failures: [], timesMs: TIMES };

describe('cli/get-report', () => {
  it('says how many, how much, how fast', () => {
    expect(reportText({ tally: TALLY, wanted: 1500, threads: 4, elapsedMs: 2000 })).to.equal(
      [
        '  threads  requests  errors   bytes  time (s)  req/s  bytes/s',
        '        4     1,500       2  3.0 MB     2.000  750.0   1.5 MB',
        '',
        '  time per request (ms)   min  mean (+/- s.d.)   p50   p90   p99    max',
        '                         0.50  1.25 (+/- 0.13)  1.20  2.00  3.00  12.35',
        '',
      ].join('\n'),
    );
  });

  it('says what was not done', () => {
    const timesMs = { min: NaN, mean: NaN, sd: NaN, p50: NaN, p90: NaN, p99: NaN, max: NaN };
    const text = reportText({ tally: { ...TALLY, timesMs }, wanted: 2000, threads: 4, elapsedMs: 2000 });
    expect(text).to.match(/\n {2}500 of 2,000 requests were not made\n$/);
    expect(text).to.match(/\n +- +- \(\+\/- -\) +- +- +- +-\n/);
  });

  it('says the same as JSON', () => {
    const failures = [{ path: '/a', problem: 'gone' }];
    const facts = { tally: { ...TALLY, failures }, wanted: 1600, threads: 4, elapsedMs: 2000 };
    expect(JSON.parse(reportJson(facts))).to.deep.equal({
      threads: 4,
      wanted: 1600,
      requests: 1500,
      errors: 2,
      bytes: 3 * 1024 ** 2,
      elapsedMs: 2000,
      requestsPerSecond: 750,
      bytesPerSecond: 1.5 * 1024 ** 2,
      timesMs: TIMES,
      failures,
    });
    const none = { tally: { ...TALLY, requests: 0, timesMs: { ...TIMES, p50: NaN } }, elapsedMs: 2000 };
    expect(JSON.parse(reportJson({ ...facts, ...none })).timesMs.p50).to.equal(null);
  });

  it('shows how far it is', () => {
    const facts = { tally: TALLY, wanted: 2000, elapsedMs: 2000 };
    expect(progressLine(facts)).to.equal(
      '[##################------] 75 %  1,500 of 2,000  3.0 MB  1.5 MB/s  2 errors',
    );
    expect(
      progressLine({ ...facts, tally: { ...TALLY, requests: 0, errors: 0, bytes: 0 }, elapsedMs: 0 }),
    ).to.equal('[------------------------] 0 %  0 of 2,000  0 B  0 B/s');
  });
});
