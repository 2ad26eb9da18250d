/**
 * The one schema of the statistics. A worker counts into an array of doubles (its scoreboard slot);
 * the positions are given here, and every writer (statFile.txt, stats.json, /metrics) reads from here.
 * Counters only grow; gauges are overwritten. All values are whole numbers below 2^53.
 */
import { BUCKETS } from './histogram.js';

/** Positions in a slot, in doubles. `seq` and `seqEnd` differ while a slot is being written. */
export const SLOT_FIELDS = [
  'seq',
  /** Connections the worker has received from the master, ever (the handover's acknowledgement). */
  'taken',
  /** Connections the worker holds now. */
  'open',
  /** Those that asked something in the half second before the gauges were brought up to date. */
  'active',
  /** Connections the worker has handed back to the master, ever. */
  'handedBack',
  /** Responses decided: every request that got a status, whatever it was. */
  'requests',
  'status2xx',
  'status3xx',
  'status4xx',
  'status5xx',
  'status200',
  'status206',
  'status304',
  'status404',
  /** Bytes handed to the kernel on client connections: heads and bodies. */
  'bytesSent',
  /** Those of them in a write that has not returned, of which the kernel may take less. */
  'bytesLeaving',
  /** Bytes read from client connections. */
  'bytesReceived',
  /** Requests for the statistics themselves and the health check: not in `requests`. */
  'monitoringRequests',
  /** Connections closed by a header, body or write timeout. */
  'timeouts',
  /** Connections the client reset or left during a response. */
  'aborts',
  'cacheHit',
  'cacheMiss',
  'cacheExpired',
  'cacheRevalidated',
  'cacheBypass',
  /** Answered from the cache though no longer fresh: no upstream could say better, or one is being asked. */
  'cacheStale',
  'cacheUpdating',
  'cacheEvictions',
  'cacheEntries',
  'cacheBytes',
  'poolTasks',
  'poolQueued',
  'poolBusy',
  /** Sum of the time tasks ran, in microseconds. */
  'poolBusyUs',
  'rssBytes',
  'heapBytes',
  /** Event-loop delay of the last interval, in microseconds: mean and maximum. */
  'loopDelayUs',
  'loopDelayMaxUs',
  /** Sum of the time that the event loop was not waiting, in microseconds. */
  'busyUs',
  /** Sum of response times in microseconds; with `requests` it gives the mean. */
  'latencySumUs',
  'logDropped',
  /** Requests sent to upstreams that brought a response, and those that brought none. */
  'upstreamResponses',
  'upstreamFailures',
  /** Sum of the time from a request to the head of its response, in microseconds. */
  'upstreamSumUs',
  /** Requests of which neither is known yet. */
  'upstreamActive',
  /** What the worker has asked the cache that all share: found, not found, put in, waited for another's, gone wrong. */
  'sharedHits',
  'sharedMisses',
  'sharedFills',
  'sharedWaits',
  'sharedFailures',
  /** What that cache holds: the same for all workers that can see it. */
  'sharedEntries',
  'sharedBytes',
  'sharedMaxBytes',
  'sharedEvictions',
  /** Parts that became durable, new ones only, of jobs that the worker owns; and their bytes. */
  'jobParts',
  'jobBytes',
] as const;

export type SlotField = (typeof SLOT_FIELDS)[number];

/** Field name to its position in the slot. */
export const FIELD = Object.freeze(
  Object.fromEntries(SLOT_FIELDS.map((name, index) => [name, index])),
) as Readonly<Record<SlotField, number>>;

/** Where the latency histogram begins in a slot (see histogram.ts), in doubles. */
export const HISTOGRAM_START = SLOT_FIELDS.length;
/** The last double of a slot repeats `seq`. */
export const SEQ_END = HISTOGRAM_START + BUCKETS;
/** Doubles in a slot. */
export const SLOT_DOUBLES = SEQ_END + 1;
export const SLOT_BYTES = SLOT_DOUBLES * 8;

/** Fields that say how things are now; all others are counters and survive their worker in the totals. */
export const GAUGES: ReadonlySet<SlotField> = new Set<SlotField>([
  'seq',
  'open',
  'active',
  'bytesLeaving',
  'cacheEntries',
  'cacheBytes',
  'poolQueued',
  'poolBusy',
  'rssBytes',
  'heapBytes',
  'loopDelayUs',
  'loopDelayMaxUs',
  'upstreamActive',
  'sharedEntries',
  'sharedBytes',
  'sharedMaxBytes',
  'sharedEvictions',
]);

/** `stats.json`. Documented field by field in docs/stats.md; `version` changes when a field changes meaning. */
export interface StatsDocument {
  readonly version: 1;
  readonly server: string;
  /** ISO 8601, when this document was made. */
  readonly time: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly intervalMs: number;
  readonly transport: string;
  readonly reloads: number;
  /** Reloads that were refused or failed, and changed nothing. */
  readonly reloadsFailed: number;
  readonly draining: boolean;
  /** Where it listens, as URLs: `http://0.0.0.0:3000/`. */
  readonly addresses: readonly string[];
  readonly connections: {
    readonly active: number;
    readonly accepted: number;
    /** In the master's wait queue. */
    readonly waiting: number;
    /** Refused with 503 because the queue was full. */
    readonly refused: number;
    readonly max: number;
  };
  readonly requests: {
    readonly total: number;
    readonly perSecond: number;
    readonly monitoring: number;
    readonly timeouts: number;
    readonly aborts: number;
  };
  readonly bytes: {
    readonly sent: number;
    readonly sentPerSecond: number;
    readonly received: number;
  };
  readonly status: {
    readonly '2xx': number;
    readonly '3xx': number;
    readonly '4xx': number;
    readonly '5xx': number;
    readonly '200': number;
    readonly '206': number;
    readonly '304': number;
    readonly '404': number;
  };
  readonly latencyMs: LatencySummary;
  /** The same over the last interval only. */
  readonly latencyRecentMs: LatencySummary;
  readonly cache: {
    readonly hit: number;
    readonly miss: number;
    readonly expired: number;
    readonly revalidated: number;
    readonly bypass: number;
    readonly stale: number;
    readonly updating: number;
    /** Answered from the cache / all lookups, 0 to 1; null before the first lookup. */
    readonly hitRatio: number | null;
    readonly evictions: number;
    readonly entries: number;
    readonly bytes: number;
    readonly maxBytes: number;
  };
  /** Requests that were sent on to other servers. */
  readonly upstream: {
    readonly responses: number;
    readonly failures: number;
    readonly active: number;
    /** Until the head of the response; null before the first one. */
    readonly meanMs: number | null;
    /** The same over the last interval only. */
    readonly meanRecentMs: number | null;
  };
  /** The cache process of the proxy; all 0 without one. */
  readonly sharedCache: {
    readonly hits: number;
    readonly misses: number;
    readonly fills: number;
    /** Requests that waited until another worker had brought the object. */
    readonly waits: number;
    readonly failures: number;
    readonly entries: number;
    readonly bytes: number;
    readonly maxBytes: number;
    /** Since the cache process was started. */
    readonly evictions: number;
  };
  readonly pool: {
    readonly threadsPerWorker: number;
    readonly tasks: number;
    readonly queued: number;
    readonly busy: number;
    readonly busyMs: number;
  };
  readonly log: { readonly dropped: number };
  readonly master: { readonly pid: number; readonly rssBytes: number };
  readonly workers: readonly WorkerStats[];
  /** Absent when no jobs are taken. */
  readonly jobs?: JobsStats;
}

/** Milliseconds; null before the first request. Percentiles come from a histogram with 12 % wide buckets. */
export interface LatencySummary {
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

export interface WorkerStats {
  /** Stable number of the place the worker fills; a respawned worker keeps its predecessor's. */
  readonly id: number;
  readonly pid: number;
  readonly state: 'starting' | 'ready' | 'draining';
  readonly uptimeSeconds: number;
  readonly restarts: number;
  readonly connections: number;
  readonly taken: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly bytesSent: number;
  readonly status5xx: number;
  readonly cacheHitRatio: number | null;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly loopDelayMs: number;
  readonly loopDelayMaxMs: number;
}

/** All jobs, whichever worker owns them. */
export interface JobsStats {
  readonly open: number;
  readonly sealed: number;
  readonly done: number;
  readonly failed: number;
  /** Parts that became durable, ever, and their bytes: counters, those of removed jobs included. */
  readonly parts: number;
  readonly bytes: number;
  /** Bytes of the parts of all jobs that are there. */
  readonly heldBytes: number;
  /** Connections that send parts. */
  readonly receiving: number;
  /** Bytes of parts that came in the last interval, whole parts and others. */
  readonly bytesPerSecond: number;
  /** Some of the jobs: those under way first, and the newest first among those and the others. */
  readonly list: readonly JobStats[];
}

export interface JobStats {
  readonly job: string;
  readonly state: 'open' | 'sealed' | 'done' | 'failed';
  readonly reducer: string;
  readonly parts: number;
  /** Null when nobody has said how many there will be. */
  readonly expectedParts: number | null;
  readonly bytes: number;
  /** Those of them that the reducer has been given. */
  readonly reducedBytes: number;
  readonly receiving: number;
  readonly bytesPerSecond: number;
}
