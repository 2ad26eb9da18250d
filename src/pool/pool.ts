/**
 * The thread pool of a worker process: a fixed number of threads for what would block its event loop,
 * by piscina. It knows nothing of the tasks; those stand in the entry file that its owner names, which
 * defines them with task.ts.
 */
import { Piscina } from 'piscina';
import { EXIT, HandoverError } from '../errors.js';
import type { ThreadData } from './task.js';

/** The tasks of an entry file by name: `typeof import('./thread.js')`, or an interface like it. */
export type TaskMap<Tasks> = { [Name in keyof Tasks]: (input: never) => unknown };

/** How to make a pool. */
export interface ThreadPoolOptions {
  /** The module whose exports are the tasks. */
  readonly entry: URL;
  readonly threads: number;
  /** Tasks that may wait for a thread; more are refused. */
  readonly maxQueue: number;
  /** Given to each thread when it starts; plain data. */
  readonly data: unknown;
  /** Told of a thread that died without a task whose caller could be told. */
  readonly onThreadError?: (error: unknown) => void;
}

/**
 * piscina tries `require` on its entry first, and Node aborts the whole process when a thread is ended in
 * the midst of a `require` of an ES module (seen in 20.20: `ModuleWrap::InstantiateSync` goes on to ask
 * `IsGraphAsync` of a module that was not instantiated). Without it, the entry is imported.
 */
const REQUIRE_OFF = '--no-experimental-require-module';
const WITHOUT_REQUIRE_OF_MODULES = process.allowedNodeEnvironmentFlags.has(REQUIRE_OFF) ? [REQUIRE_OFF] : [];

/** What the pool has done, and how it is now. */
export interface PoolCounters {
  /** Tasks accepted since the start. */
  readonly tasks: number;
  /** Tasks waiting for a thread now. */
  readonly queued: number;
  /** Threads occupied now. */
  readonly busy: number;
  /** Time that threads have spent in tasks, in microseconds. */
  readonly busyUs: number;
}

/** See the file's header. */
export class ThreadPool<Tasks extends TaskMap<Tasks>> {
  readonly #options: ThreadPoolOptions;
  readonly #busyNs = new BigInt64Array(new SharedArrayBuffer(8));
  #piscina: Piscina | undefined;
  #closed = false;
  #tasks = 0;
  #inFlight = 0;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  /** Starts the threads, which the first task would do otherwise. */
  start(): void {
    if (!this.#closed) this.#piscina ??= this.#newPiscina();
  }

  /**
   * Runs a task in the next free thread. `transfer` names memory of the input that moves there instead
   * of being copied.
   *
   * Rejects with what the task threw, or its thread died of; with `POOL_FULL` when too many tasks wait;
   * with `POOL_THREAD` when there are no threads and none can be started; with `POOL_CLOSED` after `close`.
   */
  async run<Name extends keyof Tasks & string>(
    name: Name,
    input: Parameters<Tasks[Name]>[0],
    transfer?: ArrayBuffer[],
  ): Promise<Awaited<ReturnType<Tasks[Name]>>> {
    if (this.#closed) throw closedError();
    // Counted here and not asked of piscina, which takes a task from its queue before a thread has it.
    if (this.#inFlight >= this.#options.threads + this.#options.maxQueue) {
      throw new HandoverError('POOL_FULL', 'the thread pool has too much to do');
    }
    this.#piscina ??= this.#newPiscina();
    const piscina = this.#piscina;
    this.#tasks++;
    this.#inFlight++;
    try {
      return await piscina.run(input, transfer === undefined ? { name } : { name, transferList: transfer });
    } catch (error) {
      if (this.#closed) throw closedError();
      if (piscina === this.#piscina) throw error;
      throw new HandoverError('POOL_THREAD', 'no thread of the pool could start', EXIT.internal, error);
    } finally {
      this.#inFlight--;
    }
  }

  get counters(): PoolCounters {
    const busy = Math.min(this.#inFlight, this.#options.threads);
    return {
      tasks: this.#tasks,
      queued: this.#inFlight - busy,
      busy,
      busyUs: Math.round(Number(Atomics.load(this.#busyNs, 0)) / 1000),
    };
  }

  /** Ends all threads at once; tasks that run or wait are rejected. Wait for them first if they matter. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#piscina?.destroy();
  }

  #newPiscina(): Piscina {
    const { entry, threads, data, onThreadError } = this.#options;
    const threadData: ThreadData<unknown> = { data, busyNs: this.#busyNs };
    const piscina = new Piscina({
      filename: entry.href,
      workerData: threadData,
      // As many at least as at most: only then is a dead one replaced at once.
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A second task in a thread would save a wake-up (a fifth of the cost of a small task), but the
      // answer of the first would wait for it, and it would die with the first.
      concurrentTasksPerWorker: 1,
      atomics: 'sync',
      recordTiming: false,
      execArgv: [...process.execArgv, ...WITHOUT_REQUIRE_OF_MODULES],
    });
    piscina.on('error', (error: unknown) => onThreadError?.(error));
    // Heard before a replacement is started, hence a look a little later.
    piscina.on('workerDestroy', () => setImmediate(() => this.#giveUpIfDead(piscina)));
    return piscina;
  }

  /**
   * piscina starts no more threads after one that could not even start (out of memory or descriptors), so
   * what waits would wait for ever. It fails instead, and the next task begins with a new piscina.
   */
  #giveUpIfDead(piscina: Piscina): void {
    if (this.#piscina !== piscina || piscina.threads.length > 0) return;
    this.#piscina = undefined;
    piscina.destroy().catch((error: unknown) => this.#options.onThreadError?.(error));
  }
}

function closedError(): HandoverError {
  return new HandoverError('POOL_CLOSED', 'the thread pool is closed');
}
