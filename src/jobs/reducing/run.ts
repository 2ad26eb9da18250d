/** One reduction in a thread: gives the parts to the reducer, some at a time, and writes what it makes of them. */
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import type { Turns } from '../../pool/turns.js';
import { JobError, type JobResult } from '../api.js';
import type { Output, Reducer } from '../reducers/reducer.js';
import { newReducer, titleOf, waitsForAll } from '../reducers/reducers.js';
import type { StoredPart } from '../reduction.js';
import type { FromThread, RunOptions } from './messages.js';
import { PartQueue, type Slice } from './part-queue.js';
import { ResultFile } from './result-file.js';
import type { Watch } from './watch.js';

/** A turn is over when it has read as much as the buffer holds, or after so long, as soon as the reducer returns. */
const TURN_MS = 10;

/** What the reductions of a thread share. */
export interface Shared {
  /** One at a time: so that nobody waits for more than a turn of each other, and it is known who ended the thread. */
  readonly turns: Turns;
  readonly watch: Watch;
  readonly buffer: Buffer;
  readonly tell: (message: FromThread) => void;
}

/** What is thrown in a run that was cancelled. It goes no further than the run. */
const CANCELLED = Symbol('cancelled');

/** See the file's header. It begins when it is made. */
export class Run {
  readonly #id: number;
  readonly #options: RunOptions;
  readonly #shared: Shared;
  readonly #queue: PartQueue;
  readonly #result: ResultFile;
  /** All parts are in the queue. */
  #hasAll = false;
  #isCancelled = false;
  #wake: (() => void) | undefined;

  /** @param onEnd called when it has told how it ended */
  constructor(id: number, options: RunOptions, shared: Shared, onEnd: () => void) {
    this.#id = id;
    this.#options = options;
    this.#shared = shared;
    this.#queue = new PartQueue(shared.buffer);
    this.#result = new ResultFile(options.unfinishedPath);
    void this.#toItsEnd().then(onEnd);
  }

  add(parts: readonly StoredPart[]): void {
    this.#queue.push(parts);
    this.#wake?.();
  }

  finish(): void {
    if (this.#waits) this.#queue.sort();
    this.#hasAll = true;
    this.#wake?.();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#wake?.();
  }

  async #toItsEnd(): Promise<void> {
    try {
      this.#shared.tell({ op: 'done', run: this.#id, result: await this.#reduce() });
    } catch (error) {
      this.#shared.tell(this.#givenUp(error));
    } finally {
      this.#queue.close();
    }
  }

  #givenUp(error: unknown): FromThread {
    const run = this.#id;
    try {
      this.#result.discard();
    } catch (problem) {
      const message = `what there is of a result cannot be removed: ${messageOf(problem)}`;
      return { op: 'failed', run, code: 'storage-failed', message };
    }
    if (error === CANCELLED) return { op: 'gone', run };
    const code = error instanceof JobError ? error.code : 'job-failed';
    return { op: 'failed', run, code, message: messageOf(error) };
  }

  async #reduce(): Promise<JobResult> {
    const emit = (output: Output): void => this.#result.write(output);
    const reducer = await this.#turn(() => this.#call(undefined, () => newReducer(this.#options, emit)));
    while (await this.#hasMore()) await this.#turn(() => this.#giveSome(reducer));
    if (reducer.finish !== undefined) await this.#writeRest(reducer.finish());
    this.#checkCancelled();
    return this.#result.finish();
  }

  /** Waits for a part. False when there are no more. */
  async #hasMore(): Promise<boolean> {
    while (!this.#hasAll && (this.#queue.isEmpty || this.#waits)) {
      this.#checkCancelled();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return !this.#queue.isEmpty;
  }

  /** What a turn has room for. */
  async #giveSome(reducer: Reducer): Promise<void> {
    const endMs = performance.now() + TURN_MS;
    let bytes = 0;
    while (!this.#queue.isEmpty && bytes < this.#shared.buffer.length && performance.now() < endMs) {
      bytes += await this.#giveSlices(reducer, endMs);
    }
    if (bytes > 0) this.#shared.tell({ op: 'progress', run: this.#id, bytes });
  }

  /** What can be read at once, or less if that takes too long. Returns how many bytes it was. */
  async #giveSlices(reducer: Reducer, endMs: number): Promise<number> {
    let bytes = 0;
    for (const slice of this.#queue.slices()) {
      await this.#call(slice.part.name, () => giveSlice(reducer, slice));
      this.#queue.advance(slice);
      bytes += slice.bytes.length;
      if (performance.now() > endMs) break;
    }
    return bytes;
  }

  async #writeRest(pieces: Iterable<Output> | AsyncIterable<Output>): Promise<void> {
    const iterator =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    while (await this.#turn(() => this.#writePiece(iterator)));
  }

  /** False when there was none. */
  async #writePiece(iterator: Iterator<Output> | AsyncIterator<Output>): Promise<boolean> {
    const piece = await this.#call(undefined, () => iterator.next());
    if (piece.done !== true) this.#result.write(piece.value);
    return piece.done !== true;
  }

  /** Does something when it is this run's turn, and leaves room for messages afterwards. */
  async #turn<T>(work: () => Promise<T>): Promise<T> {
    return this.#shared.turns.run(async () => {
      this.#checkCancelled();
      const done = await work();
      await setImmediate();
      return done;
    });
  }

  #checkCancelled(): void {
    if (this.#isCancelled) throw CANCELLED;
  }

  /** Calls the reducer. What it throws says where; but when the result cannot be written, that is what is wrong. */
  async #call<T>(part: string | undefined, work: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#shared.watch.during(this.#id, part, work);
    } catch (error) {
      throw new JobError('job-failed', `${titleOf(this.#options, part)}: ${messageOf(error)}`);
    } finally {
      this.#result.check();
    }
  }

  get #waits(): boolean {
    return waitsForAll(this.#options.reducer, this.#options.order);
  }
}

async function giveSlice(reducer: Reducer, { part, bytes, isLast }: Slice): Promise<void> {
  if (bytes.length > 0) await reducer.add(bytes, part.name);
  if (isLast) await reducer.endPart?.(part.name);
}
