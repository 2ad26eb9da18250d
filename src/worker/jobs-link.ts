/**
 * A worker's link to the master in what concerns jobs (jobs/messages.ts): what is asked, and what waits for
 * an answer. What jobs are is its users' business.
 */
import { messageOf } from '../errors.js';
import { type JobAnswer, JobError, type JobRequest, type JobStatus } from '../jobs/api.js';
import type { JobsLink } from '../jobs/link.js';
import type { JobFailure, JobOutcome, JobsToMaster, JobsToWorker } from '../jobs/messages.js';
import { Replies } from './replies.js';

export interface MasterJobsLinkOptions {
  /** The place of this worker among all, from 1. */
  readonly place: number;
  /** False when there is no master to be told. */
  readonly send: (message: JobsToMaster) => boolean;
  /** Told of what is no JobError: a defect. */
  readonly report: (problem: string) => void;
}

interface Claim {
  readonly granted: Promise<void>;
  readonly resolve: () => void;
  isGranted: boolean;
}

export class MasterJobsLink implements JobsLink {
  readonly #options: MasterJobsLinkOptions;
  readonly #claims = new Map<string, Claim>();
  readonly #calls = new Replies<JobAnswer>();
  readonly #lists = new Replies<readonly JobStatus[]>();
  #members: readonly number[] = [];
  #isMember = false;
  #tellMembers: () => void = () => undefined;
  #tellWanted: (job: string) => void = () => undefined;
  #handler: ((request: JobRequest) => Promise<JobAnswer>) | undefined;

  /** Takes part from now on. */
  constructor(options: MasterJobsLinkOptions) {
    this.#options = options;
    options.send({ op: 'join' });
  }

  get place(): number {
    return this.#isMember ? this.#options.place : 0;
  }

  get members(): readonly number[] {
    return this.#members;
  }

  onMembers(listener: () => void): void {
    this.#tellMembers = listener;
  }

  onWanted(listener: (job: string) => void): void {
    this.#tellWanted = listener;
  }

  onCall(handler: (request: JobRequest) => Promise<JobAnswer>): void {
    this.#handler = handler;
  }

  claim(job: string): Promise<void> {
    const claim = this.#claims.get(job);
    if (claim !== undefined) return claim.granted;
    if (!this.#options.send({ op: 'claim', job })) return Promise.reject(withoutMaster());
    let resolve!: () => void;
    const granted = new Promise<void>((settle) => {
      resolve = settle;
    });
    this.#claims.set(job, { granted, resolve, isGranted: false });
    return granted;
  }

  released(job: string): void {
    if (this.#claims.get(job)?.isGranted !== true) return;
    this.#claims.delete(job);
    this.#options.send({ op: 'release', job });
  }

  call(place: number, request: JobRequest): Promise<JobAnswer> {
    return this.#calls.ask((id) => this.#sendOrThrow({ op: 'call', id, place, request }));
  }

  list(): Promise<readonly JobStatus[]> {
    return this.#lists.ask((id) => this.#sendOrThrow({ op: 'list', id }));
  }

  publish(statuses: readonly JobStatus[], removed: readonly string[]): void {
    this.#options.send({ op: 'publish', statuses, removed });
  }

  /** The master has said something. */
  receive(message: JobsToWorker): void {
    switch (message.op) {
      case 'members':
        this.#members = message.places;
        this.#isMember = message.isMember;
        this.#tellMembers();
        break;
      case 'granted':
        this.#onGranted(message.job);
        break;
      case 'wanted':
        this.#onWanted(message.job);
        break;
      case 'call':
        void this.#answer(message.id, message.request);
        break;
      case 'reply':
        this.#onReply(message.id, message.outcome);
        break;
      case 'list':
        this.#lists.resolve(message.id, message.statuses);
        break;
    }
  }

  #onGranted(job: string): void {
    const claim = this.#claims.get(job);
    if (claim === undefined) return;
    claim.isGranted = true;
    claim.resolve();
  }

  #onWanted(job: string): void {
    const claim = this.#claims.get(job);
    // Given up meanwhile, or asked for again: then it is no longer this claim that is in the way.
    if (claim?.isGranted !== true) return;
    // Both messages may have come at once: whoever claimed it hears first that it has it.
    void claim.granted.then(() => {
      if (this.#claims.get(job) === claim) this.#tellWanted(job);
    });
  }

  async #answer(id: number, request: JobRequest): Promise<void> {
    this.#options.send({ op: 'reply', id, outcome: await this.#outcomeOf(request) });
  }

  async #outcomeOf(request: JobRequest): Promise<JobOutcome> {
    try {
      if (this.#handler === undefined) throw new JobError('owner-lost', 'This worker owns no jobs yet.');
      return { answer: await this.#handler(request) };
    } catch (error) {
      return { failure: this.#failureOf(error, request) };
    }
  }

  #failureOf(error: unknown, { op, job }: JobRequest): JobFailure {
    const message = messageOf(error);
    if (error instanceof JobError) return { code: error.code, message, offset: error.offset };
    this.#options.report(`job ${job}: ${op} failed: ${message}`);
    return { code: 'storage-failed', message };
  }

  #onReply(id: number, outcome: JobOutcome): void {
    if ('answer' in outcome) this.#calls.resolve(id, outcome.answer);
    else {
      const { code, message, offset } = outcome.failure;
      this.#calls.reject(id, new JobError(code, message, offset));
    }
  }

  #sendOrThrow(message: JobsToMaster): void {
    if (!this.#options.send(message)) throw withoutMaster();
  }
}

function withoutMaster(): JobError {
  return new JobError('owner-lost', 'The master is gone, and with it the way to other workers.');
}
