/**
 * Looks now and then how the work is spread over the workers, and tells those that have too much of it to
 * hand connections back, which the dispatcher then gives to others. What is too much is balance.ts's to say.
 */
import { type Burden, excessOf } from './balance.js';
import type { WorkerHandle } from './worker-handle.js';

const LOOK_MS = 500;

export class Balancer {
  readonly #workers: () => readonly WorkerHandle[];
  readonly #timer: NodeJS.Timeout;
  /** What each worker had been busy when it was last looked. */
  readonly #busyUs = new WeakMap<WorkerHandle, number>();
  #lookedMs = performance.now();

  /** @param workers those that may be given connections */
  constructor(workers: () => readonly WorkerHandle[]) {
    this.#workers = workers;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    const workers = this.#workers();
    const excess = excessOf(workers.map((worker) => this.#burdenOf(worker, elapsedMs)));
    workers.forEach((worker, i) => {
      const { count, active } = excess[i]!;
      if (count > 0) worker.shed(count, active);
    });
  }

  #burdenOf(worker: WorkerHandle, elapsedMs: number): Burden {
    const { open, active, busyUs } = worker.work();
    const before = this.#busyUs.get(worker) ?? busyUs;
    this.#busyUs.set(worker, busyUs);
    return { open, active, busy: Math.min(1, (busyUs - before) / 1000 / elapsedMs) };
  }
}
