/**
 * Builds `stats.json` from totals and from what the master knows. Pure: the clock comes with the
 * input, and rates are computed against an earlier input.
 */
import { type JobSample, summariseJobs } from './jobs.js';
import { FIELD, type JobsStats, type SlotField, type StatsDocument, type WorkerStats } from './schema.js';
import { difference, emptySlot, histogramOf, hitRatio, summarise } from './totals.js';

/** What the master knows of one worker, and the worker's slot. */
export interface WorkerSample {
  readonly id: number;
  readonly pid: number;
  readonly state: WorkerStats['state'];
  readonly restarts: number;
  /** How long this process has run. */
  readonly uptimeMs: number;
  readonly slot: Float64Array;
}

/** Everything a document is made of, at one moment. */
export interface StatsSample {
  readonly server: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Since the start, by a clock that nobody sets: rates are computed from it. */
  readonly uptimeMs: number;
  readonly startedAtMs: number;
  readonly intervalMs: number;
  readonly transport: string;
  readonly reloads: number;
  readonly reloadsFailed: number;
  readonly draining: boolean;
  readonly addresses: StatsDocument['addresses'];
  /** As the master counts them; how many are active the totals say. */
  readonly connections: Omit<StatsDocument['connections'], 'active'>;
  readonly cacheMaxBytes: number;
  readonly threadsPerWorker: number;
  readonly master: StatsDocument['master'];
  /** As published: see `PublishedTotals`. */
  readonly totals: Float64Array;
  readonly workers: readonly WorkerSample[];
  /** Undefined when no jobs are taken. */
  readonly jobs?: readonly JobSample[] | undefined;
}

/** The part of an earlier sample that rates are computed against. */
export type StatsBaseline = Pick<StatsSample, 'uptimeMs' | 'totals' | 'workers' | 'jobs'>;

const START: StatsBaseline = { uptimeMs: 0, totals: emptySlot(), workers: [] };

/** The document. Rates and recent latencies are over the time since `previous`; without it, since the start. */
export function buildDocument(sample: StatsSample, previous: StatsBaseline = START): StatsDocument {
  const { totals } = sample;
  const recent = difference(totals, previous.totals);
  const elapsedMs = sample.uptimeMs - previous.uptimeMs;
  return {
    version: 1,
    server: sample.server,
    time: new Date(sample.nowMs).toISOString(),
    startedAt: new Date(sample.startedAtMs).toISOString(),
    uptimeSeconds: seconds(sample.uptimeMs),
    intervalMs: sample.intervalMs,
    transport: sample.transport,
    reloads: sample.reloads,
    reloadsFailed: sample.reloadsFailed,
    draining: sample.draining,
    addresses: sample.addresses,
    connections: { active: totals[FIELD.open]!, ...sample.connections },
    requests: {
      total: totals[FIELD.requests]!,
      perSecond: perSecond(recent[FIELD.requests]!, elapsedMs),
      monitoring: totals[FIELD.monitoringRequests]!,
      timeouts: totals[FIELD.timeouts]!,
      aborts: totals[FIELD.aborts]!,
    },
    bytes: {
      sent: totals[FIELD.bytesSent]!,
      sentPerSecond: perSecond(recent[FIELD.bytesSent]!, elapsedMs),
      received: totals[FIELD.bytesReceived]!,
    },
    status: statusOf(totals),
    latencyMs: latencyOf(totals),
    latencyRecentMs: latencyOf(recent),
    cache: cacheOf(sample),
    upstream: upstreamOf(totals, recent),
    sharedCache: sharedCacheOf(totals),
    pool: {
      threadsPerWorker: sample.threadsPerWorker,
      tasks: totals[FIELD.poolTasks]!,
      queued: totals[FIELD.poolQueued]!,
      busy: totals[FIELD.poolBusy]!,
      busyMs: Math.round(totals[FIELD.poolBusyUs]! / 1000),
    },
    log: { dropped: totals[FIELD.logDropped]! },
    master: sample.master,
    workers: sample.workers.map((worker) => workerOf(worker, previous, elapsedMs)),
    ...(sample.jobs === undefined ? {} : { jobs: jobsOf(sample, sample.jobs, previous) }),
  };
}

function statusOf(totals: Float64Array): StatsDocument['status'] {
  const count = (field: SlotField): number => totals[FIELD[field]]!;
  return {
    '2xx': count('status2xx'),
    '3xx': count('status3xx'),
    '4xx': count('status4xx'),
    '5xx': count('status5xx'),
    '200': count('status200'),
    '206': count('status206'),
    '304': count('status304'),
    '404': count('status404'),
  };
}

function latencyOf(slot: Float64Array): StatsDocument['latencyMs'] {
  return summarise(histogramOf(slot), slot[FIELD.latencySumUs]!);
}

function cacheOf({ totals, cacheMaxBytes }: StatsSample): StatsDocument['cache'] {
  return {
    hit: totals[FIELD.cacheHit]!,
    miss: totals[FIELD.cacheMiss]!,
    expired: totals[FIELD.cacheExpired]!,
    revalidated: totals[FIELD.cacheRevalidated]!,
    bypass: totals[FIELD.cacheBypass]!,
    stale: totals[FIELD.cacheStale]!,
    updating: totals[FIELD.cacheUpdating]!,
    hitRatio: hitRatio(totals),
    evictions: totals[FIELD.cacheEvictions]!,
    entries: totals[FIELD.cacheEntries]!,
    bytes: totals[FIELD.cacheBytes]!,
    maxBytes: cacheMaxBytes,
  };
}

function upstreamOf(totals: Float64Array, recent: Float64Array): StatsDocument['upstream'] {
  return {
    responses: totals[FIELD.upstreamResponses]!,
    failures: totals[FIELD.upstreamFailures]!,
    active: totals[FIELD.upstreamActive]!,
    meanMs: upstreamMeanMs(totals),
    meanRecentMs: upstreamMeanMs(recent),
  };
}

function sharedCacheOf(totals: Float64Array): StatsDocument['sharedCache'] {
  return {
    hits: totals[FIELD.sharedHits]!,
    misses: totals[FIELD.sharedMisses]!,
    fills: totals[FIELD.sharedFills]!,
    waits: totals[FIELD.sharedWaits]!,
    failures: totals[FIELD.sharedFailures]!,
    entries: totals[FIELD.sharedEntries]!,
    bytes: totals[FIELD.sharedBytes]!,
    maxBytes: totals[FIELD.sharedMaxBytes]!,
    evictions: totals[FIELD.sharedEvictions]!,
  };
}

function jobsOf(
  { totals, nowMs, uptimeMs }: StatsSample,
  jobs: readonly JobSample[],
  previous: StatsBaseline,
): JobsStats {
  const interval = { previous: previous.jobs ?? [], nowMs, elapsedMs: uptimeMs - previous.uptimeMs };
  return {
    parts: totals[FIELD.jobParts]!,
    bytes: totals[FIELD.jobBytes]!,
    ...summariseJobs(jobs, interval),
  };
}

function upstreamMeanMs(slot: Float64Array): number | null {
  const responses = slot[FIELD.upstreamResponses]!;
  return responses > 0 ? Math.round(slot[FIELD.upstreamSumUs]! / responses) / 1000 : null;
}

function workerOf(worker: WorkerSample, previous: StatsBaseline, elapsedMs: number): WorkerStats {
  const { slot } = worker;
  // By process and not by place: a successor begins at zero, and its rate must not be negative.
  const before = previous.workers.find((earlier) => earlier.pid === worker.pid)?.slot ?? emptySlot();
  return {
    id: worker.id,
    pid: worker.pid,
    state: worker.state,
    uptimeSeconds: seconds(worker.uptimeMs),
    restarts: worker.restarts,
    connections: slot[FIELD.open]!,
    taken: slot[FIELD.taken]!,
    requests: slot[FIELD.requests]!,
    requestsPerSecond: perSecond(slot[FIELD.requests]! - before[FIELD.requests]!, elapsedMs),
    bytesSent: slot[FIELD.bytesSent]!,
    status5xx: slot[FIELD.status5xx]!,
    cacheHitRatio: hitRatio(slot),
    rssBytes: slot[FIELD.rssBytes]!,
    heapBytes: slot[FIELD.heapBytes]!,
    loopDelayMs: slot[FIELD.loopDelayUs]! / 1000,
    loopDelayMaxMs: slot[FIELD.loopDelayMaxUs]! / 1000,
  };
}

function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs > 0 ? Math.round((count * 1e5) / elapsedMs) / 100 : 0;
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
