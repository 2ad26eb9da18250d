/**
 * The master's part in jobs: it says which workers may own them, sees to it that only one has a job at a time, passes
 * on what they ask each other, and knows how each job stands, as its owner has last said. It reads nothing of a job
 * itself. Pure but for the messages.
 */
import type { JobStatus } from '../jobs/api.js';
import type { JobsToMaster } from '../jobs/messages.js';
import { JobCalls } from './job-calls.js';
import { JobClaims } from './job-claims.js';
import type { JobsWorker } from './jobs-worker.js';

export class JobsDesk {
  readonly #claims = new JobClaims();
  readonly #calls = new JobCalls();
  readonly #statuses = new Map<string, JobStatus>();
  /** Workers that take part, and what each was last told of the members. */
  readonly #joined = new Map<JobsWorker, string>();
  /** Messages of a process may be read after it was seen to end. */
  readonly #gone = new WeakSet<JobsWorker>();
  /** Of those that serve: one for each place. */
  #serving: readonly JobsWorker[] = [];

  /** All jobs, as their owners have last published them, sorted by name. */
  statuses(): readonly JobStatus[] {
    return [...this.#statuses.values()].sort((a, b) => (a.job < b.job ? -1 : 1));
  }

  /** No worker has taken part for a while: what their jobs were like means nothing any more. */
  forget(): void {
    this.#statuses.clear();
  }

  /** These workers serve from now on, and no others. */
  serve(workers: readonly JobsWorker[]): void {
    this.#serving = [...workers];
    this.#tellMembers();
  }

  receive(worker: JobsWorker, message: JobsToMaster): void {
    if (this.#gone.has(worker)) return;
    switch (message.op) {
      case 'join':
        this.#joined.set(worker, '');
        this.#tellMembers();
        break;
      case 'claim':
        this.#claims.claim(worker, message.job);
        break;
      case 'release':
        this.#rest(worker, message.job);
        this.#claims.release(worker, message.job);
        break;
      case 'call': {
        const callee = this.#members.find(({ place }) => place === message.place);
        this.#calls.begin(worker, message.id, message.request, callee);
        break;
      }
      case 'reply':
        this.#calls.done(worker, message.id, message.outcome);
        break;
      case 'publish':
        this.#publish(worker, message.statuses, message.removed);
        break;
      case 'list':
        worker.tellOfJobs({ op: 'list', id: message.id, statuses: this.statuses() });
        break;
    }
  }

  /** A worker's process has ended. */
  gone(worker: JobsWorker): void {
    this.#gone.add(worker);
    this.#joined.delete(worker);
    for (const job of [...this.#statuses.keys()]) this.#rest(worker, job);
    // The others hear that it is no member before they are granted its jobs, or miss its answers.
    this.serve(this.#serving.filter((other) => other !== worker));
    this.#claims.gone(worker);
    this.#calls.gone(worker);
  }

  /** Those that may own jobs. */
  get #members(): readonly JobsWorker[] {
    return this.#serving.filter((worker) => this.#joined.has(worker));
  }

  #tellMembers(): void {
    const members = this.#members;
    const places = members.map(({ place }) => place).sort((a, b) => a - b);
    for (const [worker, told] of this.#joined) {
      const isMember = members.includes(worker);
      const news = `${isMember} ${places.join()}`;
      if (news === told) continue;
      this.#joined.set(worker, news);
      worker.tellOfJobs({ op: 'members', places, isMember });
    }
  }

  #publish(worker: JobsWorker, statuses: readonly JobStatus[], removed: readonly string[]): void {
    // What is on its way while the job goes to another worker is no longer true.
    const isIts = (job: string): boolean => this.#claims.holderOf(job) === worker;
    for (const status of statuses) if (isIts(status.job)) this.#statuses.set(status.job, status);
    for (const job of removed) if (isIts(job)) this.#statuses.delete(job);
  }

  /** Nobody receives for a job whose owner gives it up, until the next one says so. */
  #rest(worker: JobsWorker, job: string): void {
    const status = this.#statuses.get(job);
    if (status === undefined || this.#claims.holderOf(job) !== worker) return;
    this.#statuses.set(job, { ...status, receiving: 0, receivingBytes: 0 });
  }
}
