/**
 * A job, in the worker that owns it: its journal, its parts on disk, and its reduction. Nobody else touches its
 * directory, but to read the result.
 *
 *     JOBS_DIR/JOB/journal   what has become of it; small parts lie in it
 *                  parts/    the others, a file each
 *                  result    when it is done
 *
 *     open ──seal, all parts are there, deadline──► sealed ──reduced──► done
 *                                                     └───────────────► failed
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { type Delivery, JobError, type JobOptions, type JobStatus, type PartReceipt } from './api.js';
import { type Arrival, Arrivals, type JobLimits } from './arrivals.js';
import { Commits, type Move } from './commits.js';
import { makeJob, removeJob, sweepJob } from './job-directory.js';
import { JobRecord, type KnownPart } from './job-record.js';
import { JobReduction } from './job-reduction.js';
import { Journal, type NewRecord, type StoredRecord } from './journal.js';
import type { Reducing, StoredPart } from './reduction.js';
import { storageError } from './storage.js';

/** What all jobs of a worker share. */
export interface JobContext extends JobLimits {
  /** JOBS_DIR, absolute. */
  readonly directory: string;
  readonly reducing: Reducing;
  /** Of the reducer that is a module; undefined when there is none. */
  readonly modulePath: string | undefined;
  /** Where the parts lie that are in no job yet. */
  readonly incomingPath: (name: string) => string;
  readonly onChange: (job: Job) => void;
  /** A part has become durable. */
  readonly onPart: (bytes: number) => void;
  readonly report: (problem: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A deadline is looked for so often at least: the clock may be set meanwhile. */
const MAX_TIMER_MS = 60_000;
/** What the disk has not taken is tried again. */
const RETRY_MS = 5000;
/** A module may throw whatever it likes; a record of the journal has its bounds. */
const MAX_ERROR_CHARS = 4000;

export class Job {
  readonly name: string;
  /** When it was last asked for, in milliseconds since the epoch. */
  usedMs: number;
  readonly #context: JobContext;
  readonly #journal: Journal;
  readonly #commits: Commits;
  readonly #record: JobRecord;
  /** Of connections to this worker, and of others while they are made durable. */
  readonly #arrivals: Arrivals;
  /** Those who wait for its end. */
  readonly #waiting = new Set<() => void>();
  /** Parts that are on their way to the disk. */
  readonly #storing = new Map<string, Promise<unknown>>();
  #reduction: JobReduction | undefined;
  /** While that is being noted. */
  #sealing: Promise<void> | undefined;
  #isClosed = false;
  #deadline: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;

  private constructor(name: string, context: JobContext, journal: Journal, record: JobRecord) {
    this.name = name;
    this.#context = context;
    this.usedMs = context.now();
    this.#journal = journal;
    this.#record = record;
    this.#arrivals = new Arrivals(context, record);
    this.#commits = new Commits(journal, join(context.directory, name, 'parts'));
    if (!this.isOver) this.#begin();
  }

  /** Makes a new one, durably. Rejects with JobError. */
  static async create(name: string, options: JobOptions, context: JobContext): Promise<Job> {
    const entry = { is: 'created', atMs: context.now(), options } as const;
    const journal = await makeJob(context.directory, name, entry);
    const record = new JobRecord();
    record.apply({ entry, contentOffset: 0 });
    return new Job(name, context, journal, record);
  }

  /** Opens one as it was left; undefined when there is none. Rejects with JobError. */
  static async open(name: string, context: JobContext): Promise<Job | undefined> {
    const path = join(context.directory, name);
    const record = new JobRecord();
    let journal: Journal | undefined;
    try {
      journal = await Journal.open(
        join(path, 'journal'),
        (stored) => record.apply(stored),
        (bytes) =>
          context.report(
            `job ${name}: ${bytes} bytes at the end of its journal were no record, and are cut off`,
          ),
      );
      if (journal === undefined) return undefined;
      await sweepJob(path, record);
      return new Job(name, context, journal, record);
    } catch (error) {
      await journal?.close();
      throw storageError(error);
    }
  }

  /** Absolute. There when the job is done. */
  get resultPath(): string {
    return join(this.#path, 'result');
  }

  /** It is done, or has failed: nothing more becomes of it. */
  get isOver(): boolean {
    return this.#record.state === 'done' || this.#record.state === 'failed';
  }

  status(): JobStatus {
    const { options, createdMs, state, parts, bytes, result, error } = this.#record;
    const { receiving, receivingBytes } = this.#arrivals;
    const reducedBytes = this.isOver ? bytes : (this.#reduction?.reducedBytes ?? 0);
    const counts = { parts: parts.size, bytes, reducedBytes, receiving, receivingBytes };
    return { ...options, job: this.name, state, createdMs, ...counts, result, error };
  }

  /** A part that is durable. Rejects with JobError when somebody else has taken its file away, or changed it. */
  async part(name: string): Promise<PartReceipt | undefined> {
    const known = this.#record.parts.get(name);
    if (known === undefined) return undefined;
    const { path, offset, bytes } = this.#stored(known);
    const sizeBytes = (await stat(path).catch(() => undefined))?.size ?? 0;
    const isWhole = known.contentOffset === undefined ? sizeBytes === bytes : sizeBytes >= offset + bytes;
    if (!isWhole) throw new JobError('storage-failed', `${path} is not the part that was put there`);
    return receiptOf(known, false);
  }

  /** @throws JobError when such a part would not be taken; one that is there already may be sent again */
  admit(part: string, bytes = 0): void {
    this.#checkTakes(part);
    this.#arrivals.check(part, bytes);
  }

  /**
   * A connection of this worker begins to send a part.
   *
   * @param bytes of the whole part, as far as that is known
   * @throws JobError as `admit` does
   */
  receive(part: string, bytes = 0): Arrival {
    this.#checkTakes(part);
    return this.#arrivals.receive(part, bytes);
  }

  /** Resolves when the part is durable. Rejects with JobError. */
  async deliver(delivery: Delivery): Promise<PartReceipt> {
    const { part, sha256 } = delivery;
    // The same part from two clients: the second is held against the first.
    while (this.#storing.has(part)) await this.#storing.get(part)?.catch(() => undefined);
    this.#checkOpen();
    const known = this.#record.parts.get(part);
    if (known !== undefined && known.sha256 !== sha256) {
      throw new JobError('part-differs', 'there is a part of this name already, with another content');
    }
    if (known !== undefined) return (await this.part(part))!;
    this.#checkTakes(part);
    const letGo = this.#arrivals.hold(part, delivery.bytes);
    const storing = this.#store(delivery);
    this.#storing.set(part, storing);
    try {
      return await storing;
    } finally {
      this.#storing.delete(part);
      letGo();
    }
  }

  /** No further parts are taken. Resolves when that is durable. Rejects with JobError. */
  async seal(): Promise<void> {
    this.#checkOpen();
    if (this.#record.state !== 'open') return;
    this.#sealing ??= this.#sealNow().finally(() => {
      this.#sealing = undefined;
    });
    await this.#sealing;
  }

  /** Resolves when the reducer has caught up; undefined: it is not behind. */
  room(): Promise<void> | undefined {
    return this.#reduction?.room();
  }

  /** Resolves when the job is over, or after a while. Rejects with JobError when it is given up meanwhile. */
  async over(waitMs: number): Promise<void> {
    if (this.isOver) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, waitMs);
      this.#waiting.add(settle);
    });
    if (!this.isOver) this.#checkOpen();
  }

  /** Gives it up; what is on its way to the disk arrives there first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#settling);
    try {
      await this.#reduction?.cancel();
      await this.#commits.idle();
      await this.#journal.close();
    } finally {
      this.#changed();
    }
  }

  /** Removes all of it. Rejects with JobError. */
  async remove(): Promise<void> {
    await this.close();
    const { directory, report } = this.#context;
    await removeJob(directory, this.name, report);
  }

  get #path(): string {
    return join(this.#context.directory, this.name);
  }

  /** Goes on where the journal ends. */
  #begin(): void {
    const { reducing, modulePath, report } = this.#context;
    const { options, parts, state } = this.#record;
    this.#reduction = new JobReduction({
      ...options,
      reducing,
      modulePath,
      report,
      job: this.name,
      resultPath: this.resultPath,
      parts: () => [...parts.values()].map((part) => this.#stored(part)),
      onProgress: () => this.#changed(),
      onDone: (result) => this.#settle({ entry: { is: 'done', result } }),
      onFailed: ({ message }) => {
        const error = message.slice(0, MAX_ERROR_CHARS);
        report(`job ${this.name} has failed: ${error}`);
        this.#settle({ entry: { is: 'failed', error } });
      },
    });
    if (state === 'sealed') this.#reduction.finish();
    else this.#awaitEnd();
  }

  /** Seals the job when it is time to. */
  #awaitEnd(): void {
    const { expectedParts = Number.POSITIVE_INFINITY, deadlineMs = Number.POSITIVE_INFINITY } =
      this.#record.options;
    clearTimeout(this.#deadline);
    if (this.#isClosed || this.#sealing !== undefined || this.#record.state !== 'open') return;
    const leftMs = deadlineMs - this.#context.now();
    if (leftMs > 0 && this.#record.parts.size < expectedParts) {
      if (leftMs === Number.POSITIVE_INFINITY) return;
      this.#deadline = setTimeout(() => this.#awaitEnd(), Math.min(leftMs, MAX_TIMER_MS));
      return;
    }
    this.seal().catch((error) => this.#context.report(`job ${this.name} is not sealed: ${messageOf(error)}`));
  }

  async #sealNow(): Promise<void> {
    try {
      await this.#append({ entry: { is: 'sealed', atMs: this.#context.now() } });
    } catch (error) {
      // Nothing else may come that would look again whether it is time.
      if (!this.#isClosed) this.#deadline = setTimeout(() => this.#awaitEnd(), RETRY_MS);
      throw error;
    }
    clearTimeout(this.#deadline);
    this.#reduction?.finish();
  }

  async #store({ part, bytes, sha256, file, content }: Delivery): Promise<PartReceipt> {
    const entry = { is: 'part', name: part, bytes, sha256, isInline: content !== undefined } as const;
    const move = file === undefined ? undefined : { from: this.#context.incomingPath(file), name: part };
    const bytesOf = typeof content === 'string' ? Buffer.from(content, 'base64') : content;
    await this.#append({ entry, content: bytesOf }, move);
    this.#context.onPart(bytes);
    const known = this.#record.parts.get(part)!;
    this.#reduction?.add(this.#stored(known));
    this.#awaitEnd();
    return receiptOf(known, true);
  }

  #stored({ name, bytes, contentOffset }: KnownPart): StoredPart {
    if (contentOffset !== undefined)
      return { name, path: join(this.#path, 'journal'), offset: contentOffset, bytes };
    return { name, path: join(this.#path, 'parts', name), offset: 0, bytes };
  }

  async #append(record: NewRecord, move?: Move): Promise<void> {
    const apply = (stored: StoredRecord): void => {
      this.#record.apply(stored);
      if (stored.entry.is === 'part') this.#arrivals.stored(stored.entry.name);
    };
    await this.#commits.append(record, apply, move);
    this.#changed();
  }

  /** Notes how it has ended. */
  #settle(record: NewRecord): void {
    if (this.#isClosed) return;
    this.#append(record).catch((error) => {
      this.#context.report(`how job ${this.name} has ended cannot be noted yet: ${messageOf(error)}`);
      if (!this.#isClosed) this.#settling = setTimeout(() => this.#settle(record), RETRY_MS);
    });
  }

  /** @throws JobError when no such part is taken, whatever its size; one that is there already is */
  #checkTakes(part: string): void {
    this.#checkOpen();
    const { parts, state, error } = this.#record;
    if (parts.has(part)) return;
    if (state === 'failed') throw new JobError('job-failed', `the job has failed: ${error}`);
    if (this.#sealing !== undefined || state !== 'open') {
      throw new JobError('job-sealed', 'the job is sealed, and takes no more parts');
    }
  }

  /** @throws JobError when the job was given up: it has another owner, or is gone */
  #checkOpen(): void {
    if (this.#isClosed) throw new JobError('owner-lost', 'the job has moved to another worker');
  }

  #changed(): void {
    this.#context.onChange(this);
    if (this.isOver || this.#isClosed) for (const settle of this.#waiting) settle();
  }
}

function receiptOf({ name, bytes, sha256 }: KnownPart, isNew: boolean): PartReceipt {
  return { part: name, bytes, sha256, isNew };
}
