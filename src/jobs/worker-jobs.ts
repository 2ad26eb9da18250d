/** All that a worker has to do with jobs, put together from the settings. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import { Incoming } from './incoming.js';
import { Jobs } from './jobs.js';
import type { JobsLink } from './link.js';
import { JobsOwner } from './owner.js';
import type { Intake } from './reception.js';
import { ReducerThreads } from './reducer-threads.js';
import type { Reducing } from './reduction.js';
import { JobsSite } from './site.js';
import { Tenancy } from './tenancy.js';

const MB = 2 ** 20;
const SWEEP_MS = 60 * 60 * 1000;

export interface WorkerJobsOptions {
  readonly settings: Settings;
  readonly link: JobsLink;
  /** A part has become durable. */
  readonly onPart: (bytes: number) => void;
  /** One line for the server's log. */
  readonly report: (problem: string) => void;
}

export class WorkerJobs {
  /** Over HTTP. */
  readonly site: JobsSite;
  readonly intake: Intake;
  readonly #incoming: Incoming;
  readonly #owner: JobsOwner;
  readonly #reducing: Reducing;
  readonly #tenancy: Tenancy;
  readonly #report: (problem: string) => void;
  #sweeping: NodeJS.Timeout | undefined;

  private constructor(
    { settings, link, onPart, report }: WorkerJobsOptions,
    directory: string,
    tenancy: Tenancy,
  ) {
    const maxPartBytes = settings.jobsMaxPartMb * MB;
    const hasModule = settings.jobsReducer !== '';
    this.#tenancy = tenancy;
    this.#report = report;
    this.#incoming = new Incoming(directory);
    this.#reducing = new ReducerThreads({ threads: settings.jobsThreads });
    this.#owner = new JobsOwner({
      directory,
      link,
      onPart,
      report,
      reducing: this.#reducing,
      modulePath: hasModule ? resolve(settings.jobsReducer) : undefined,
      incomingPath: (name) => this.#incoming.path(name),
      maxJobs: settings.jobsMax,
      maxParts: settings.jobsMaxParts,
      maxPartBytes,
      maxJobBytes: settings.jobsMaxJobMb * MB,
      usualReducer: hasModule ? 'module' : 'concat',
      now: Date.now,
    });
    const jobs = new Jobs({ link, owner: this.#owner, incoming: this.#incoming, maxPartBytes });
    this.intake = jobs;
    const idleMs = settings.jobsIdleSeconds * 1000;
    this.site = new JobsSite({
      jobs,
      directory,
      token: settings.jobsToken,
      hasModule,
      idleMs,
      report,
    });
  }

  /** Rejects with HandoverError when another server uses JOBS_DIR, or with the system's error. */
  static async open(options: WorkerJobsOptions): Promise<WorkerJobs> {
    const directory = resolve(options.settings.jobsDir);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new WorkerJobs(options, directory, await Tenancy.begin(directory));
  }

  start(): void {
    this.#owner.start();
    this.#sweep();
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    await this.#owner.close();
    await this.#reducing.close();
    this.#tenancy.end();
  }

  #sweep(): void {
    this.#incoming.sweep(Date.now()).catch((error) => {
      this.#report(`parts that were broken off cannot be looked through: ${messageOf(error)}`);
    });
  }
}
