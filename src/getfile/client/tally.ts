/** What came of all transfers: counts, bytes, times. In bounded memory, however many there are. */
import { createHistogram } from 'node:perf_hooks';
import type { Job, Outcome } from './job.js';

/** Failures that are told one by one; the others are only counted. */
const MAX_FAILURES = 10;

export interface Failure {
  readonly path: string;
  readonly problem: string;
}

/** Milliseconds; NaN where nothing was transferred. */
export interface Times {
  readonly min: number;
  readonly mean: number;
  readonly sd: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export class Tally {
  /** Transfers that came to an end, whole or not. */
  requests = 0;
  /** Those that were not whole. */
  errors = 0;
  /** Bytes of files that came, also of those that were not whole. */
  bytes = 0;
  /** The first that were not whole, in the order in which they ended. */
  readonly failures: Failure[] = [];
  readonly #times = createHistogram();

  add({ path }: Job, { bytes, durationUs, problem }: Outcome): void {
    this.requests++;
    this.bytes += bytes;
    if (problem === undefined) this.#times.record(Math.max(1, durationUs));
    else {
      this.errors++;
      if (this.failures.length < MAX_FAILURES) this.failures.push({ path, problem });
    }
  }

  /** From connecting to the last byte, of the transfers that were whole. */
  get timesMs(): Times {
    const times = this.#times;
    const ms = (us: number): number => (times.count === 0 ? Number.NaN : us / 1000);
    return {
      min: ms(times.min),
      mean: ms(times.mean),
      sd: ms(times.stddev),
      p50: ms(times.percentile(50)),
      p90: ms(times.percentile(90)),
      p99: ms(times.percentile(99)),
      max: ms(times.max),
    };
  }
}
