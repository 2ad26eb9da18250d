/** Reductions of small jobs, in real reducer threads, for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import type { JobError, JobResult } from '../../src/jobs/api.js';
import { ReducerThreads, type ReducerThreadsOptions } from '../../src/jobs/reducer-threads.js';
import type { Reduction, ReductionOptions, StoredPart } from '../../src/jobs/reduction.js';
import { TestDirectory } from './directory.js';
import { eventually, within } from './eventually.js';

/** Threads, and a directory where parts, modules and results lie. */
export class ReductionBed {
  readonly directory = new TestDirectory({ 'parts/': '', 'results/': '' });
  readonly #threads: ReducerThreads[] = [];

  threads(options: Partial<ReducerThreadsOptions> = {}): ReducerThreads {
    const threads = new ReducerThreads({ threads: 1, ...options });
    this.#threads.push(threads);
    return threads;
  }

  /** Begins with a job that is called as its result. */
  begin(threads: ReducerThreads, job: string, options: Partial<ReductionOptions> = {}): TestReduction {
    return new TestReduction(threads, this.directory, job, options);
  }

  /** A module by its text. */
  module(text: string, name = 'reduce.mjs'): string {
    return this.directory.write(name, text);
  }

  /** What lies where the results are. */
  get results(): string[] {
    return readdirSync(this.directory.at('results')).sort();
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((threads) => threads.close()));
    this.directory.remove();
  }
}

export class TestReduction {
  readonly resultPath: string;
  /** What `onFailed` was told. */
  readonly failures: JobError[] = [];
  /** What `onProgress` was told, together. */
  progress = 0;
  readonly #directory: TestDirectory;
  readonly #job: string;
  readonly #reduction: Reduction;
  #parts = 0;

  constructor(
    threads: ReducerThreads,
    directory: TestDirectory,
    job: string,
    options: Partial<ReductionOptions>,
  ) {
    this.#directory = directory;
    this.#job = job;
    this.resultPath = directory.at(`results/${job}`);
    this.#reduction = threads.begin({
      job,
      reducer: 'concat',
      order: 'arrival',
      resultPath: this.resultPath,
      onProgress: (bytes) => {
        this.progress += bytes;
      },
      onFailed: (error) => this.failures.push(error),
      ...options,
    });
  }

  /** Resolves when some of its parts are reduced. */
  async begun(): Promise<void> {
    await eventually(
      () => this.progress > 0 || undefined,
      () => `job ${this.#job} is at work`,
    );
  }

  /** Adds a part that lies in a file of its own. */
  add(name: string, content: string | Buffer): this {
    const path = this.#directory.write(`parts/${this.#job}-${++this.#parts}`, content);
    return this.addStored({ name, path, offset: 0, bytes: Buffer.byteLength(content) });
  }

  addStored(part: StoredPart): this {
    this.#reduction.add(part);
    return this;
  }

  finish(): Promise<JobResult> {
    return within(this.#reduction.finish(), () => `the end of ${this.#job}`);
  }

  cancel(): Promise<void> {
    return within(this.#reduction.cancel(), () => `${this.#job} is cancelled`);
  }

  /** The bytes of the result, when it is finished. */
  async result(): Promise<string> {
    await this.finish();
    return readFileSync(this.resultPath, 'utf8');
  }

  /** What it is rejected with at its end. */
  async rejection(): Promise<JobError> {
    return this.finish().then(
      () => {
        throw new Error('it was not rejected');
      },
      (error: JobError) => error,
    );
  }
}
