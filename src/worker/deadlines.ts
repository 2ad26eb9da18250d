/**
 * One timer for all connections of a worker: a wheel of buckets, a quarter of a second each. Moving a
 * deadline later, which every request does, is one assignment; the bucket finds out when it comes round.
 */
import { Bag } from './bag.js';

/** Something with a deadline. The fields belong to the wheel. */
export interface Timed {
  /** Milliseconds on the wheel's clock; Infinity: none. */
  deadlineMs: number;
  /** Tick of the bucket it lies in, or -1, and its place there. */
  bucketTick: number;
  bucketPlace: number;
  onDeadline(nowMs: number): void;
}

const TICK_MS = 250;
/** Buckets in a turn; deadlines farther away are looked at once in each turn. */
const BUCKETS = 512;

export class Deadlines {
  readonly #buckets: Bag<Timed>[] = Array.from({ length: BUCKETS }, () => new Bag(tellPlace));
  #tick: number;

  constructor(nowMs: number) {
    this.#tick = Math.floor(nowMs / TICK_MS);
  }

  /** How often `advance` wants to be called. */
  get tickMs(): number {
    return TICK_MS;
  }

  /** Sets or moves a deadline. It is kept to within two ticks, never early. */
  arm(item: Timed, deadlineMs: number): void {
    item.deadlineMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const tick = Math.max(this.#tick + 1, Math.ceil(deadlineMs / TICK_MS));
    if (item.bucketTick >= 0 && item.bucketTick <= tick) return;
    this.#place(item, Math.min(tick, this.#tick + BUCKETS - 1));
  }

  disarm(item: Timed): void {
    item.deadlineMs = Number.POSITIVE_INFINITY;
    if (item.bucketTick >= 0) this.#bucket(item.bucketTick).remove(item.bucketPlace);
    item.bucketTick = -1;
  }

  /** Calls `onDeadline` of everything whose time has come. */
  advance(nowMs: number): void {
    const now = Math.floor(nowMs / TICK_MS);
    // After a long stop one turn visits every bucket; more would only visit them again.
    this.#tick = Math.max(this.#tick, now - BUCKETS);
    while (this.#tick < now) {
      this.#tick++;
      const bucket = this.#bucket(this.#tick);
      if (bucket.size === 0) continue;
      const due = bucket.take();
      for (const item of due) item.bucketTick = -1;
      for (const item of due) {
        if (item.deadlineMs <= nowMs) item.onDeadline(nowMs);
        else this.arm(item, item.deadlineMs);
      }
    }
  }

  #place(item: Timed, tick: number): void {
    if (item.bucketTick >= 0) this.#bucket(item.bucketTick).remove(item.bucketPlace);
    item.bucketTick = tick;
    this.#bucket(tick).add(item);
  }

  #bucket(tick: number): Bag<Timed> {
    return this.#buckets[tick % BUCKETS]!;
  }
}

function tellPlace(item: Timed, place: number): void {
  item.bucketPlace = place;
}
