import { expect } from 'chai';
import { type CpuSample, compare, renderComparison } from '../../../bench/cpu/compare.js';
import { parseAb, parseWrk } from '../../../bench/cpu/tools.js';

const sample = (round: number, server: string, cpuPerRequestUs: number): CpuSample => ({
  ...{ round, case: 'keep-alive-1k', server, cpuPerRequestUs },
  ...{ requestsPerSecond: 1000, responses: 5000, errors: 0, otherCpuShare: 0 },
});

describe('bench/cpu', () => {
  it('reads what wrk prints', () => {
    const text = `Running 2s test @ http://127.0.0.1:4100/1k.txt
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   551.07us  110.31us   2.12ms   82.32%
    Req/Sec    76.90k     3.02k   81.47k    65.00%
  153032 requests in 2.00s, 188.12MB read
Requests/sec:  76511.08
Transfer/sec:     94.05MB
`;
    expect(parseWrk(text)).to.deep.equal({ responses: 153032, requestsPerSecond: 76511.08, errors: 0 });
    const bad = text.replace(
      'Requests/sec',
      '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 7\nRequests/sec',
    );
    expect(parseWrk(bad)?.errors).to.equal(4328);
  });

  it('reads what ab prints', () => {
    const text = `Concurrency Level:      100
Time taken for tests:   1.189 seconds
Complete requests:      20000
Failed requests:        3
   (Connect: 0, Receive: 1, Length: 1, Exceptions: 1)
Non-2xx responses:      2
Requests per second:    16820.01 [#/sec] (mean)
`;
    expect(parseAb(text)).to.deep.equal({ responses: 20000, requestsPerSecond: 16820.01, errors: 5 });
  });

  it('takes anything else for a failure', () => {
    expect(parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).to.equal(undefined);
    expect(parseAb('apr_socket_recv: Connection refused (111)')).to.equal(undefined);
  });

  it('compares within each round, so that what slows down both falls out', () => {
    const samples = [
      ...[sample(1, 'handover', 9), sample(1, 'nginx', 10)],
      ...[sample(2, 'handover', 36), sample(2, 'nginx', 30)],
      ...[sample(3, 'handover', 10), sample(3, 'nginx', 10)],
    ];
    const [ours, theirs] = compare(samples, 'nginx');
    expect(ours?.ratio).to.deep.equal({ median: 1, min: 0.9, max: 1.2 });
    expect(ours?.cpuPerRequestUs).to.deep.equal({ median: 10, min: 9, max: 36 });
    expect(theirs?.ratio).to.equal(undefined);
  });

  it('leaves out rounds that the reference has not', () => {
    const [ours] = compare(
      [sample(1, 'handover', 9), sample(2, 'handover', 5), sample(2, 'nginx', 10)],
      'nginx',
    );
    expect(ours?.rounds).to.equal(2);
    expect(ours?.ratio).to.deep.equal({ median: 0.5, min: 0.5, max: 0.5 });
    expect(compare([sample(1, 'handover', 9)], 'nginx')[0]?.ratio).to.equal(undefined);
  });

  it('is a table', () => {
    const text = renderComparison(
      compare([sample(1, 'handover', 9), sample(1, 'nginx', 10)], 'nginx'),
      'nginx',
    );
    expect(text).to.contain("of nginx's");
    expect(text).to.match(
      /\| keep-alive-1k \| handover \| +9\.00 \(9\.00-9\.00\) \| +0\.900 \(0\.900-0\.900\) \|/,
    );
  });
});
