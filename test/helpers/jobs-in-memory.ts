/** Jobs of one worker without a server around it: on a real directory, with a reducer that only counts. */
import { mkdirSync } from 'node:fs';
import { JobError } from '../../src/jobs/api.js';
import { Incoming } from '../../src/jobs/incoming.js';
import type { JobContext } from '../../src/jobs/job.js';
import { Jobs } from '../../src/jobs/jobs.js';
import type { JobsLink } from '../../src/jobs/link.js';
import { JobsOwner } from '../../src/jobs/owner.js';
import type { Reducing, ReductionOptions, StoredPart } from '../../src/jobs/reduction.js';

/** Reduces when it is told to. Its result says which parts it was given. */
export class FakeReduction {
  readonly options: ReductionOptions;
  readonly parts: StoredPart[] = [];
  isCancelled = false;
  #finish: { resolve: () => void; reject: (error: JobError) => void } | undefined;

  constructor(options: ReductionOptions) {
    this.options = options;
  }

  add(part: StoredPart): void {
    this.parts.push(part);
  }

  async finish(): Promise<{ bytes: number; sha256: string }> {
    await new Promise<void>((resolve, reject) => {
      this.#finish = { resolve, reject };
    });
    return { bytes: this.parts.length, sha256: 'f'.repeat(64) };
  }

  async cancel(): Promise<void> {
    this.isCancelled = true;
  }

  /** True once there are no more parts. */
  get isFinishing(): boolean {
    return this.#finish !== undefined;
  }

  done(): void {
    this.#finish!.resolve();
  }

  failed(error: JobError): void {
    if (this.#finish === undefined) this.options.onFailed(error);
    else this.#finish.reject(error);
  }
}

export class FakeReducing implements Reducing {
  readonly begun: FakeReduction[] = [];

  begin(options: ReductionOptions): FakeReduction {
    const reduction = new FakeReduction(options);
    this.begun.push(reduction);
    return reduction;
  }

  get last(): FakeReduction {
    return this.begun.at(-1)!;
  }

  async close(): Promise<void> {
    // There are no threads.
  }
}

export const LIMITS = { maxParts: 100, maxPartBytes: 1_000_000, maxJobBytes: 5_000_000 };

/** What jobs share, on a directory that is made. */
export function jobContext(
  directory: string,
  changes: Partial<JobContext> = {},
): JobContext & { reports: string[] } {
  mkdirSync(directory, { recursive: true });
  const incoming = new Incoming(directory);
  const reports: string[] = [];
  return {
    directory,
    reports,
    reducing: new FakeReducing(),
    modulePath: undefined,
    incomingPath: (name) => incoming.path(name),
    onChange: () => undefined,
    onPart: () => undefined,
    report: (problem) => reports.push(problem),
    now: Date.now,
    ...LIMITS,
    ...changes,
  };
}

/** The only worker there is, at place 1. */
export function onlyWorker(): JobsLink & { wanted: (job: string) => void; readonly claims: string[] } {
  const claims: string[] = [];
  const listeners: ((job: string) => void)[] = [];
  return {
    place: 1,
    members: [1],
    claims,
    onMembers: () => undefined,
    claim: async (job) => {
      claims.push(job);
    },
    released: (job) => {
      const at = claims.indexOf(job);
      if (at >= 0) claims.splice(at, 1);
    },
    onWanted: (listener) => {
      listeners.push(listener);
    },
    wanted: (job) => {
      for (const listener of listeners) listener(job);
    },
    call: () => Promise.reject(new JobError('owner-lost', 'there is no other worker')),
    onCall: () => undefined,
    publish: () => undefined,
    list: async () => [],
  };
}

/** All the parts of it that a worker has. */
export function workerJobs(directory: string, changes: Partial<JobContext & { maxJobs: number }> = {}) {
  const link = onlyWorker();
  const context = jobContext(directory, changes);
  const incoming = new Incoming(directory);
  const owner = new JobsOwner({ maxJobs: 10, ...context, ...changes, link, usualReducer: 'concat' });
  const jobs = new Jobs({ link, owner, incoming, maxPartBytes: context.maxPartBytes });
  return { link, context, incoming, owner, jobs };
}
