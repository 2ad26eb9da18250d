import { expect } from 'chai';
import { parseCpuArguments } from '../../../bench/cpu/arguments.js';
import { parseHead } from '../../../bench/cpu/ask.js';
import { CPU_CASES, type CpuCase, type Figure } from '../../../bench/cpu/case.js';
import { type CpuSample, compare, judge } from '../../../bench/cpu/compare.js';
import { countEstablished, parseOpenFilesLimit } from '../../../bench/cpu/kernel.js';
import { isSettled, parseRollup } from '../../../bench/cpu/memory.js';
import { serverProblems, toolProblems } from '../../../bench/cpu/problems.js';
import { renderCpuReport } from '../../../bench/cpu/report.js';
import type { CpuResult } from '../../../bench/cpu/result.js';
import { parseAb, parseWrk, type ToolCount, wrkScript } from '../../../bench/cpu/tools.js';
import { result as benchResult } from './samples.js';

const SERVERS = ['nginx', 'native', 'portable'];

const named = (name: string): CpuCase => CPU_CASES.find((one) => one.name === name)!;

const sample = (
  round: number,
  server: string,
  value: number,
  name = 'keep-alive-1k',
  figure: Figure = 'cpuPerRequestUs',
): CpuSample => ({ ...{ round, case: name, server, problems: [] }, figures: { [figure]: value } });

const comparison = (samples: readonly CpuSample[], name = 'keep-alive-1k') =>
  compare(samples, [named(name)], SERVERS, 'nginx');

describe('bench/cpu', () => {
  describe('what the tools print', () => {
    const wrk = (counts: string): string => `Running 2s test @ http://127.0.0.1:4100/1k.txt
  153032 requests in 2.00s, 188.12MB read
Requests/sec:  76511.08
Transfer/sec:     94.05MB
counted: ${counts}
`;

    it('is read from wrk, exactly', () => {
      expect(parseWrk(wrk('150000 2000000 187500000 0 0 0 0 0'))).to.deep.equal({
        ...{ responses: 150000, requestsPerSecond: 75000, elapsedMs: 2000 },
        ...{ bytes: 187500000, badStatus: 0, errors: 0 },
      });
      const bad = parseWrk(wrk('150000 2000000 187500000 7 1 20 300 4000'));
      expect(bad?.badStatus).to.equal(7);
      expect(bad?.errors).to.equal(4321);
    });

    it('is read from ab', () => {
      const text = `Concurrency Level:      100
Time taken for tests:   1.189 seconds
Complete requests:      20000
Failed requests:        3
   (Connect: 0, Receive: 1, Length: 1, Exceptions: 1)
Non-2xx responses:      2
Total transferred:      25960000 bytes
HTML transferred:       20480000 bytes
Requests per second:    16820.01 [#/sec] (mean)
`;
      expect(parseAb(text)).to.deep.equal({
        ...{ responses: 20000, requestsPerSecond: 16820.01, elapsedMs: 1189 },
        ...{ bytes: 25960000, badStatus: 2, errors: 3 },
      });
    });

    it('is a failure when it is anything else', () => {
      expect(parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).to.equal(undefined);
      expect(parseWrk('  153032 requests in 2.00s, 188.12MB read')).to.equal(undefined);
      expect(parseAb('apr_socket_recv: Connection refused (111)')).to.equal(undefined);
    });

    it('is all that Lua is used for, unless requests are pipelined or counted', () => {
      expect(wrkScript()).not.to.contain('function request');
      expect(wrkScript({ pipeline: 16 })).to.contain('string.rep(wrk.format(), 16)');
      expect(wrkScript({ counter: '/x/sent' })).to.contain("io.open('/x/sent', 'w')");
    });
  });

  describe('a run that was not what was meant', () => {
    const expected = { headers: [], bytes: 1250, bodyBytes: 1024 };
    const count = (changes: Partial<ToolCount> = {}): ToolCount => ({
      ...{ responses: 10_000, requestsPerSecond: 5000, elapsedMs: 2000, bytes: 12_500_000 },
      ...{ badStatus: 0, errors: 0, ...changes },
    });

    it('is told from one that was', () => {
      const one = named('keep-alive-1k');
      expect(toolProblems(one, count(), expected)).to.deep.equal([]);
      expect(toolProblems(one, count({ bytes: 12_500_000 + 64 * 1250 }), expected)).to.deep.equal([]);
      expect(toolProblems(one, count({ responses: 0 }), expected)).to.deep.equal(['not one answer']);
      expect(toolProblems(one, count({ errors: 3 }), expected)[0]).to.contain('3 broken connections');
      expect(toolProblems(one, count({ badStatus: 2 }), expected)[0]).to.contain('2 of 10,000');
      expect(toolProblems(one, count({ bytes: 2_190_000 }), expected)[0]).to.contain('219 bytes, not 1,250');
    });

    it('is one without errors where errors are meant', () => {
      const one = named('not-found');
      expect(toolProblems(one, count({ badStatus: 10_000 }), expected)).to.deep.equal([]);
      expect(toolProblems(one, count({ badStatus: 0 }), expected)).to.have.length(1);
    });

    it('allows for the other head of HTTP/1.0', () => {
      const one = named('per-request-1k');
      expect(toolProblems(one, count({ bytes: 12_300_000 }), expected)).to.deep.equal([]);
      expect(toolProblems(one, count({ bytes: 10_000_000 }), expected)).to.have.length(1);
    });

    it('is one in which the server lost a process', () => {
      const cost = {
        ...{ serverCpuUs: 1, serverProcessesEnded: 0, serverProcessesInTicks: 0 },
        ...{ otherCpuShare: 0, endedChildrenCpuUs: 0 },
      };
      expect(serverProblems(cost, undefined)).to.deep.equal([]);
      expect(serverProblems({ ...cost, serverProcessesEnded: 1 }, undefined)).to.have.length(1);
      expect(serverProblems({ ...cost, serverCpuUs: null }, undefined)).to.have.length(1);
      expect(serverProblems(cost, 'ended with SIGSEGV')).to.deep.equal(['ended with SIGSEGV']);
    });
  });

  it('reads the head of an answer, and knows its length', () => {
    const head = 'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n';
    const answer = parseHead(`${head}he`)!;
    expect(answer.status).to.equal(200);
    expect(answer.fields.get('etag')).to.equal('"a"');
    expect([answer.bodyBytes, answer.bytes]).to.deep.equal([5, head.length + 5]);
    expect(parseHead(head.slice(0, -1))).to.equal(undefined);
    expect(parseHead('HTTP/1.1 304 Not Modified\r\n\r\n')?.bodyBytes).to.equal(0);
    expect(parseHead('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')?.bytes).to.be.NaN;
  });

  it('reads memory, connections and limits from the kernel', () => {
    const rollup = 'Rss:     2000 kB\nPss:     1000 kB\nPss_Dirty: 1 kB\nPss_File:     400 kB\n';
    expect(parseRollup(rollup)).to.deep.equal({
      ...{ pssBytes: 1_024_000, pssFileBytes: 409_600, rssBytes: 2_048_000, processes: 1 },
    });
    const tcp = `  sl  local_address rem_address   st tx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000
   1: 0100007F:C350 0100007F:1F90 01 00000000
   2: 0100007F:1F90 0100007F:C350 01 00000000
   3: 0100007F:C351 0100007F:1F90 06 00000000`;
    expect(countEstablished(tcp, 8080)).to.equal(1);
    expect(
      parseOpenFilesLimit('Max open files            1024                 4096                 files'),
    ).to.equal(1024);
    expect(parseOpenFilesLimit('Max open files            unlimited            unlimited')).to.equal(
      Infinity,
    );
  });

  it('takes memory for settled when it has not changed for a while', () => {
    const same = new Array<number>(12).fill(1e8);
    expect(isSettled([5, ...same])).to.equal(true);
    expect(isSettled(same.slice(1))).to.equal(false);
    expect(isSettled([...same, 1.1e8])).to.equal(false);
  });

  describe('the comparison', () => {
    it('is within each round, so that what slows down both falls out', () => {
      const samples = [
        ...[sample(1, 'native', 9), sample(1, 'nginx', 10)],
        ...[sample(2, 'native', 36), sample(2, 'nginx', 30)],
        ...[sample(3, 'native', 10), sample(3, 'nginx', 10)],
      ];
      const [theirs, ours] = comparison(samples);
      expect(ours?.ratio).to.deep.equal({ median: 1, min: 0.9, max: 1.2 });
      expect(ours?.figures.cpuPerRequestUs).to.deep.equal({ median: 10, min: 9, max: 36 });
      expect(ours?.met).to.equal('missed');
      expect([theirs?.ratio, theirs?.met]).to.deep.equal([undefined, undefined]);
    });

    it('leaves out rounds that the reference has not', () => {
      const [, ours] = comparison([sample(1, 'native', 9), sample(2, 'native', 5), sample(2, 'nginx', 10)]);
      expect(ours?.runs).to.equal(2);
      expect(ours?.ratio).to.deep.equal({ median: 0.5, min: 0.5, max: 0.5 });
      const alone = comparison([sample(1, 'native', 9)])[0];
      expect([alone?.ratio, alone?.met]).to.deep.equal([undefined, 'unknown']);
    });

    it('leaves out runs with problems, but counts them', () => {
      const bad = { ...sample(2, 'native', 1), problems: ['3 broken connections'] };
      const [, ours] = comparison([
        ...[sample(1, 'native', 9), sample(1, 'nginx', 10), sample(2, 'nginx', 10)],
        bad,
      ]);
      expect([ours?.runs, ours?.goodRuns, ours?.ratio?.max]).to.deep.equal([2, 1, 0.9]);
    });

    it('judges by the worst of several goals', () => {
      const run = (native: number, portable: number) =>
        comparison(
          [
            sample(1, 'nginx', 20, 'per-request-1k'),
            sample(1, 'native', native, 'per-request-1k'),
            sample(1, 'portable', portable, 'per-request-1k'),
          ],
          'per-request-1k',
        ).map(({ met }) => met);
      expect(run(18, 300)).to.deep.equal([undefined, 'aim', 'missed']);
      expect(run(24, 300)).to.deep.equal([undefined, 'must', 'missed']);
      expect(run(18, 36)).to.deep.equal([undefined, 'missed', 'missed']);
    });

    it('compares a server with itself where that is the goal', () => {
      const samples = [
        sample(1, 'native', 10, 'connections-10'),
        sample(1, 'native', 12, 'connections-5000'),
        sample(1, 'nginx', 6, 'connections-5000'),
      ];
      const ours = comparison(samples, 'connections-5000').find(({ server }) => server === 'native');
      expect(ours?.goals[0]?.value?.median).to.equal(1.2);
      expect([ours?.met, ours?.ratio?.median]).to.deep.equal(['must', 2]);
    });

    it('knows what should be large', () => {
      const goal = { figure: 'megabytesPerSecond', atMost: false, must: 0.95, aim: 1 } as const;
      expect([1.1, 0.97, 0.9, undefined].map((value) => judge(goal, value))).to.deep.equal([
        ...['aim', 'must', 'missed', 'unknown'],
      ]);
    });

    it('gives each case goals that can be reached in order', () => {
      for (const { atMost, must, aim } of CPU_CASES.flatMap(({ goals }) => goals)) {
        if (aim !== undefined) expect(atMost ? must - aim : aim - must).to.be.above(0);
      }
    });
  });

  it('is a page', () => {
    const cases = ['keep-alive-1k', 'per-request-1k', 'idle-10000'].map(named);
    const samples = [
      ...[sample(1, 'nginx', 10), sample(1, 'native', 9)],
      ...[sample(1, 'nginx', 30, 'per-request-1k'), sample(1, 'native', 33, 'per-request-1k')],
      sample(1, 'native', 2000, 'idle-10000', 'bytesPerConnection'),
      { ...sample(2, 'native', 1), problems: ['3 broken connections'] },
    ];
    const { command, startedAt, endedAt, machine, versions, servers } = benchResult();
    const result: CpuResult = {
      ...{ version: 2, command, startedAt, endedAt, machine, versions, servers },
      ...{ rounds: 2, amount: { seconds: 2, requests: 20_000 }, workers: 2, accessLog: true },
      ...{ reference: 'nginx', cases, samples, logged: { native: 0.5 } },
      leftOut: [{ name: 'portable', reason: 'ended with exit code 2' }],
      comparisons: compare(samples, cases, SERVERS, 'nginx'),
    };
    const page = renderCpuReport(result);
    expect(page).to.match(
      /\| keep-alive-1k +\| native +\| +9\.00 \(9\.00-9\.00\) \| +0\.900 \(0\.900-0\.900\) \|/,
    );
    expect(page).to.match(/\| +≤ 0\.95 × nginx \| +≤ 0\.8 × nginx \| +must \| +\*\*1 of 2\*\* \|/);
    expect(page).to.contain('≤ 1.3 × nginx, ≤ 0.35 × portable: not run');
    expect(page).to.match(/2,000 \(2,000-2,000\) \| +\| ≤ 3,072 bytes \| ≤ 1,536 bytes \| must \|/);
    expect(page).to.contain('**portable was not measured:** ended with exit code 2');
    expect(page).to.contain('**Not counted:** native, keep-alive-1k, round 2: 3 broken connections');
    expect(page).to.contain('**native logged 50.0 % of the requests it answered.**');
  });

  describe('the arguments', () => {
    it('choose servers, by two names, and the log', () => {
      expect(parseCpuArguments([]).only).to.deep.equal(SERVERS);
      expect(parseCpuArguments(['--servers', 'nginx,portable']).only).to.deep.equal(['nginx', 'portable']);
      expect(parseCpuArguments(['--only', 'nginx']).only).to.deep.equal(['nginx']);
      expect(parseCpuArguments([]).accessLog).to.equal(true);
      expect(parseCpuArguments(['--no-log']).accessLog).to.equal(false);
    });

    it('choose cases, with those they are compared with, and say which there are', () => {
      expect(parseCpuArguments(['--case', 'idle-10000']).cases).to.deep.equal([named('idle-10000')]);
      const { cases } = parseCpuArguments(['--case', 'connections-450']);
      expect(cases.map(({ name }) => name)).to.deep.equal(['connections-10', 'connections-450']);
      expect(() => parseCpuArguments(['--case', 'x'])).to.throw('there is no x; there are keep-alive-1k');
    });
  });
});
