/** A statistics sample with every part filled, for the tests of what is made of it. */

import type { StatsSample, WorkerSample } from '../../src/stats/document.js';
import { bucketOf } from '../../src/stats/histogram.js';
import type { JobSample } from '../../src/stats/jobs.js';
import { FIELD, HISTOGRAM_START, type SlotField } from '../../src/stats/schema.js';
import { emptySlot, mergeSlots } from '../../src/stats/totals.js';

/** A slot with the given fields, and one response for each of the given times. */
export function slotWith(
  fields: Partial<Record<SlotField, number>>,
  latenciesUs: readonly number[] = [],
): Float64Array {
  const slot = emptySlot();
  for (const [name, value] of Object.entries(fields)) slot[FIELD[name as SlotField]] = value;
  for (const us of latenciesUs) {
    slot[HISTOGRAM_START + bucketOf(us)]! += 1;
    slot[FIELD.latencySumUs]! += us;
  }
  return slot;
}

export function workerSample(changes: Partial<WorkerSample> = {}): WorkerSample {
  return {
    id: 1,
    pid: 4711,
    state: 'ready',
    restarts: 0,
    uptimeMs: 9000,
    slot: emptySlot(),
    ...changes,
  };
}

/** A job of which one part of three is there, and another comes. */
export function jobSample(changes: Partial<JobSample> = {}): JobSample {
  return {
    job: 'render',
    state: 'open',
    reducer: 'concat',
    createdMs: Date.UTC(2026, 0, 2, 3, 4, 10),
    parts: 1,
    expectedParts: 3,
    bytes: 4000,
    receivingBytes: 1000,
    reducedBytes: 3000,
    receiving: 1,
    ...changes,
  };
}

/** Totals are those of the workers, unless given. */
export function statsSample(changes: Partial<StatsSample> = {}): StatsSample {
  const workers = changes.workers ?? [workerSample()];
  return {
    server: 'handover/0.1.0',
    nowMs: Date.UTC(2026, 0, 2, 3, 4, 15),
    uptimeMs: 10_000,
    startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    intervalMs: 1000,
    transport: 'portable',
    reloads: 2,
    reloadsFailed: 1,
    draining: false,
    addresses: ['http://0.0.0.0:3000/', 'https://0.0.0.0:3443/'],
    connections: { accepted: 70, waiting: 3, refused: 1, max: 10_000 },
    cacheMaxBytes: 64 << 20,
    threadsPerWorker: 4,
    master: { pid: 4700, rssBytes: 50 << 20 },
    totals: mergeSlots(workers.map((worker) => worker.slot)),
    workers,
    ...changes,
  };
}
