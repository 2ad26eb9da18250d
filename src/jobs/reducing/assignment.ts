/**
 * One reduction, as whoever asked for it has it: whatever thread does it, and however often it begins again. It
 * remembers the parts for that.
 */
import { rm } from 'node:fs/promises';
import { messageOf } from '../../errors.js';
import { JobError, type JobResult } from '../api.js';
import type { Reduction, ReductionOptions, StoredPart } from '../reduction.js';
import type { FromThread, RunOptions, ToThread } from './messages.js';
import { publish, unfinishedPath } from './result-file.js';

let lastRun = 0;

/** See the file's header. */
export class Assignment implements Reduction {
  readonly options: ReductionOptions;
  /** Threads that have ended under it, and nobody knows why. */
  deaths = 0;
  /** Resolves when it has ended in any way. */
  readonly over: Promise<void>;
  /** Its number in the thread that does it, and how often it has begun. */
  #run = 0;
  #starts = 0;
  #parts: StoredPart[] = [];
  /** Of them. */
  #sent = 0;
  #send: ((message: ToThread) => void) | undefined;
  #isFlushing = false;
  #hasAll = false;
  /** Bytes reduced in this thread; and the most that were in any, which is what was told. */
  #reduced = 0;
  #told = 0;
  #isCancelled = false;
  /** What earlier threads have left is removed; or what has gone wrong with that. */
  readonly #removals: Promise<void>[] = [];
  #problem: JobError | undefined;
  #end: JobResult | JobError | undefined;
  #onOver!: () => void;

  constructor(options: ReductionOptions) {
    this.options = options;
    this.over = new Promise((resolve) => {
      this.#onOver = resolve;
    });
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** How often it has begun, in any thread. */
  get starts(): number {
    return this.#starts;
  }

  add(part: StoredPart): void {
    if (this.isOver) return;
    this.#parts.push(part);
    if (this.#isFlushing) return;
    // Parts that become durable together are sent together.
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  async finish(): Promise<JobResult> {
    this.#hasAll = true;
    this.#flush();
    this.#send?.({ op: 'finish', run: this.#run });
    await this.over;
    if (this.#end === undefined || this.#end instanceof JobError) throw this.#end;
    return this.#end;
  }

  async cancel(): Promise<void> {
    if (!this.#isCancelled) this.#send?.({ op: 'cancel', run: this.#run });
    this.#isCancelled = true;
    await this.over;
  }

  /** Begins, from the first part, in a thread that takes messages. Returns its number there. */
  start(send: (message: ToThread) => void): number {
    const { job, reducer, order, modulePath } = this.options;
    if (this.#starts > 0) this.#remove(this.#unfinishedPath);
    this.#run = ++lastRun;
    this.#starts++;
    this.#send = send;
    this.#sent = 0;
    this.#reduced = 0;
    const options: RunOptions = { job, reducer, order, modulePath, unfinishedPath: this.#unfinishedPath };
    send({ op: 'begin', run: this.#run, options });
    this.#flush();
    if (this.#hasAll) send({ op: 'finish', run: this.#run });
    return this.#run;
  }

  /** Leaves its thread, which may not hear of that before long, to begin in another one. */
  leave(): void {
    this.#send?.({ op: 'cancel', run: this.#run });
    this.#send = undefined;
  }

  /** What the thread says about it. */
  receive(message: FromThread): void {
    switch (message.op) {
      case 'progress':
        this.#progress(message.bytes);
        break;
      case 'done':
        void this.#publish(message.result);
        break;
      case 'failed':
        void this.#endWith(new JobError(message.code, message.message));
        break;
      case 'gone':
        void this.#endWith(givenUp());
        break;
    }
  }

  /** Its thread has ended, and it begins in no other one: because of an error, or since it is not wanted any more. */
  async end(error?: JobError): Promise<void> {
    this.#remove(this.#unfinishedPath);
    await this.#endWith(error === undefined || this.#isCancelled ? givenUp() : error);
  }

  get #unfinishedPath(): string {
    return unfinishedPath(this.options.resultPath, this.#run);
  }

  #flush(): void {
    this.#isFlushing = false;
    const parts = this.#sent === 0 ? this.#parts : this.#parts.slice(this.#sent);
    if (parts.length === 0 || this.#send === undefined) return;
    this.#send({ op: 'add', run: this.#run, parts });
    this.#sent = this.#parts.length;
  }

  #progress(bytes: number): void {
    this.#reduced += bytes;
    const more = this.#reduced - this.#told;
    if (more <= 0) return;
    this.#told = this.#reduced;
    this.options.onProgress(more);
  }

  async #publish(result: JobResult): Promise<void> {
    const { resultPath } = this.options;
    const from = this.#unfinishedPath;
    this.#send = undefined;
    try {
      if (!this.#isCancelled) await publish(from, resultPath);
    } catch (error) {
      this.#remove(from);
      await this.#endWith(error as JobError);
      return;
    }
    if (!this.#isCancelled) return this.#endWith(result);
    this.#remove(from);
    this.#remove(resultPath);
    return this.#endWith(givenUp());
  }

  #remove(path: string): void {
    const removed = rm(path, { force: true }).catch((error) => {
      this.#problem ??= new JobError('storage-failed', `${path} cannot be removed: ${messageOf(error)}`);
    });
    this.#removals.push(removed);
  }

  async #endWith(end: JobResult | JobError): Promise<void> {
    await Promise.all(this.#removals);
    if (this.isOver) return;
    this.#end = end instanceof JobError ? (this.#problem ?? end) : end;
    this.#parts = [];
    this.#send = undefined;
    this.#onOver();
    if (this.#end instanceof JobError && this.#end.code !== 'owner-lost') this.options.onFailed(this.#end);
  }
}

function givenUp(): JobError {
  return new JobError('owner-lost', 'the job is reduced here no more');
}
