/** A desk for jobs and the links of workers to it, in one process: messages wait until the test delivers them. */
import type { JobStatus } from '../../src/jobs/api.js';
import type { JobsToMaster, JobsToWorker } from '../../src/jobs/messages.js';
import { JobsDesk } from '../../src/master/jobs-desk.js';
import type { JobsWorker } from '../../src/master/jobs-worker.js';
import { MasterJobsLink } from '../../src/worker/jobs-link.js';
import { settled } from './session-bench.js';

export class FakeJobsWorker implements JobsWorker {
  readonly place: number;
  readonly link: MasterJobsLink;
  readonly reports: string[] = [];
  /** On their way: from the master, and to it. */
  readonly incoming: JobsToWorker[] = [];
  readonly outgoing: JobsToMaster[] = [];
  isDead = false;

  constructor(place: number) {
    this.place = place;
    this.link = new MasterJobsLink({
      place,
      send: (message) => {
        // What cannot be said in JSON would not arrive.
        this.outgoing.push(JSON.parse(JSON.stringify(message)) as JobsToMaster);
        return !this.isDead;
      },
      report: (problem) => this.reports.push(problem),
    });
  }

  tellOfJobs(about: JobsToWorker): void {
    this.incoming.push(JSON.parse(JSON.stringify(about)) as JobsToWorker);
  }
}

export class JobsDeskBench {
  readonly desk = new JobsDesk();
  workers: FakeJobsWorker[] = [];

  /** Starts workers at these places; they serve when the test says so. */
  start(...places: number[]): FakeJobsWorker[] {
    const started = places.map((place) => new FakeJobsWorker(place));
    this.workers.push(...started);
    return started;
  }

  /** All messages that this worker has sent arrive. */
  hear(worker: FakeJobsWorker): void {
    for (const message of worker.outgoing.splice(0)) this.desk.receive(worker, message);
  }

  /** Delivers messages until there are no more. */
  async settle(): Promise<void> {
    const isAnyUnderWay = (): boolean =>
      this.workers.some(({ incoming, outgoing }) => incoming.length + outgoing.length > 0);
    await settled();
    while (isAnyUnderWay()) {
      for (const worker of this.workers) {
        this.hear(worker);
        for (const message of worker.incoming.splice(0)) worker.link.receive(message);
      }
      await settled();
    }
  }

  /** Ends a worker's process: what it was sent and has not read is lost, what it has sent arrives before that is seen. */
  kill(worker: FakeJobsWorker): void {
    worker.isDead = true;
    this.workers = this.workers.filter((other) => other !== worker);
    this.hear(worker);
    this.desk.gone(worker);
  }
}

/** The status of a job of which only the name matters. */
export function statusOf(job: string, changes: Partial<JobStatus> = {}): JobStatus {
  return {
    job,
    reducer: 'concat',
    order: 'name',
    state: 'open',
    createdMs: 0,
    parts: 1,
    bytes: 10,
    reducedBytes: 0,
    receiving: 0,
    receivingBytes: 0,
    ...changes,
  };
}
