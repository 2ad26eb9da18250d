/**
 * One client connection on JOBS_PORT: a line that says which part of which job comes, the bytes of the part, a reply,
 * the end (jobs/line.ts). The same limits, counters and log as over HTTP; only the framing differs.
 *
 *     reading ──line──► opening ──► receiving ──half-closed──► committing ──reply──► closing ──► gone
 *        │ │                              └──deadline, refused──► abandoning ──reply──►│          │
 *        │ └─── of a job of another worker: handed over ────────────────────────────────────────►│
 *        └── no line, deadline, refused at any other time: the reason, and closing ─────────────►│
 */
import { messageOf } from '../errors.js';
import { RequestHead } from '../http/request-head.js';
import { JobError, type PartReceipt } from '../jobs/api.js';
import {
  errorLine,
  type FirstLine,
  LineReader,
  MAX_LINE_BYTES,
  parseLine,
  receiptLine,
} from '../jobs/line.js';
import type { Announced, Intake, Reception } from '../jobs/reception.js';
import { checkToken } from '../jobs/token.js';
import type { Connection, ConnectionHandler, DrainMode } from '../transport/connection.js';
import type { Timed } from './deadlines.js';
import type { Exchange } from './exchange.js';
import { FRESH_GRACE_MS, LINGER_MS } from './session.js';
import type { Session, SessionContext } from './session-context.js';
import { WriteProgress } from './write-progress.js';

type State = 'reading' | 'opening' | 'receiving' | 'committing' | 'abandoning' | 'closing' | 'gone';

/** In the access log, where the version of HTTP stands else. */
const PROTOCOL_NAME = 'JOBS';
/** What was read of a line that is none. */
const NO_HEAD = new RequestHead(0);

/** What the connections on JOBS_PORT share. */
export interface JobsSessionContext extends Omit<SessionContext, 'respond' | 'forwarder' | 'serverTiming'> {
  readonly intake: Intake;
  /** `''`: everybody may. */
  readonly token: string;
  /** How long a client may send nothing in the middle of a part. */
  readonly idleMs: number;
}

export class JobsSession implements ConnectionHandler, Session, Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  place = 0;
  readonly #context: JobsSessionContext;
  readonly #connection: Connection;
  readonly #reader = new LineReader();
  readonly #progress = new WriteProgress();
  readonly #startedMs: number;
  #state: State = 'reading';
  #drainedMs = Number.POSITIVE_INFINITY;
  #announced: Announced | undefined;
  /** From when the line was read until the reply has left. */
  #exchange: Exchange | undefined;
  #reception: Reception | undefined;
  /** Bytes of the part that came on this connection. */
  #receivedBytes = 0;
  /** Came before they could be given to anybody. */
  #early: Buffer[] = [];
  /** The reception takes no more for now. */
  #isFull = false;
  #peerEnded = false;

  constructor(connection: Connection, context: JobsSessionContext) {
    this.#connection = connection;
    this.#context = context;
    // The worker may have been idle for long: the clock is as old as the last piece of work.
    context.tick();
    this.#startedMs = context.clock.steadyMs;
    this.#rearm();
  }

  onData(bytes: Buffer, length: number): void {
    this.#context.tick();
    switch (this.#state) {
      case 'reading':
        this.#readLine(bytes, length);
        break;
      case 'opening':
        // A transport that was told to stop reading while it began has some more.
        this.#early.push(Buffer.from(bytes.subarray(0, length)));
        this.#connection.pause();
        break;
      case 'receiving':
        this.#receive(bytes.subarray(0, length));
        break;
    }
  }

  onFlushed(): void {
    this.#context.tick();
    if (this.#state === 'closing') this.#finish();
    this.#rearm();
  }

  onEnd(): void {
    this.#context.tick();
    this.#peerEnded = true;
    if (this.#state === 'reading') this.#giveUp('bad-request', 'the first line has no end');
    else if (this.#state === 'receiving' && !this.#isFull) this.#commit();
  }

  onClose(): void {
    const { deadlines, gone, recorder, tick } = this.#context;
    if (this.#state === 'gone') return;
    tick();
    // What is being made durable will be, though nobody hears of it.
    if (this.#state === 'receiving') void this.#reception?.abandon();
    if (this.#exchange !== undefined) {
      recorder.aborted();
      this.#finish();
    }
    this.#state = 'gone';
    deadlines.disarm(this);
    gone(this);
  }

  onDeadline(): void {
    const { recorder, idleMs, tick } = this.#context;
    const connection = this.#connection;
    tick();
    if (this.#state === 'reading') {
      if (this.#reader.unused.length > 0) recorder.timedOut();
      this.#giveUp('timeout', 'the first line has not come in time');
    } else if (this.#state === 'receiving') {
      recorder.timedOut();
      this.#fail(new JobError('timeout', `nothing has come for ${idleMs / 1000} seconds`));
    } else if (this.#state === 'closing' && connection.unsentBytes === 0) connection.destroy();
    else if (this.#progress.hasMoved(this.#takenBytes)) this.#rearm();
    else {
      recorder.timedOut();
      connection.destroy();
    }
  }

  /** A part that is on its way is received to its end. */
  drain(mode: DrainMode): void {
    if (this.#state !== 'reading') return;
    this.#context.tick();
    if (mode === 'hand-back' && this.#handOver()) return;
    this.#drainedMs = this.#context.clock.steadyMs;
    this.#rearm();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** Bytes that the kernel has taken since the connection was made. */
  get #takenBytes(): number {
    return this.#connection.queuedBytes - this.#connection.unsentBytes;
  }

  #readLine(bytes: Buffer, length: number): void {
    const event = this.#reader.feed(bytes, length);
    if (event === 'more') return;
    let line: FirstLine;
    try {
      if (event === 'too-long') {
        throw new JobError('bad-request', `the first line has more than ${MAX_LINE_BYTES} bytes`);
      }
      line = parseLine(this.#reader.line);
      checkToken(this.#context.token, line.token);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { announced } = line;
    const place = this.#context.intake.placeOf(announced.job);
    const isHere = place === undefined || place === this.#context.place || this.#connection.isDirected;
    if (isHere || !this.#handOver(place)) this.#open(announced);
  }

  /** True when the connection goes on in another worker: the one at `place`, or any. */
  #handOver(place?: number): boolean {
    if (!this.#connection.handBack(this.#reader.unused, place)) return false;
    this.#state = 'gone';
    this.#context.deadlines.disarm(this);
    this.#context.gone(this);
    return true;
  }

  #open(announced: Announced): void {
    const { intake, recorder } = this.#context;
    this.#announced = announced;
    this.#exchange = recorder.begin(headOf(announced), this.#connection, PROTOCOL_NAME);
    this.#state = 'opening';
    const { rest } = this.#reader;
    if (rest.length > 0) this.#early.push(rest);
    this.#connection.pause();
    this.#rearm();
    intake.begin(announced).then(
      (reception) => this.#onOpened(reception),
      (error) => this.#onFailed(error),
    );
  }

  #onOpened(reception: Reception): void {
    if (this.#state === 'gone') {
      void reception.abandon();
      return;
    }
    this.#context.tick();
    this.#reception = reception;
    this.#state = 'receiving';
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) if (this.#state === 'receiving') this.#write(bytes);
    this.#goOn();
  }

  #receive(bytes: Buffer): void {
    this.#write(bytes);
    this.#rearm();
  }

  #write(bytes: Buffer): void {
    this.#receivedBytes += bytes.length;
    let takesMore: boolean;
    try {
      takesMore = this.#reception!.write(bytes);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!takesMore) this.#hold();
  }

  /** Reads nothing until the reception takes more. */
  #hold(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#connection.pause();
    this.#reception!.drained().then(
      () => {
        this.#isFull = false;
        if (this.#state !== 'receiving') return;
        this.#context.tick();
        this.#goOn();
      },
      (error) => this.#onFailed(error),
    );
  }

  /** Reads on, if that is what is to be done. */
  #goOn(): void {
    if (this.#state !== 'receiving' || this.#isFull) return;
    if (this.#peerEnded) this.#commit();
    else {
      this.#connection.resume();
      this.#rearm();
    }
  }

  #commit(): void {
    const { bytes, offset = 0 } = this.#announced!;
    const contentBytes = offset + this.#receivedBytes;
    // As of a client that was killed: what came is kept for another attempt.
    if (bytes !== undefined && contentBytes < bytes) {
      const message = `bytes=${bytes} were announced, and ${contentBytes} have come`;
      this.#fail(new JobError('bad-request', message));
      return;
    }
    this.#state = 'committing';
    this.#rearm();
    this.#reception!.commit().then(
      (receipt) => this.#onCommitted(receipt),
      (error) => this.#onFailed(error),
    );
  }

  #onCommitted(receipt: PartReceipt): void {
    if (this.#state === 'gone') return;
    this.#context.tick();
    this.#reply(receipt.isNew ? 201 : 200, receiptLine(receipt));
  }

  #onFailed(error: unknown): void {
    if (this.#state === 'gone' || this.#state === 'closing') return;
    this.#context.tick();
    this.#fail(error);
  }

  /** No line came, and none will: part of one is answered. */
  #giveUp(code: 'bad-request' | 'timeout', message: string): void {
    if (this.#reader.unused.length > 0) this.#fail(new JobError(code, message));
    else this.#close();
  }

  #fail(error: unknown): void {
    if (this.#state !== 'receiving') {
      this.#refuse(error);
      return;
    }
    this.#state = 'abandoning';
    this.#rearm();
    // Whoever hears of it may come back at once, and is to find what is kept.
    void this.#reception!.abandon().then(() => {
      if (this.#state === 'gone') return;
      this.#context.tick();
      this.#refuse(error);
    });
  }

  #refuse(error: unknown): void {
    if (error instanceof JobError) {
      this.#reply(error.status, errorLine(error.code, withOffset(error)));
      return;
    }
    // A defect, which must not take the other connections of this worker with it.
    this.#context.report(`a part of a job could not be received: ${messageOf(error)}`);
    this.#reply(500, errorLine('internal', 'the server could not do this; its log says why'));
  }

  #reply(status: number, line: Buffer): void {
    const { recorder } = this.#context;
    this.#exchange ??= recorder.begin(NO_HEAD, this.#connection, PROTOCOL_NAME);
    recorder.count(this.#exchange, { status, fields: '', body: null, cache: '', close: true });
    this.#exchange.bodyStart = this.#connection.queuedBytes;
    this.#connection.write(line);
    this.#close();
  }

  #close(): void {
    this.#state = 'closing';
    if (this.#peerEnded) this.#connection.close();
    else {
      // What still comes is read: left unread, it would turn our FIN into a reset, and the reply would be lost.
      this.#connection.end();
      this.#connection.resume();
    }
    this.#rearm();
  }

  /** The reply has left, or as much of it as ever will. */
  #finish(): void {
    if (this.#exchange === undefined) return;
    this.#context.recorder.finish(this.#exchange, Math.max(0, this.#takenBytes - this.#exchange.bodyStart));
    this.#exchange = undefined;
  }

  /** Sets the deadline that the present state has. */
  #rearm(): void {
    if (this.#state !== 'gone') this.#context.deadlines.arm(this, this.#deadline());
  }

  #deadline(): number {
    const { limits, clock, idleMs } = this.#context;
    const now = clock.steadyMs;
    switch (this.#state) {
      case 'reading':
        return Math.min(this.#startedMs + limits.headerMs, this.#drainedMs + FRESH_GRACE_MS);
      case 'receiving':
        return this.#isFull ? Number.POSITIVE_INFINITY : now + idleMs;
      case 'closing':
        if (this.#connection.unsentBytes === 0) return now + LINGER_MS;
        return this.#progress.deadlineMs(this.#takenBytes, now, limits.writeMs);
      default:
        return Number.POSITIVE_INFINITY;
    }
  }
}

/** With the number that a client needs to go on. */
function withOffset({ message, offset }: JobError): string {
  return offset === undefined ? message : `${message} (offset=${offset})`;
}

/** What the access log says: as of the request over HTTP that does the same. */
function headOf({ job, part }: Announced): RequestHead {
  const head = new RequestHead(0);
  const method = 'PUT ';
  const path = `/jobs/${encodeURIComponent(job)}/parts/${encodeURIComponent(part)}`;
  head.bytes = Buffer.from(method + path, 'latin1');
  head.targetStart = method.length;
  head.targetEnd = head.bytes.length;
  return head;
}
