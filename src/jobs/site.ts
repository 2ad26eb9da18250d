/** Jobs over HTTP: from a request below /jobs to its reply. */
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Asker } from '../http/asker.js';
import { errorReply } from '../http/error-reply.js';
import type { Forwarded } from '../http/forwarded.js';
import type { Reply } from '../http/reply.js';
import { isBelow, type RequestHead } from '../http/request-head.js';
import { announcedBy } from './announced.js';
import { JobError, type JobStatus } from './api.js';
import { JobEvents } from './events.js';
import type { Jobs } from './jobs.js';
import { newJob } from './new-job.js';
import {
  jsonReply,
  noContent,
  offsetReply,
  problemReply,
  publicStatus,
  receiptReply,
  statusReply,
} from './replies.js';
import { resultReply } from './result-reply.js';
import { JOBS_PATH, METHODS, type Route, routeOf } from './route.js';
import { checkAuthorization } from './token.js';
import { readText, receive } from './upload.js';

export interface JobsSiteOptions {
  readonly jobs: Jobs;
  /** JOBS_DIR, absolute. */
  readonly directory: string;
  /** `''`: nobody needs one. */
  readonly token: string;
  readonly hasModule: boolean;
  /** How long a client may send nothing in the middle of a part. */
  readonly idleMs: number;
  readonly report: (problem: string) => void;
}

/** Of a body that is no part. */
const MAX_TEXT_BYTES = 64 * 1024;
/** So much of a body that nobody wants is read, so that the connection can go on. */
const MAX_SPILLED_BYTES = 64 * 1024;
const MAX_WAIT_SECONDS = 3600;
const PREFIX = Buffer.from(JOBS_PATH, 'latin1');

export class JobsSite {
  readonly #options: JobsSiteOptions;

  constructor(options: JobsSiteOptions) {
    this.#options = options;
  }

  /** What answers a request; undefined when it is not for jobs. The head is only borrowed. */
  find(head: RequestHead): Forwarded | undefined {
    if (!isBelow(head, PREFIX)) return undefined;
    // What is too much is found out here: the answer is to say so as all others do.
    const limits = { maxBodyBytes: Number.POSITIVE_INFINITY, idleMs: this.#options.idleMs };
    let route: Route | undefined;
    let problem: JobError | undefined;
    try {
      route = routeOf(head.path);
    } catch (error) {
      problem = error as JobError;
    }
    const place =
      route === undefined || route.to === 'jobs' ? undefined : this.#options.jobs.placeOf(route.job);
    const answer = (asker: Asker): Promise<Reply> => this.#answer(head.retain(), route, asker, problem);
    return { ...limits, place, answer };
  }

  async #answer(
    head: RequestHead,
    route: Route | undefined,
    asker: Asker,
    problem: JobError | undefined,
  ): Promise<Reply> {
    const headOnly = head.method === 'HEAD';
    try {
      if (problem !== undefined) throw problem;
      checkAuthorization(this.#options.token, head.valueOf('authorization'));
      if (route === undefined) return this.#refused(notFound(headOnly), head, asker);
      const methods = METHODS[route.to];
      if (!methods.includes(head.methodText))
        return this.#refused(notAllowed(methods, headOnly), head, asker);
      return await this.#routed(head, route, asker);
    } catch (error) {
      if (error instanceof JobError) {
        if (error.code === 'storage-failed')
          this.#options.report(`${head.methodText} ${head.path}: ${error.message}`);
        return this.#refused(problemReply(error, { headOnly }), head, asker);
      }
      this.#options.report(`a request for ${JOBS_PATH} could not be answered: ${messageOf(error)}`);
      return errorReply(500, '', { headOnly, close: true });
    }
  }

  async #routed(head: RequestHead, route: Route, asker: Asker): Promise<Reply> {
    const { jobs } = this.#options;
    const headOnly = head.method === 'HEAD';
    switch (route.to) {
      case 'jobs':
        if (head.methodText === 'POST') return this.#create(asker);
        return jsonReply(200, { jobs: (await jobs.list()).map(publicStatus) }, headOnly);
      case 'job':
        if (head.methodText !== 'DELETE') return statusReply(await jobs.status(route.job), 200, headOnly);
        await jobs.call({ op: 'remove', job: route.job });
        return noContent();
      case 'seal':
        return statusReply((await jobs.call({ op: 'seal', job: route.job })).status!);
      case 'part':
        return head.methodText === 'PUT'
          ? this.#receive(head, route.job, route.part, asker)
          : this.#tellOf(route.job, route.part);
      case 'result':
        return this.#result(head, route.job);
      case 'events':
        return this.#events(route.job);
    }
  }

  async #create(asker: Asker): Promise<Reply> {
    const { jobs, hasModule } = this.#options;
    const { job, options } = newJob(await readText(asker.body, MAX_TEXT_BYTES), Date.now(), hasModule);
    const { status, isNew } = await jobs.call({ op: 'create', job, options });
    return statusReply(status!, isNew === true ? 201 : 200);
  }

  async #receive(head: RequestHead, job: string, part: string, asker: Asker): Promise<Reply> {
    const reception = await this.#options.jobs.begin(announcedBy(head, job, part, asker.body !== undefined));
    return receiptReply(await receive(asker.body, reception));
  }

  async #tellOf(job: string, part: string): Promise<Reply> {
    const { jobs } = this.#options;
    const receipt = await jobs.part(job, part);
    if (receipt !== undefined) return offsetReply(200, receipt.bytes, receipt.sha256);
    return offsetReply(404, await jobs.partialBytes(job, part));
  }

  async #result(head: RequestHead, job: string): Promise<Reply> {
    const { jobs, directory } = this.#options;
    const { status } = await jobs.call({ op: 'wait', job, waitMs: waitMsOf(head.query) });
    const { state, result, error, reducer } = status!;
    if (state === 'failed') throw new JobError('job-failed', `the job has failed: ${error}`);
    if (result === undefined) throw new JobError('job-not-done', whyNotDone(status!));
    return resultReply(head, join(directory, job, 'result'), result, reducer);
  }

  async #events(job: string): Promise<Reply> {
    const { jobs } = this.#options;
    await jobs.status(job);
    return {
      status: 200,
      fields: 'Content-Type: text/event-stream\r\nCache-Control: no-store\r\n',
      body: { source: new JobEvents(jobs, job), length: undefined },
      cache: '',
      close: false,
    };
  }

  /** A short body is read all the same, so that its connection can go on; of a long one no more is taken. */
  #refused(reply: Reply, head: RequestHead, asker: Asker): Reply {
    const isShort = head.contentLength >= 0 && head.contentLength <= MAX_SPILLED_BYTES;
    if (isShort && !head.expectsContinue) asker.body?.cancel();
    return reply;
  }
}

function notFound(headOnly: boolean): Reply {
  return jsonReply(404, { error: 'not-found', message: 'there is nothing here under this name' }, headOnly);
}

function notAllowed(methods: readonly string[], headOnly: boolean): Reply {
  const names = methods.join(', ');
  const problem = { error: 'method-not-allowed', message: `there are ${names}` };
  return jsonReply(405, problem, headOnly, `Allow: ${names}\r\n`);
}

function whyNotDone({ state, parts, expectedParts }: JobStatus): string {
  if (state === 'sealed') return 'the job is being put together';
  const of = expectedParts === undefined ? '' : ` of ${expectedParts}`;
  return `the job is open, with ${parts}${of} parts: it has a result when it is sealed`;
}

/** `?wait=SECONDS`. @throws JobError */
function waitMsOf(query: string): number {
  const wait = new URLSearchParams(query).get('wait');
  if (wait === null) return 0;
  const seconds = /^\d{1,5}$/.test(wait) ? Number(wait) : Number.NaN;
  if (!(seconds <= MAX_WAIT_SECONDS)) {
    throw new JobError('bad-request', `wait is a number of seconds up to ${MAX_WAIT_SECONDS}`);
  }
  return seconds * 1000;
}
