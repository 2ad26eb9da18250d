/**
 * A session on a fake connection, with a clock that only the test moves, and replies that the test
 * chooses for each path.
 */
import { textReply } from '../../src/http/error-reply.js';
import type { Forwarder } from '../../src/http/forwarded.js';
import type { Reply } from '../../src/http/reply.js';
import type { RequestHead } from '../../src/http/request-head.js';
import { FIELD, HISTOGRAM_START, SEQ_END, type SlotField } from '../../src/stats/schema.js';
import { SlotWriter } from '../../src/stats/scoreboard.js';
import { ExchangeRecorder } from '../../src/worker/exchange.js';
import { HttpSession } from '../../src/worker/session.js';
import type { SessionLimits } from '../../src/worker/session-context.js';
import { FakeConnection } from './fake-connection.js';
import { endOfHead, RawResponse } from './raw-response.js';
import { STEP_MS, WorkerTime } from './worker-time.js';

export const LIMITS: SessionLimits = {
  maxUrlBytes: 1000,
  maxHeaderBytes: 2000,
  maxBodyBytes: 100,
  keepAliveMs: 75_000,
  headerMs: 30_000,
  bodyMs: 20_000,
  writeMs: 60_000,
};

export type Answer = Reply | Promise<Reply> | ((head: RequestHead) => Reply | Promise<Reply>);

/** Of the worker. */
export const PLACE = 1;

export interface SessionBenchOptions {
  readonly returned?: boolean;
  readonly isDirected?: boolean;
  readonly limits?: Partial<SessionLimits>;
  readonly serverTiming?: boolean;
  readonly forwarder?: Forwarder;
}

export class SessionBench {
  readonly connection: FakeConnection;
  readonly session: HttpSession;
  readonly reports: string[] = [];
  /** Replies by path; paths that are not here are answered with their own text. */
  readonly answers = new Map<string, Answer>();
  gone = 0;
  readonly #slot = new SlotWriter(-1, 0);
  readonly #time = new WorkerTime();

  constructor(options: SessionBenchOptions = {}) {
    const { clock, deadlines, tick } = this.#time;
    this.connection = new FakeConnection(options.returned, options.isDirected);
    // The worker was idle for an hour, so its clock is that old.
    this.#time.skip(3_600_000);
    this.session = new HttpSession(this.connection, {
      place: PLACE,
      limits: { ...LIMITS, ...options.limits },
      clock,
      deadlines,
      recorder: new ExchangeRecorder(this.#slot, clock, undefined),
      serverTiming: options.serverTiming === true,
      tick,
      respond: (head) => this.#respond(head),
      forwarder: options.forwarder,
      report: (problem) => this.reports.push(problem),
      gone: () => this.gone++,
    });
    this.connection.handler = this.session;
  }

  /** The client sends, and the kernel takes whatever is answered at once. */
  exchange(text: string): void {
    this.connection.receive(text);
    this.connection.flush();
  }

  /** Lets time go by. */
  async pass(ms: number): Promise<void> {
    this.#time.pass(ms);
    await settled();
  }

  /** Lets time go by until just before a deadline, and then until it must have been kept. */
  async passTo(deadlineMs: number, before: () => void, after: () => void): Promise<void> {
    await this.pass(deadlineMs - STEP_MS);
    before();
    await this.pass(STEP_MS * 3);
    after();
  }

  count(field: SlotField): number {
    return this.#slot.counters[FIELD[field]]!;
  }

  /** Response times recorded. */
  get finished(): number {
    return this.#slot.counters.subarray(HISTOGRAM_START, SEQ_END).reduce((sum, count) => sum + count, 0);
  }

  /** What was sent, as a strict client reads it. `methods`: of the requests where they are not GET. */
  responses(methods: readonly string[] = []): RawResponse[] {
    const responses: RawResponse[] = [];
    let rest = this.connection.written;
    while (rest.length > 0) {
      const end = endOfHead(rest);
      if (end === undefined) throw new Error(`half a head: ${rest.toString('latin1')}`);
      const method = methods[responses.filter(({ status }) => status >= 200).length] ?? 'GET';
      const response = new RawResponse(rest.toString('latin1', 0, end), method);
      response.body = rest.subarray(end, end + response.bodyLength);
      responses.push(response);
      rest = rest.subarray(end + response.bodyLength);
    }
    return responses;
  }

  statuses(methods?: readonly string[]): number[] {
    return this.responses(methods).map(({ status }) => status);
  }

  #respond(head: RequestHead): Reply | Promise<Reply> {
    const answer = this.answers.get(head.path);
    if (answer === undefined) {
      return textReply(200, 'text/plain', head.path, { headOnly: head.method === 'HEAD' });
    }
    return typeof answer === 'function' ? answer(head) : answer;
  }
}

/** Lets everything run that only waits for promises. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}
