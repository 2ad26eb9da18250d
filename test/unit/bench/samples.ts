/** Runs and results for the tests of the benchmark's report. */
import type { BenchResult, Measurement, SampleKey } from '../../../bench/results.js';

const KEY: SampleKey = { round: 1, scenario: 'keep-alive-1k', connections: 10, server: 'handover' };

export const NO_ERRORS = { non2xx: 0, socket: 0, timeouts: 0, short: 0, lost: 0 };

export function measurement(changes: Partial<Measurement> = {}): Measurement {
  return {
    ...KEY,
    ok: true,
    requests: 1000,
    responses: 1000,
    elapsedMs: 100,
    requestsPerSecond: 10_000,
    timesMs: { min: 0.1, mean: 1, sd: 0.25, median: 0.9, p99: 3, max: 5 },
    errors: NO_ERRORS,
    connectionsOpened: 10,
    serverCpuUs: 12_500,
    serverProcessesEnded: 0,
    clientCpuShare: 0.5,
    otherCpuShare: 0.02,
    ...changes,
  };
}

export function result(changes: Partial<BenchResult> = {}): BenchResult {
  const server = (name: string) => ({
    name,
    title: name,
    version: '1.0.0',
    about: 'as by default',
    command: [],
  });
  return {
    version: 1,
    whole: true,
    command: 'npm run bench',
    startedAt: '2026-01-02T03:04:05.678Z',
    endedAt: '2026-01-02T03:14:05.678Z',
    machine: { cpu: 'Fast & <Cheap> CPU', cores: 2, memoryBytes: 8 * 2 ** 30, kernel: 'Linux 6.1' },
    versions: { node: '20.20.2', autocannon: '9.0.0', commit: 'abc1234' },
    rounds: 3,
    workers: 2,
    clients: 1,
    accessLog: false,
    scenarios: [
      {
        name: 'keep-alive-1k',
        title: '1 KB file, keep-alive',
        path: '/1k.txt',
        sizeBytes: 1024,
        keepAlive: true,
        connections: [10],
        requests: 1000,
      },
    ],
    servers: [server('handover'), server('nginx')],
    skipped: [],
    samples: [measurement(), measurement({ server: 'nginx', requestsPerSecond: 20_000 })],
    ...changes,
  };
}
