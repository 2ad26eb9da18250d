/** The reduction of one job, and how far it is behind. When the disk has failed it is begun again, after a while. */
import type { JobError, JobResult } from './api.js';
import { waitsForAll } from './reducers/reducers.js';
import type { Reducing, Reduction, ReductionOptions, StoredPart } from './reduction.js';

/** A reducer that is so far behind is waited for: clients send no more. */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;
const RETRY_MS = 5000;

export interface JobReductionOptions extends Omit<ReductionOptions, 'onProgress' | 'onFailed'> {
  readonly reducing: Reducing;
  /** All parts that there are: it begins with them. */
  readonly parts: () => Iterable<StoredPart>;
  readonly onProgress: () => void;
  readonly onDone: (result: JobResult) => void;
  /** It has failed, and would again. */
  readonly onFailed: (error: JobError) => void;
  readonly report: (problem: string) => void;
}

export class JobReduction {
  readonly #options: JobReductionOptions;
  #reduction: Reduction | undefined;
  #givenBytes = 0;
  #reducedBytes = 0;
  #isFinishing = false;
  #isOver = false;
  #roomMade: (() => void)[] = [];
  #retry: NodeJS.Timeout | undefined;

  constructor(options: JobReductionOptions) {
    this.#options = options;
    this.#begin();
  }

  get reducedBytes(): number {
    return this.#reducedBytes;
  }

  add(part: StoredPart): void {
    // One that waits to begin again begins with all parts that there are by then.
    if (this.#reduction === undefined) return;
    this.#givenBytes += part.bytes;
    this.#reduction.add(part);
  }

  /** There are no more parts. */
  finish(): void {
    this.#isFinishing = true;
    this.#reduction?.finish().then(
      (result) => {
        if (this.#isOver) return;
        this.#end();
        this.#options.onDone(result);
      },
      (error: JobError) => this.#onFailed(error),
    );
  }

  /** Resolves when the reducer has caught up; undefined: it is not behind. */
  room(): Promise<void> | undefined {
    if (this.#isOver || !this.#isBehind) return undefined;
    return new Promise((resolve) => this.#roomMade.push(resolve));
  }

  /** Gives up; resolves when it touches no file any more. */
  async cancel(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    clearTimeout(this.#retry);
    await this.#reduction?.cancel();
  }

  get #isBehind(): boolean {
    const { reducer, order } = this.#options;
    // What waits for its order is not reduced before the job is sealed: nobody may wait for that to send more.
    return !waitsForAll(reducer, order) && this.#givenBytes - this.#reducedBytes > MAX_BACKLOG_BYTES;
  }

  #begin(): void {
    const { reducing, parts, onProgress, ...options } = this.#options;
    this.#givenBytes = 0;
    this.#reducedBytes = 0;
    this.#reduction = reducing.begin({
      ...options,
      onProgress: (bytes) => {
        if (this.#isOver) return;
        this.#reducedBytes += bytes;
        if (!this.#isBehind) this.#letGo();
        onProgress();
      },
      onFailed: (error) => this.#onFailed(error),
    });
    for (const part of parts()) this.add(part);
    if (this.#isFinishing) this.finish();
  }

  #onFailed(error: JobError): void {
    if (this.#isOver || this.#reduction === undefined) return;
    this.#reduction = undefined;
    const { job, report, onFailed } = this.#options;
    if (error.code === 'job-failed') {
      this.#end();
      onFailed(error);
      return;
    }
    report(`the result of job ${job} is tried again: ${error.message}`);
    this.#retry = setTimeout(() => this.#begin(), RETRY_MS);
  }

  #end(): void {
    this.#isOver = true;
    this.#letGo();
  }

  #letGo(): void {
    for (const made of this.#roomMade.splice(0)) made();
  }
}
