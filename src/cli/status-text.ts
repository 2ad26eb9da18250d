/** The statistics as a page of text. Pure. */
import type { JobsStats, LatencySummary, StatsDocument, WorkerStats } from '../stats/schema.js';
import { table } from './layout.js';

/** Older than this many intervals, the numbers are no longer the server's present. */
const STALE_INTERVALS = 5;

/** What `handover status` prints. `nowMs`: the present, in milliseconds since the epoch. */
export function statusText(stats: StatsDocument, nowMs: number): string {
  const { requests, connections, cache, status, bytes } = stats;
  const ageMs = nowMs - Date.parse(stats.time);
  const facts: [string, string][] = [
    ['addresses', (stats.addresses ?? []).join('  ')],
    ['requests', `${count(requests.total)}, ${rate(requests.perSecond)}/s`],
    [
      'connections',
      `${count(connections.active)} of ${count(connections.max)}, ${count(connections.waiting)} waiting, ${count(connections.refused)} refused`,
    ],
    [
      'statuses',
      `2xx ${count(status['2xx'])}, 3xx ${count(status['3xx'])}, 4xx ${count(status['4xx'])}, 5xx ${count(status['5xx'])}`,
    ],
    ['sent', `${size(bytes.sent)}, ${size(bytes.sentPerSecond)}/s`],
    ['latency', latency(stats.latencyMs)],
    [
      'cache',
      `hits ${percent(cache.hitRatio)}, entries ${count(cache.entries)}, ${size(cache.bytes)} of ${size(cache.maxBytes)}`,
    ],
    ['memory', `master ${size(stats.master.rssBytes)}`],
    ...(stats.jobs === undefined ? [] : [['jobs', jobs(stats.jobs)] satisfies [string, string]]),
  ];
  const header = `${stats.server}, pid ${stats.master.pid}, up ${duration(stats.uptimeSeconds)}, ${stats.transport} transport`;
  const notes = [
    stats.draining ? 'The server is stopping.\n' : '',
    ageMs > STALE_INTERVALS * stats.intervalMs ? `These numbers are ${duration(ageMs / 1000)} old.\n` : '',
  ].join('');
  return `${header}\n${notes}\n${table(facts, new Set())}\n${workerTable(stats.workers)}`;
}

function workerTable(workers: readonly WorkerStats[]): string {
  const head = [
    'worker',
    'pid',
    'state',
    'open',
    'requests',
    'req/s',
    '5xx',
    'hits',
    'memory',
    'loop delay',
    'restarts',
    'up',
  ];
  const rows = workers.map((worker) => [
    String(worker.id),
    String(worker.pid),
    worker.state,
    count(worker.connections),
    count(worker.requests),
    rate(worker.requestsPerSecond),
    count(worker.status5xx),
    percent(worker.cacheHitRatio),
    size(worker.rssBytes),
    `${worker.loopDelayMs.toFixed(1)} ms`,
    count(worker.restarts),
    duration(worker.uptimeSeconds),
  ]);
  const numbers = new Set(head.keys());
  numbers.delete(head.indexOf('state'));
  return table([head, ...rows], numbers);
}

function jobs({ open, sealed, done, failed, parts, bytes, receiving, bytesPerSecond }: JobsStats): string {
  return (
    `${count(open)} open, ${count(sealed)} sealed, ${count(done)} done, ${count(failed)} failed; ` +
    `${count(parts)} parts, ${size(bytes)}; ${count(receiving)} receiving, ${size(bytesPerSecond)}/s`
  );
}

function latency(summary: LatencySummary): string {
  const { p50, p99, mean, max } = summary;
  const shown = (ms: number | null): string =>
    ms === null ? '-' : `${ms >= 100 ? ms.toFixed(0) : ms.toFixed(2)} ms`;
  return `mean ${shown(mean)}, p50 ${shown(p50)}, p99 ${shown(p99)}, max ${shown(max)}`;
}

const count = (value: number): string => value.toLocaleString('en-US');
const rate = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 1 });
const percent = (ratio: number | null): string => (ratio === null ? '-' : `${(ratio * 100).toFixed(1)} %`);

/** `1.5 MB`; powers of 1024. */
export function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** `3 d 4 h`, `2 h 5 min`, `7 min 3 s`, `12 s`: the two largest units. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [total % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ');
}
