/**
 * Documents for tests of whatever reads `stats.json`: one complete and valid document, to be changed where a
 * test needs it, and the six numbers of `statFile.txt` that belong to it.
 */
import type { JobStats, JobsStats, StatsDocument, WorkerStats } from '../../src/stats/schema.js';

type Changes<T> = { readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : Partial<T[K]> | T[K] };

/** A worker that is ready and has had a quarter of the traffic. */
export function workerStats(id: number, changes: Partial<WorkerStats> = {}): WorkerStats {
  return {
    id,
    pid: 4100 + id,
    state: 'ready',
    uptimeSeconds: 3600,
    restarts: 0,
    connections: 3,
    taken: 250,
    requests: 25_000,
    requestsPerSecond: 250,
    bytesSent: 256_000_000,
    status5xx: 1,
    cacheHitRatio: 0.96,
    rssBytes: 64 * 1024 * 1024,
    heapBytes: 20 * 1024 * 1024,
    loopDelayMs: 0.4,
    loopDelayMaxMs: 2.1,
    ...changes,
  };
}

/** A job of which a quarter is there. */
export function jobStats(job: string, changes: Partial<JobStats> = {}): JobStats {
  return {
    job,
    state: 'open',
    reducer: 'concat',
    parts: 50,
    expectedParts: 200,
    bytes: 20 * 1024 * 1024,
    reducedBytes: 15 * 1024 * 1024,
    receiving: 4,
    bytesPerSecond: 1024 * 1024,
    ...changes,
  };
}

/** What a server that takes jobs says of these, all of them open unless the changes say otherwise. */
export function jobsStats(list: readonly JobStats[], changes: Partial<JobsStats> = {}): JobsStats {
  const sum = (of: (job: JobStats) => number): number => list.reduce((total, job) => total + of(job), 0);
  return {
    ...{ open: list.length, sealed: 0, done: 0, failed: 0 },
    parts: sum(({ parts }) => parts),
    bytes: sum(({ bytes }) => bytes),
    heldBytes: sum(({ bytes }) => bytes),
    receiving: sum(({ receiving }) => receiving),
    bytesPerSecond: sum(({ bytesPerSecond }) => bytesPerSecond),
    list,
    ...changes,
  };
}

const LATENCY = { mean: 0.6, p50: 0.4, p90: 1.2, p99: 3.5, p999: 9, max: 21 };

const DOCUMENT: StatsDocument = {
  version: 1,
  server: 'handover/0.1.0',
  time: '2026-03-01T12:00:00.000Z',
  startedAt: '2026-03-01T11:00:00.000Z',
  uptimeSeconds: 3600,
  intervalMs: 1000,
  transport: 'portable',
  reloads: 0,
  reloadsFailed: 0,
  draining: false,
  addresses: ['http://0.0.0.0:3000/', 'https://0.0.0.0:3443/'],
  connections: { active: 12, accepted: 1000, waiting: 0, refused: 0, max: 10_000 },
  requests: { total: 100_000, perSecond: 1000, monitoring: 60, timeouts: 2, aborts: 5 },
  bytes: { sent: 1_024_000_000, sentPerSecond: 10_240_000, received: 20_000_000 },
  status: {
    '2xx': 90_000,
    '3xx': 8000,
    '4xx': 1990,
    '5xx': 10,
    '200': 89_000,
    '206': 1000,
    '304': 7900,
    '404': 1900,
  },
  latencyMs: LATENCY,
  latencyRecentMs: LATENCY,
  cache: {
    hit: 90_000,
    miss: 4000,
    expired: 100,
    revalidated: 3000,
    bypass: 400,
    stale: 20,
    updating: 10,
    hitRatio: 0.96,
    evictions: 12,
    entries: 800,
    bytes: 20 * 1024 * 1024,
    maxBytes: 64 * 1024 * 1024,
  },
  upstream: { responses: 5000, failures: 12, active: 3, meanMs: 21.5, meanRecentMs: 18.25 },
  sharedCache: {
    ...{ hits: 4000, misses: 900, fills: 850, waits: 20, failures: 1 },
    ...{ entries: 800, bytes: 9_000_000, maxBytes: 64 * 1024 * 1024, evictions: 5 },
  },
  pool: { threadsPerWorker: 4, tasks: 4100, queued: 0, busy: 1, busyMs: 8200 },
  log: { dropped: 0 },
  master: { pid: 4100, rssBytes: 48 * 1024 * 1024 },
  workers: [1, 2, 3, 4].map((id) => workerStats(id)),
};

/** A complete document with some fields changed, section by section. */
export function statsDocument(changes: Changes<StatsDocument> = {}): StatsDocument {
  const merged: Record<string, unknown> = { ...DOCUMENT };
  for (const [key, value] of Object.entries(changes)) {
    const base = merged[key];
    const section = typeof base === 'object' && base !== null && !Array.isArray(base);
    merged[key] = section ? { ...base, ...(value as object) } : value;
  }
  return merged as unknown as StatsDocument;
}

/** The document `seconds` later, under a steady load of so many requests a second of 10 KB each. */
export function later(document: StatsDocument, seconds: number, perSecond = 1000): StatsDocument {
  const { requests, bytes, status, cache } = document;
  const more = Math.round(seconds * perSecond);
  return {
    ...document,
    time: new Date(Date.parse(document.time) + seconds * 1000).toISOString(),
    uptimeSeconds: document.uptimeSeconds + seconds,
    requests: { ...requests, total: requests.total + more, perSecond },
    bytes: { ...bytes, sent: bytes.sent + more * 10_240, sentPerSecond: perSecond * 10_240 },
    status: {
      ...status,
      '2xx': status['2xx'] + Math.round(more * 0.9),
      '200': status['200'] + Math.round(more * 0.9),
      '4xx': status['4xx'] + Math.round(more * 0.1),
      '404': status['404'] + Math.round(more * 0.1),
    },
    cache: { ...cache, hit: cache.hit + Math.round(more * 0.75), miss: cache.miss + Math.round(more * 0.25) },
  };
}

/** The content of `statFile.txt` that says the same as `document`. */
export function statFile(document: StatsDocument): string {
  const { connections, bytes, status, requests } = document;
  const six = [connections.active, bytes.sent, status['200'], status['404'], status['5xx'], requests.total];
  return six.join(',');
}
