/** The time of a worker, which only the test moves. */
import { Clock } from '../../src/http/clock.js';
import { Deadlines } from '../../src/worker/deadlines.js';

const START_MS = 784_111_777_000;
/** Time does not go by in steps longer than this. */
export const STEP_MS = 250;

export class WorkerTime {
  readonly clock = new Clock(START_MS, START_MS);
  readonly deadlines = new Deadlines(START_MS);
  /** Brings the clock up to date. */
  readonly tick = (): void => this.clock.update(this.#nowMs, this.#nowMs);
  #nowMs = START_MS;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Goes by at once, as for a worker that was idle: its clock stays as old as it is. */
  skip(ms: number): void {
    this.#nowMs += ms;
    this.deadlines.advance(this.#nowMs);
  }

  /** Goes by in steps, at each of which it is looked what is due. */
  pass(ms: number): void {
    for (const end = this.#nowMs + ms; this.#nowMs < end; ) this.skip(Math.min(STEP_MS, end - this.#nowMs));
  }
}
