/** How a worker is: what of that is measured now and then, and not counted as it happens. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import v8 from 'node:v8';
import type { PoolTasks } from '../files/pool-tasks.js';
import type { ResourceStore } from '../files/store.js';
import type { ReverseProxy } from '../proxy/reverse-proxy.js';
import { residentBytes } from '../stats/resident.js';
import { FIELD } from '../stats/schema.js';
import type { SlotWriter } from '../stats/scoreboard.js';

/** What the gauges are read from. */
export interface GaugeSources {
  readonly slot: SlotWriter;
  readonly tasks: PoolTasks;
  readonly store: ResourceStore;
  readonly proxy: ReverseProxy | undefined;
}

const LOOP_DELAY_RESOLUTION_MS = 20;

export class Gauges {
  readonly #sources: GaugeSources;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });

  constructor(sources: GaugeSources) {
    this.#sources = sources;
    this.#loopDelay.enable();
  }

  /**
   * Brings all gauges up to date, and puts them on record.
   *
   * @param active connections that asked something lately
   */
  update(active: number): void {
    const { slot, tasks } = this.#sources;
    const pool = tasks.counters;
    slot.set('active', active);
    slot.set('busyUs', Math.round(performance.eventLoopUtilization().active * 1000));
    slot.set('rssBytes', residentBytes(slot.counters[FIELD.rssBytes]!));
    slot.set('heapBytes', v8.getHeapStatistics().used_heap_size);
    this.#updateCaches();
    slot.set('poolTasks', pool.tasks);
    slot.set('poolQueued', pool.queued);
    slot.set('poolBusy', pool.busy);
    slot.set('poolBusyUs', pool.busyUs);
    slot.set('loopDelayUs', delayUs(this.#loopDelay.mean));
    slot.set('loopDelayMaxUs', delayUs(this.#loopDelay.max));
    this.#loopDelay.reset();
    slot.commit();
  }

  /** Ends what would keep the process alive. */
  close(): void {
    this.#loopDelay.disable();
  }

  #updateCaches(): void {
    const { slot, store, proxy } = this.#sources;
    const { entries = 0, bytes = 0, shared } = proxy?.figures ?? {};
    slot.set('cacheEntries', store.count + entries);
    slot.set('cacheBytes', store.sizeBytes + bytes);
    if (shared === undefined) return;
    slot.set('sharedHits', shared.hits);
    slot.set('sharedMisses', shared.misses);
    slot.set('sharedFills', shared.fills);
    slot.set('sharedWaits', shared.waits);
    slot.set('sharedFailures', shared.failures);
    slot.set('sharedEntries', shared.store?.entries ?? 0);
    slot.set('sharedBytes', shared.store?.bytes ?? 0);
    slot.set('sharedMaxBytes', shared.store?.maxBytes ?? 0);
    slot.set('sharedEvictions', shared.store?.evictions ?? 0);
  }
}

/** The monitor measures whole intervals: what is above its resolution is delay. NaN before the first. */
function delayUs(ns: number): number {
  return Number.isFinite(ns) ? Math.max(0, Math.round(ns / 1000 - LOOP_DELAY_RESOLUTION_MS * 1000)) : 0;
}
