/** A GetFile session on a fake connection, with a clock that only the test moves, and one answer for every request. */
import { textReply } from '../../src/http/error-reply.js';
import type { Reply } from '../../src/http/reply.js';
import { FIELD, type SlotField } from '../../src/stats/schema.js';
import { SlotWriter } from '../../src/stats/scoreboard.js';
import { ExchangeRecorder } from '../../src/worker/exchange.js';
import { GetFileSession } from '../../src/worker/getfile-session.js';
import { FakeConnection } from './fake-connection.js';
import { LIMITS, settled } from './session-bench.js';
import { WorkerTime } from './worker-time.js';

export class GetFileBench {
  readonly connection = new FakeConnection();
  readonly session: GetFileSession;
  readonly reports: string[] = [];
  answer: Reply | Promise<Reply> | (() => Reply) = textReply(200, 'text/plain', 'hello');
  gone = 0;
  readonly #slot = new SlotWriter(-1, 0);
  readonly #time = new WorkerTime();

  constructor() {
    const { clock, deadlines, tick } = this.#time;
    this.session = new GetFileSession(this.connection, {
      limits: LIMITS,
      clock,
      deadlines,
      recorder: new ExchangeRecorder(this.#slot, clock, undefined),
      serverTiming: false,
      tick,
      place: 1,
      forwarder: undefined,
      respond: () => (typeof this.answer === 'function' ? this.answer() : this.answer),
      report: (problem) => this.reports.push(problem),
      gone: () => this.gone++,
    });
    this.connection.handler = this.session;
  }

  /** What was written so far. */
  get said(): string {
    return this.connection.written.toString('latin1');
  }

  /** Lets time go by. */
  async pass(ms: number): Promise<void> {
    this.#time.pass(ms);
    await settled();
  }

  counts(...fields: SlotField[]): number[] {
    return fields.map((field) => this.#slot.counters[FIELD[field]]!);
  }
}
