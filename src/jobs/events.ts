/**
 * The status of a job as server-sent events (HTML standard, section 9.2): one whenever it has changed, the last when
 * it is over.
 *
 *     event: status | done | failed | removed
 *     data: {"job":…}
 */
import type { BodySink, BodySource } from '../http/body-source.js';
import { JobError, type JobStatus } from './api.js';
import type { Jobs } from './jobs.js';
import { publicStatus } from './replies.js';

/** So often something is sent, if only to find out that the client is gone. */
const HEARTBEAT_MS = 15_000;

export class JobEvents implements BodySource {
  readonly #jobs: Jobs;
  readonly #job: string;
  #sink: BodySink | undefined;
  #isPaused = false;
  /** What is to be said when the client takes more: only the last counts. */
  #kept: JobStatus | undefined;
  #unwatch: () => void = () => undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(jobs: Jobs, job: string) {
    this.#jobs = jobs;
    this.#job = job;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#heartbeat = setInterval(() => this.#isPaused || sink.data(Buffer.from(':\n\n')), HEARTBEAT_MS);
    this.#unwatch = this.#jobs.watch(
      this.#job,
      (status) => this.#onStatus(status),
      (error) => this.#onLost(error),
    );
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) this.#onStatus(kept);
  }

  cancel(): void {
    this.#unwatch();
    clearInterval(this.#heartbeat);
    this.#sink = undefined;
  }

  #onStatus(status: JobStatus): void {
    if (this.#isPaused) {
      this.#kept = status;
      return;
    }
    const isOver = status.state === 'done' || status.state === 'failed';
    this.#send(isOver ? status.state : 'status', publicStatus(status));
    if (isOver) this.#end();
  }

  #onLost(error: Error): void {
    if (error instanceof JobError && error.code === 'no-such-job') {
      this.#send('removed', { job: this.#job });
      this.#end();
      return;
    }
    const sink = this.#sink;
    this.cancel();
    sink?.fail(error);
  }

  #send(event: string, data: unknown): void {
    this.#sink?.data(Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  }

  #end(): void {
    const sink = this.#sink;
    this.cancel();
    sink?.end();
  }
}
