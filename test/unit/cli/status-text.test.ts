import { expect } from 'chai';
import { duration, size, statusText } from '../../../src/cli/status-text.js';
import { jobStats, jobsStats, statsDocument, workerStats } from '../../helpers/stats-document.js';

describe('cli/status-text', () => {
  const document = statsDocument({
    workers: [workerStats(1), workerStats(2, { state: 'draining', cacheHitRatio: null })],
  });
  const now = Date.parse(document.time);

  it('shows the server and each worker', () => {
    const text = statusText(document, now);
    expect(text).to.match(/^handover\/[\d.]+, pid \d+, up 1 h, \w+ transport\n/);
    for (const label of ['requests', 'connections', 'statuses', 'sent', 'latency', 'cache'])
      expect(text).to.include(`  ${label}`);
    const rows = text.split('\n').filter((line) => /^ +\d+ +\d{4} /.test(line));
    expect(rows).to.have.lengthOf(2);
    expect(rows[0]).to.match(/4101 {2}ready .* 25,000 .* 96\.0 % .* 64\.0 MB .* 0\.4 ms/);
    expect(rows[1]).to.match(/4102 {2}draining .* - /);
    expect(text).not.to.match(/old|stopping/);
  });

  it('shows jobs where they are taken', () => {
    const jobs = jobsStats([jobStats('a'), jobStats('b')], { done: 1200, failed: 1 });
    expect(statusText({ ...document, jobs }, now)).to.match(
      /jobs +2 open, 0 sealed, 1,200 done, 1 failed; 100 parts, 40\.0 MB; 8 receiving, 2\.0 MB\/s\n/,
    );
    expect(statusText(document, now)).not.to.include('jobs');
  });

  it('says that the numbers are old, and that the server is stopping', () => {
    expect(statusText(document, now + 90_000)).to.include('These numbers are 1 min 30 s old.');
    expect(statusText({ ...document, draining: true }, now)).to.include('The server is stopping.');
  });

  it('shows nothing where there is nothing yet', () => {
    const none = { mean: null, p50: null, p90: null, p99: null, p999: null, max: null };
    expect(statusText({ ...document, latencyMs: none, workers: [] }, now)).to.match(
      /latency +mean -, p50 -, p99 -, max -/,
    );
  });

  it('writes durations and sizes for people', () => {
    const durations = [0, 59.9, 60, 183, 7200, 97_200, -5].map(duration);
    expect(durations).to.deep.equal(['0 s', '59 s', '1 min', '3 min 3 s', '2 h', '1 d 3 h', '0 s']);
    expect([0, 1023, 1024, 1_572_864, 2 ** 50].map(size)).to.deep.equal([
      '0 B',
      '1023 B',
      '1.0 KB',
      '1.5 MB',
      '1024.0 TB',
    ]);
  });
});
