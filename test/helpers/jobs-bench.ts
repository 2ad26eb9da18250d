/** A session on JOBS_PORT with a fake connection, a fake intake, and a clock that only the test moves. */
import type { PartReceipt } from '../../src/jobs/api.js';
import type { Announced, Intake, Reception } from '../../src/jobs/reception.js';
import { FIELD, type SlotField } from '../../src/stats/schema.js';
import { SlotWriter } from '../../src/stats/scoreboard.js';
import { AccessLog } from '../../src/worker/access-log.js';
import { ExchangeRecorder } from '../../src/worker/exchange.js';
import { JobsSession } from '../../src/worker/jobs-session.js';
import { FakeConnection } from './fake-connection.js';
import { Later } from './later.js';
import { LIMITS, settled } from './session-bench.js';
import { WorkerTime } from './worker-time.js';

export const SHA256 = 'ab'.repeat(32);
export const IDLE_MS = 40_000;

/** A part on its way in, of which the test decides what becomes. */
export class FakeReception implements Reception {
  readonly committed = new Later<PartReceipt>();
  received = Buffer.alloc(0);
  commits = 0;
  abandoned = 0;
  /** Settled when what came is kept. */
  kept: Promise<void> = Promise.resolve();
  /** Thrown by `write`. */
  problem: Error | undefined;
  /** Set by the test: takes no more, until it resolves. */
  full: Later<void> | undefined;

  write(bytes: Uint8Array): boolean {
    if (this.problem !== undefined) throw this.problem;
    this.received = Buffer.concat([this.received, bytes]);
    return this.full === undefined;
  }

  drained(): Promise<void> {
    return this.full!.promise;
  }

  commit(): Promise<PartReceipt> {
    this.commits++;
    return this.committed.promise;
  }

  abandon(): Promise<void> {
    this.abandoned++;
    return this.kept;
  }
}

export class JobsBench implements Intake {
  readonly connection: FakeConnection;
  readonly session: JobsSession;
  readonly reception = new FakeReception();
  readonly reports: string[] = [];
  /** What was asked of the intake. */
  announced: Announced | undefined;
  /** What it answers; the reception, unless the test says otherwise. */
  opening: Promise<Reception> = Promise.resolve(this.reception);
  /** The place of the worker that owns every job. */
  owner = 1;
  gone = 0;
  readonly #slot = new SlotWriter(-1, 0);
  readonly #log: AccessLog | undefined;
  readonly #time = new WorkerTime();

  constructor(
    options: { readonly token?: string; readonly logFile?: string; readonly isDirected?: boolean } = {},
  ) {
    const { clock, deadlines, tick } = this.#time;
    const report = (problem: string): void => void this.reports.push(problem);
    if (options.logFile !== undefined) {
      this.#log = new AccessLog({
        file: options.logFile,
        format: 'combined',
        report,
        now: () => this.#time.nowMs,
        onDropped: () => undefined,
      });
    }
    this.connection = new FakeConnection(options.isDirected, options.isDirected);
    this.session = new JobsSession(this.connection, {
      limits: LIMITS,
      clock,
      deadlines,
      recorder: new ExchangeRecorder(this.#slot, clock, this.#log),
      tick,
      intake: this,
      place: 1,
      token: options.token ?? '',
      idleMs: IDLE_MS,
      report,
      gone: () => this.gone++,
    });
    this.connection.handler = this.session;
  }

  placeOf(): number {
    return this.owner;
  }

  begin(announced: Announced): Promise<Reception> {
    this.announced = announced;
    return this.opening;
  }

  /** The client says this, and the intake has answered. */
  async receive(text: string): Promise<void> {
    this.connection.receive(text);
    await settled();
  }

  /** The client closes its direction. */
  async end(): Promise<void> {
    this.session.onEnd();
    await settled();
  }

  async commit(isNew = true): Promise<void> {
    this.reception.committed.resolve({
      part: 'p',
      bytes: this.reception.received.length,
      sha256: SHA256,
      isNew,
    });
    await settled();
  }

  /** What was written so far. */
  get said(): string {
    return this.connection.written.toString();
  }

  /** Lets time go by. */
  async pass(ms: number): Promise<void> {
    this.#time.pass(ms);
    await settled();
  }

  counts(...fields: SlotField[]): number[] {
    return fields.map((field) => this.#slot.counters[FIELD[field]]!);
  }

  async closeLog(): Promise<void> {
    await this.#log?.close();
  }
}
