/**
 * The jobs that a worker owns: opened when they are first needed, given up when another worker is to own them. What
 * becomes of one job's being open or not happens one after the other, in its turn.
 */
import { readdir } from 'node:fs/promises';
import { messageOf } from '../errors.js';
import { within } from '../within.js';
import {
  type JobAnswer,
  JobError,
  type JobOptions,
  type JobRequest,
  type JobStatus,
  type PartReceipt,
  type ReducerName,
  usualOrder,
} from './api.js';
import { Job, type JobContext } from './job.js';
import { buryJobs } from './job-directory.js';
import type { JobsLink } from './link.js';
import { isName } from './names.js';
import { ownerOf } from './routing.js';

export interface JobsOwnerOptions extends Omit<JobContext, 'onChange'> {
  readonly link: JobsLink;
  readonly maxJobs: number;
  /** Of a job that begins with its first part, or of which nothing else is said. */
  readonly usualReducer: ReducerName;
}

/** The turn of whoever makes a job: no job has this name. */
const MAKING = '.new';
/** How soon the master hears how jobs stand. */
const PUBLISH_MS = 200;
/** Whoever has a job that is to move has so long to give it up; then those who ask for it are told to ask again. */
const CLAIM_MS = 1000;
/** A job that is over is closed when nobody has asked for it for so long. */
const REST_MS = 10_000;

export class JobsOwner {
  readonly #options: JobsOwnerOptions;
  readonly #context: JobContext;
  readonly #open = new Map<string, Job>();
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Jobs that others have not given up in time. */
  readonly #held = new Set<string>();
  readonly #changed = new Set<Job>();
  #removed: string[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #scanning: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: JobsOwnerOptions) {
    this.#options = options;
    this.#context = { ...options, onChange: (job) => this.#changed.add(job) };
  }

  /** Takes up what was left, and begins to answer others. */
  start(): void {
    const { link, directory, report } = this.#options;
    link.onCall((request) => this.handle(request));
    link.onWanted((job) => void this.#giveUp(job));
    link.onMembers(() => this.#scan());
    this.#timers.push(setInterval(() => this.#publish(), PUBLISH_MS));
    this.#timers.push(setInterval(() => this.#rest(), REST_MS / 2));
    this.#scan();
    buryJobs(directory).catch((error) => report(`what was removed is still there: ${messageOf(error)}`));
  }

  /** What is asked of a job that belongs here. Rejects with JobError, `owner-lost` when it does not. */
  async handle(request: JobRequest): Promise<JobAnswer> {
    switch (request.op) {
      case 'create':
        return this.#create(request.job, request.options);
      case 'admit':
        return this.#admit(request.job, request.part, request.bytes);
      case 'deliver':
        return { part: await (await this.#needed(request.job)).deliver(request.delivery) };
      case 'part':
        return { part: await partOf(await this.#needed(request.job), request.part) };
      case 'remove':
        return { status: await this.#remove(request.job) };
      case 'ping':
        return {};
      default:
        return { status: await this.#observe(request) };
    }
  }

  /** A job that is open here. */
  peek(name: string): Job | undefined {
    return this.#open.get(name);
  }

  /** Gives all of them up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([...this.#open.keys(), ...this.#turns.keys()].map((name) => this.#giveUp(name)));
    this.#publish();
  }

  async #create(name: string, wanted: Partial<JobOptions>): Promise<JobAnswer> {
    const options = this.#optionsOf(wanted);
    let isNew = false;
    const job = await this.#opened(name, () => {
      isNew = true;
      return options;
    });
    const status = job!.status();
    if (!isNew && !isSameJob(status, options)) {
      throw new JobError('job-exists', 'there is a job of this name already, with other options');
    }
    return { status, isNew };
  }

  async #admit(name: string, part: string, bytes: number | undefined): Promise<JobAnswer> {
    const job = (await this.#opened(name, () => this.#optionsOf({})))!;
    job.admit(part, bytes);
    // Whoever sends through another worker is held up here, before he begins.
    await job.room();
    return {};
  }

  #optionsOf({ reducer = this.#options.usualReducer, ...wanted }: Partial<JobOptions>): JobOptions {
    return { reducer, order: usualOrder(reducer), ...wanted };
  }

  async #observe(request: Extract<JobRequest, { op: 'status' | 'seal' | 'wait' }>): Promise<JobStatus> {
    const job = await this.#needed(request.job);
    if (request.op === 'seal') await job.seal();
    if (request.op === 'wait') await job.over(request.waitMs);
    return job.status();
  }

  async #remove(name: string): Promise<JobStatus> {
    const job = await this.#needed(name);
    await this.#turn(name, async () => {
      // Given up while this waited for its turn: it is there still, for its next owner to remove.
      if (this.#open.get(name) !== job) throw new JobError('owner-lost', 'the job was given up meanwhile');
      this.#forget(name);
      try {
        await job.remove();
        this.#removed.push(name);
        // While it is still ours to say so.
        this.#publish();
      } finally {
        this.#options.link.released(name);
      }
    });
    return job.status();
  }

  async #needed(name: string): Promise<Job> {
    const job = await this.#opened(name);
    if (job === undefined) throw new JobError('no-such-job', 'there is no such job');
    return job;
  }

  /** @param create gives the options of a job that is to be made if there is none */
  async #opened(name: string, create?: () => JobOptions): Promise<Job | undefined> {
    const job = this.#open.get(name) ?? (await this.#turn(name, () => this.#openNow(name, create)));
    if (job !== undefined) job.usedMs = this.#options.now();
    return job;
  }

  async #openNow(name: string, create: (() => JobOptions) | undefined): Promise<Job | undefined> {
    const { link } = this.#options;
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    this.#checkOwner(name);
    await this.#claim(name);
    let job: Job | undefined;
    try {
      job = await Job.open(name, this.#context);
      if (job === undefined && create !== undefined) {
        // One after the other: all that are made at once would find the same room.
        job = await this.#turn(MAKING, async () => {
          await this.#checkRoom();
          return Job.create(name, create(), this.#context);
        });
      }
    } finally {
      if (job === undefined) link.released(name);
    }
    if (job === undefined) return undefined;
    this.#open.set(name, job);
    this.#changed.add(job);
    return job;
  }

  /** Has the job for this worker alone. Rejects with JobError `owner-lost` when whoever has it does not give it up. */
  async #claim(name: string): Promise<void> {
    if (this.#held.has(name)) throw stillHeld();
    const granted = this.#options.link.claim(name);
    if ((await within(granted, CLAIM_MS, 'late')) !== 'late') return;
    this.#held.add(name);
    const open = (): Promise<unknown> => {
      this.#held.delete(name);
      return this.#opened(name);
    };
    // Perhaps nobody asks again, and it is to be sealed or reduced. It may also belong elsewhere by then.
    granted.then(open).catch(() => this.#giveUp(name));
    throw stillHeld();
  }

  /** @throws JobError when the job belongs elsewhere */
  #checkOwner(name: string): void {
    if (!this.#isOurs(name)) throw new JobError('owner-lost', 'the job belongs to another worker');
  }

  #isOurs(name: string): boolean {
    const { members, place } = this.#options.link;
    return !this.#isClosed && ownerOf(name, members) === place;
  }

  async #checkRoom(): Promise<void> {
    const { maxJobs } = this.#options;
    if ((await this.#names()).length >= maxJobs) {
      throw new JobError('too-many-jobs', `there are ${maxJobs} jobs (JOBS_MAX): remove some`);
    }
  }

  async #giveUp(name: string): Promise<void> {
    await this.#turn(name, async () => {
      const job = this.#open.get(name);
      if (job !== undefined) this.#forget(name);
      try {
        await job?.close();
      } finally {
        // Also when nobody here has opened it by now.
        this.#options.link.released(name);
      }
    }).catch((error) => this.#options.report(`job ${name} was not closed in order: ${messageOf(error)}`));
  }

  #forget(name: string): void {
    // The last that is said of it is how it stood here.
    this.#publish();
    this.#open.delete(name);
  }

  /** One after the other, for each job. */
  #turn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve();
    const turn = before.then(act, act);
    const settled = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(name) === settled) this.#turns.delete(name);
      });
    this.#turns.set(name, settled);
    return turn;
  }

  /** Looks which jobs belong here now, and which no longer. */
  #scan(): void {
    const { report } = this.#options;
    const before = this.#scanning ?? Promise.resolve();
    this.#scanning = before
      .then(() => this.#scanNow())
      .catch((error) => {
        report(`the jobs cannot be read: ${messageOf(error)}`);
      });
  }

  async #scanNow(): Promise<void> {
    for (const name of [...this.#open.keys()]) if (!this.#isOurs(name)) void this.#giveUp(name);
    for (const name of await this.#names()) {
      if (this.#open.has(name) || !this.#isOurs(name)) continue;
      // One at a time: there may be many, and somebody may be waiting for one of them.
      await this.#opened(name).catch((error) => {
        if (error instanceof JobError && error.code === 'owner-lost') return;
        this.#options.report(`job ${name} cannot be opened: ${messageOf(error)}`);
      });
    }
  }

  async #names(): Promise<string[]> {
    const entries = await readdir(this.#options.directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && isName(entry.name)).map(({ name }) => name);
  }

  #rest(): void {
    const beforeMs = this.#options.now() - REST_MS;
    for (const [name, job] of this.#open) {
      if (job.isOver && job.usedMs < beforeMs) void this.#giveUp(name);
    }
  }

  #publish(): void {
    if (this.#changed.size === 0 && this.#removed.length === 0) return;
    const statuses = [...this.#changed].map((job) => job.status());
    const removed = this.#removed;
    this.#changed.clear();
    this.#removed = [];
    this.#options.link.publish(
      statuses.filter(({ job }) => !removed.includes(job)),
      removed,
    );
  }
}

function stillHeld(): JobError {
  return new JobError('owner-lost', 'the worker that had the job has not given it up yet');
}

async function partOf(job: Job, name: string): Promise<PartReceipt> {
  const part = await job.part(name);
  if (part === undefined) throw new JobError('no-such-part', 'there is no such part');
  return part;
}

/** A deadline is counted from when a job is made: who asks again means another moment. */
function isSameJob(job: JobOptions, other: JobOptions): boolean {
  return (
    job.reducer === other.reducer && job.order === other.order && job.expectedParts === other.expectedParts
  );
}
