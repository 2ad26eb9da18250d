/**
 * Adding up slots, and what can be said of the sums. Pure, but for the one object that remembers what
 * was published. Where slots come from is `scoreboard.ts`.
 */
import { BUCKETS, upperEdgeUs } from './histogram.js';
import {
  FIELD,
  GAUGES,
  HISTOGRAM_START,
  type LatencySummary,
  SEQ_END,
  SLOT_DOUBLES,
  SLOT_FIELDS,
} from './schema.js';

/** Positions of the gauges, `seq` and `seqEnd` among them: they die with their worker. */
const GAUGE_POSITIONS: readonly number[] = [
  ...SLOT_FIELDS.filter((f) => GAUGES.has(f)).map((f) => FIELD[f]),
  SEQ_END,
];
/** Gauges whose sum would mean nothing: the worst worker stands for all, or the one that sees what all share. */
const WORST_POSITIONS: readonly number[] = [
  FIELD.loopDelayUs,
  FIELD.loopDelayMaxUs,
  FIELD.sharedEntries,
  FIELD.sharedBytes,
  FIELD.sharedMaxBytes,
  FIELD.sharedEvictions,
];

/** All zeros: the totals before anything was counted. */
export function emptySlot(): Float64Array {
  return new Float64Array(SLOT_DOUBLES);
}

/**
 * The totals: counters and histogram of everybody that ever counted, gauges of those that live.
 * `live` are the slots of the running workers and of the master; `departed` what `retire` made.
 */
export function mergeSlots(
  live: readonly Float64Array[],
  departed: readonly Float64Array[] = [],
): Float64Array {
  const totals = emptySlot();
  for (const slot of departed) addInto(totals, slot);
  for (const position of GAUGE_POSITIONS) totals[position] = 0;
  for (const slot of live) addInto(totals, slot);
  for (const position of WORST_POSITIONS) {
    totals[position] = Math.max(0, ...live.map((slot) => slot[position]!));
  }
  totals[FIELD.seq] = 0;
  totals[SEQ_END] = 0;
  return totals;
}

/**
 * A slot as it may be published: without the bytes of which the kernel may yet take less, because what was
 * published once is not taken back.
 */
export function withoutLeaving(slot: Float64Array): Float64Array {
  const certain = slot.slice();
  certain[FIELD.bytesSent]! -= certain[FIELD.bytesLeaving]!;
  certain[FIELD.bytesLeaving] = 0;
  return certain;
}

/** Adds the last slot of a worker that is gone to those of its predecessors. Returns the new sum. */
export function retire(departed: Float64Array, last: Float64Array): Float64Array {
  return mergeSlots([], [departed, last]);
}

/**
 * Remembers what was published, so that no counter is ever seen to go down. One can: a worker counts
 * bytes as sent before they leave, and takes back what the kernel did not take. A reader
 * that computes rates takes a lower value for a restart of the server (Prometheus's `rate` does), and
 * would count everything once more. So a counter stands still until the truth has caught up with it.
 */
export class PublishedTotals {
  #highest = emptySlot();

  /** The totals to publish: counters never below what this returned before; gauges as they are. */
  advance(totals: Float64Array): Float64Array {
    const next = this.#highest.map((highest, position) => Math.max(highest, totals[position]!));
    for (const position of GAUGE_POSITIONS) next[position] = totals[position]!;
    this.#highest = next;
    return next.slice();
  }
}

/** What was counted between two totals: counters and histogram subtracted, gauges those of `now`. */
export function difference(now: Float64Array, before: Float64Array): Float64Array {
  const result = now.map((value, position) => value - before[position]!);
  for (const position of GAUGE_POSITIONS) result[position] = now[position]!;
  return result;
}

/** The buckets of a slot, without copying. */
export function histogramOf(slot: Float64Array): Float64Array {
  return slot.subarray(HISTOGRAM_START, HISTOGRAM_START + BUCKETS);
}

/**
 * Mean and percentiles of a histogram in milliseconds; all null when it is empty. A percentile is the
 * upper edge of the bucket it falls into (nearest rank), so it never flatters; so is the maximum.
 */
export function summarise(histogram: Float64Array, sumUs: number): LatencySummary {
  const count = histogram.reduce((sum, n) => sum + n, 0);
  if (count <= 0) return { mean: null, p50: null, p90: null, p99: null, p999: null, max: null };
  const at = (fraction: number): number => toMs(edgeOfRank(histogram, Math.ceil(fraction * count)));
  return {
    mean: toMs(sumUs / count),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  };
}

/** Part of a whole, 0 to 1; null when there is nothing to divide. */
export function ratio(part: number, whole: number): number | null {
  return whole > 0 ? Math.round((part / whole) * 1e4) / 1e4 : null;
}

/** Cache hits as a part of all lookups in a slot; what was revalidated was answered from memory too. */
export function hitRatio(slot: Float64Array): number | null {
  const stale = slot[FIELD.cacheStale]! + slot[FIELD.cacheUpdating]!;
  const hits = slot[FIELD.cacheHit]! + slot[FIELD.cacheRevalidated]! + stale;
  return ratio(hits, hits + slot[FIELD.cacheMiss]! + slot[FIELD.cacheExpired]!);
}

function addInto(sum: Float64Array, slot: Float64Array): void {
  for (let position = 0; position < SLOT_DOUBLES; position++) sum[position]! += slot[position]!;
}

function edgeOfRank(histogram: Float64Array, rank: number): number {
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += histogram[bucket]!;
    if (seen >= rank) return upperEdgeUs(bucket);
  }
  return upperEdgeUs(BUCKETS - 1);
}

function toMs(us: number): number {
  return Math.round(us) / 1000;
}
