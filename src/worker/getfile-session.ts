/**
 * One client connection speaking GetFile: one request, its reply, the end (getfile/wire.ts). The same look-up,
 * limits, deadlines, counters and log as over HTTP; only the framing differs.
 *
 *     reading ──request──► answering ──reply──► (sending, from disk) ──► closing ──► gone
 *        └── no request, deadline ─────────────────────────────────────────┘
 */
import { messageOf } from '../errors.js';
import { RequestParser } from '../getfile/request-parser.js';
import { PROTOCOL_NAME, replyHead, statusFor } from '../getfile/wire.js';
import { errorReply } from '../http/error-reply.js';
import type { FileBody, Reply } from '../http/reply.js';
import { RequestHead } from '../http/request-head.js';
import type { Connection, ConnectionHandler, DrainMode } from '../transport/connection.js';
import type { Timed } from './deadlines.js';
import type { Exchange } from './exchange.js';
import { bodyLength, discard, isFileBody, isStreamBody, piecesOf } from './outbox.js';
import { FRESH_GRACE_MS, LINGER_MS } from './session.js';
import type { Session, SessionContext } from './session-context.js';
import { WriteProgress } from './write-progress.js';

type State = 'reading' | 'answering' | 'sending' | 'closing' | 'gone';

/** What was read of a request that is none. */
const NO_HEAD = new RequestHead(0);

export class GetFileSession implements ConnectionHandler, Session, Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  place = 0;
  readonly #context: SessionContext;
  readonly #connection: Connection;
  readonly #parser: RequestParser;
  readonly #progress = new WriteProgress();
  readonly #startedMs: number;
  #state: State = 'reading';
  #drainedMs = Number.POSITIVE_INFINITY;
  /** The request, from when it was read until its reply has left. */
  #exchange: Exchange | undefined;
  /** Bytes of the file that the reply announces. */
  #fileBytes = 0;

  constructor(connection: Connection, context: SessionContext) {
    this.#connection = connection;
    this.#context = context;
    this.#parser = new RequestParser(context.limits.maxUrlBytes);
    // The worker may have been idle for long: the clock is as old as the last piece of work.
    context.tick();
    this.#startedMs = context.clock.steadyMs;
    this.#rearm();
  }

  onData(bytes: Buffer, length: number): void {
    this.#context.tick();
    const wasReading = this.#state === 'reading';
    const event = this.#parser.feed(bytes, length);
    if (!wasReading) {
      // Nobody wants more of it before the reply has left.
      if (this.#state !== 'closing') this.#connection.pause();
    } else if (event === 'request') this.#answer(this.#parser.head);
    else if (event !== 'more') this.#refuse(event === 'too-long' ? 414 : 400);
  }

  onFlushed(): void {
    this.#context.tick();
    if (this.#state === 'closing') this.#finish(this.#fileBytes);
    this.#rearm();
  }

  onEnd(): void {
    this.#context.tick();
    if (this.#state === 'reading') this.#giveUp(400);
  }

  onClose(): void {
    const { deadlines, gone, recorder, tick } = this.#context;
    if (this.#state === 'gone') return;
    tick();
    if (this.#exchange !== undefined) {
      recorder.aborted();
      const sent = this.#takenBytes - this.#exchange.bodyStart;
      this.#finish(Math.max(0, Math.min(sent, this.#fileBytes)));
    }
    this.#state = 'gone';
    deadlines.disarm(this);
    gone(this);
  }

  onDeadline(): void {
    const { recorder, tick } = this.#context;
    tick();
    if (this.#state === 'reading') {
      if (this.#parser.unused.length > 0) recorder.timedOut();
      this.#giveUp(408);
    } else if (this.#state === 'closing' && this.#connection.unsentBytes === 0) this.#connection.destroy();
    else if (this.#progress.hasMoved(this.#takenBytes)) this.#rearm();
    else {
      recorder.timedOut();
      this.#connection.destroy();
    }
  }

  drain(mode: DrainMode): void {
    const { clock, deadlines, gone, tick } = this.#context;
    if (this.#state !== 'reading') return;
    tick();
    if (mode === 'hand-back' && this.#connection.handBack(this.#parser.unused)) {
      this.#state = 'gone';
      deadlines.disarm(this);
      gone(this);
      return;
    }
    this.#drainedMs = clock.steadyMs;
    this.#rearm();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** Bytes that the kernel has taken since the connection was made. */
  get #takenBytes(): number {
    return this.#connection.queuedBytes - this.#connection.unsentBytes;
  }

  #answer(head: RequestHead): void {
    const { recorder, respond } = this.#context;
    const exchange = recorder.begin(head, this.#connection, PROTOCOL_NAME);
    this.#exchange = exchange;
    this.#state = 'answering';
    let answer: Reply | Promise<Reply>;
    try {
      answer = respond(head, this.#connection);
    } catch (error) {
      // A defect, which must not take the other connections of this worker with it.
      answer = this.#failed(error);
    }
    if (!(answer instanceof Promise)) {
      this.#send(exchange, answer);
      return;
    }
    this.#rearm();
    answer.then(
      (reply) => this.#onAnswer(exchange, reply),
      (error) => this.#onAnswer(exchange, this.#failed(error)),
    );
  }

  #failed(error: unknown): Reply {
    this.#context.report(`a request could not be answered: ${messageOf(error)}`);
    return errorReply(500);
  }

  #onAnswer(exchange: Exchange, reply: Reply): void {
    if (this.#state === 'gone') {
      discard(reply);
      return;
    }
    this.#context.tick();
    this.#send(exchange, reply);
  }

  #send(exchange: Exchange, reply: Reply): void {
    const connection = this.#connection;
    const { body } = reply;
    // A stream is what another server says, and none is asked here.
    const status = isStreamBody(body) ? 'ERROR' : statusFor(reply.status);
    this.#context.recorder.count(exchange, reply);
    if (status === 'OK') this.#fileBytes = bodyLength(reply);
    connection.write(status === 'OK' ? replyHead(status, this.#fileBytes) : replyHead(status));
    exchange.bodyStart = connection.queuedBytes;
    if (status !== 'OK' || isStreamBody(body)) discard(reply);
    else if (isFileBody(body)) {
      this.#sendFromDisk(body);
      return;
    } else for (const bytes of piecesOf(body)) connection.write(bytes);
    this.#close(this.#parser.hasSurplus);
  }

  #sendFromDisk({ file, parts }: FileBody): void {
    const { report, tick } = this.#context;
    const connection = this.#connection;
    this.#state = 'sending';
    this.#rearm();
    connection.sendFile(file, parts).then(
      (outcome) => {
        if (this.#state !== 'sending') return;
        tick();
        if (outcome === 'changed') report('a file changed while it was sent; the connection was cut');
        if (outcome !== 'sent') {
          connection.destroy();
          return;
        }
        this.#finish(this.#fileBytes);
        this.#close(this.#parser.hasSurplus);
      },
      (error) => {
        report(`a file could not be read while it was sent: ${messageOf(error)}`);
        connection.destroy();
      },
    );
  }

  /** No request came, and none will: half of one is answered. */
  #giveUp(status: 400 | 408): void {
    if (this.#parser.unused.length > 0) this.#refuse(status);
    else this.#close(true);
  }

  #refuse(status: 400 | 408 | 414): void {
    const { recorder } = this.#context;
    const exchange = recorder.begin(NO_HEAD, this.#connection, PROTOCOL_NAME);
    this.#exchange = exchange;
    recorder.count(exchange, { status, fields: '', body: null, cache: '', close: true });
    this.#connection.write(replyHead('INVALID'));
    exchange.bodyStart = this.#connection.queuedBytes;
    this.#close(true);
  }

  /** @param linger bytes may still come, and unread they would turn our FIN into a reset: the reply would be lost */
  #close(linger: boolean): void {
    this.#state = 'closing';
    if (linger) {
      this.#connection.end();
      this.#connection.resume();
    } else this.#connection.close();
    this.#rearm();
  }

  /** The reply has left, or as much of it as ever will. */
  #finish(sentBytes: number): void {
    if (this.#exchange !== undefined) this.#context.recorder.finish(this.#exchange, sentBytes);
    this.#exchange = undefined;
  }

  /** Sets the deadline that the present state has. */
  #rearm(): void {
    if (this.#state !== 'gone') this.#context.deadlines.arm(this, this.#deadline());
  }

  #deadline(): number {
    const { limits, clock } = this.#context;
    const now = clock.steadyMs;
    switch (this.#state) {
      case 'reading':
        return Math.min(this.#startedMs + limits.headerMs, this.#drainedMs + FRESH_GRACE_MS);
      case 'answering':
        return Number.POSITIVE_INFINITY;
      default:
        if (this.#state === 'closing' && this.#connection.unsentBytes === 0) return now + LINGER_MS;
        return this.#progress.deadlineMs(this.#takenBytes, now, limits.writeMs);
    }
  }
}
