/**
 * One client connection speaking HTTP/1.1: bytes to requests, requests to replies in their order, and
 * the deadlines between. It pulls requests out of the parser one by one, so that at every boundary
 * what was read and not used is still there and the connection can be handed over.
 *
 *     reading ──head──► answering ──reply──► (sending, from disk) ──► reading …
 *        └── error, deadline, Connection: close ──► closing ──► gone
 */
import { messageOf } from '../errors.js';
import { errorReply } from '../http/error-reply.js';
import type { ParserLimits } from '../http/head-parser.js';
import { RequestParser } from '../http/parser.js';
import type { FileBody, Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import type { Connection, ConnectionHandler, DrainMode } from '../transport/connection.js';
import type { Deadlines, Timed } from './deadlines.js';
import type { Exchange } from './exchange.js';
import { closeFile, isFileBody, Outbox, type OutboxOptions } from './outbox.js';

export interface SessionLimits extends ParserLimits {
  readonly maxBodyBytes: number;
  readonly keepAliveMs: number;
  readonly headerMs: number;
  readonly bodyMs: number;
  readonly writeMs: number;
}

/** A client's connection, as the worker that holds it sees it. */
export interface Session {
  /** Ends the session at its next boundary between requests. */
  drain(mode: DrainMode): void;
  /** Ends the session now. */
  destroy(): void;
}

/** What the sessions of a worker share. */
export interface SessionContext extends OutboxOptions {
  readonly limits: SessionLimits;
  readonly deadlines: Deadlines;
  /** Brings `clock` up to date. */
  readonly tick: () => void;
  readonly respond: (head: RequestHead, from: Pick<Connection, 'peer'>) => Reply | Promise<Reply>;
  readonly report: (problem: string) => void;
  readonly gone: (session: Session) => void;
}

type State = 'reading' | 'answering' | 'sending' | 'closing' | 'gone';

/** Responses that the kernel does not take yet stop the reading of further requests. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Bytes that are read ahead while a request is being answered. */
const MAX_AHEAD_BYTES = 64 * 1024;
/** How long a client has to take the last response, once all of it was sent, before it is cut off. */
export const LINGER_MS = 2000;
/** A connection that has asked nothing yet may still do so when the server stops; TLS also on a reload. */
export const FRESH_GRACE_MS = 1000;
/** A body must come faster than this, in bytes per second, or its time runs out. */
export const MIN_BODY_RATE = 500;

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');

export class HttpSession implements ConnectionHandler, Session, Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  readonly #context: SessionContext;
  readonly #connection: Connection;
  readonly #parser: RequestParser;
  readonly #outbox: Outbox;
  #state: State = 'reading';
  #paused = false;
  #peerEnded = false;
  /** Responses begun, on whichever worker; 0 on a connection that has asked nothing yet. */
  #served: number;
  #drain: DrainMode | undefined;
  /** The connection is to be handed back between two requests. */
  #movingOn = false;
  /** It asked something before the last look, or since. */
  #active = false;
  #servedAtLook = 0;
  #drainedMs = 0;
  /** When the first byte of the present head or body came; undefined between requests. */
  #startedMs: number | undefined;
  /** The request whose body is being read. */
  #receiving: RequestHead | undefined;
  /** The request being answered or sent from disk. */
  #current: Exchange | undefined;
  /** Bytes the kernel had taken when it last took some, to tell slow clients from dead ones. */
  #progress = 0;
  /** When that was found out; undefined while nothing waits to be taken. */
  #stalledSinceMs: number | undefined;

  constructor(connection: Connection, context: SessionContext) {
    this.#connection = connection;
    this.#context = context;
    this.#parser = new RequestParser(context.limits);
    this.#outbox = new Outbox(connection, context);
    // The worker may have been idle for long: the clock is as old as the last piece of work.
    context.tick();
    this.#startedMs = context.clock.steadyMs;
    this.#served = connection.returned ? 1 : 0;
    this.#rearm();
  }

  onData(bytes: Buffer, length: number): void {
    this.#context.tick();
    if (this.#state === 'closing' || this.#state === 'gone') return;
    this.#parser.feed(bytes, length);
    if (this.#state === 'reading') this.#advance();
    else this.#keepAhead();
  }

  onFlushed(): void {
    this.#context.tick();
    this.#outbox.onFlushed();
    if (this.#state === 'reading') this.#advance();
    else this.#rearm();
  }

  onEnd(): void {
    this.#context.tick();
    this.#peerEnded = true;
    if (this.#state === 'reading') this.#advance();
  }

  onClose(): void {
    const { deadlines, gone, tick } = this.#context;
    if (this.#state === 'gone') return;
    tick();
    this.#outbox.abandon(this.#current);
    this.#current = undefined;
    this.#state = 'gone';
    deadlines.disarm(this);
    gone(this);
  }

  onDeadline(): void {
    this.#context.tick();
    switch (this.#state) {
      case 'reading':
        if (this.#connection.unsentBytes > 0) this.#checkProgress();
        else this.#readingTimedOut();
        return;
      case 'sending':
        this.#checkProgress();
        return;
      case 'closing':
        if (this.#connection.unsentBytes > 0) this.#checkProgress();
        else this.#connection.destroy();
    }
  }

  drain(mode: DrainMode): void {
    this.#context.tick();
    this.#drain = mode;
    this.#drainedMs = this.#context.clock.steadyMs;
    if (this.#state === 'reading') this.#advance();
  }

  /**
   * True when the connection can be handed back for another worker to go on with. One that has asked nothing
   * yet stays: its time for a first request would begin anew.
   */
  get isMovable(): boolean {
    return this.#connection.isBound !== true && this.#served > 0;
  }

  /** True when it asked something in the time before the last look, or since. */
  get isActive(): boolean {
    return this.#active || this.#served > this.#servedAtLook;
  }

  /** Looks again; true when it asked something since it was last looked. */
  look(): boolean {
    this.#active = this.#served > this.#servedAtLook;
    this.#servedAtLook = this.#served;
    return this.#active;
  }

  /** Hands the connection back as soon as it is between two requests; it goes on here if it cannot be. */
  moveOn(): void {
    this.#context.tick();
    this.#movingOn = true;
    if (this.#state === 'reading') this.#advance();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** The next response is the last on this connection. */
  get #isLeaving(): boolean {
    return this.#drain === 'close' || (this.#drain !== undefined && this.#connection.isBound === true);
  }

  /** Takes requests out of the parser until it has no whole one, or one has to be waited for. */
  #advance(): void {
    const parser = this.#parser;
    this.#outbox.relieve();
    while (this.#state === 'reading' && this.#connection.unsentBytes <= HIGH_WATER_BYTES) {
      const event = parser.next();
      if (event === 'more') {
        this.#atRest();
        break;
      }
      if (event === 'head') this.#onHead(parser.head);
      else if (event === 'content') this.#onContent();
      else if (event === 'end') this.#onBodyEnd();
      else this.#refuse(parser.error!.status, parser.error!.message, this.#receiving ?? parser.head);
    }
    this.#keepAhead();
    this.#rearm();
  }

  /** No whole request is left: time to leave, if there is a reason to. */
  #atRest(): void {
    const parser = this.#parser;
    if (this.#peerEnded) {
      this.#close();
      return;
    }
    if (parser.inBody || this.#connection.unsentBytes > 0) return;
    if (this.#movingOn && parser.buffered === 0) {
      this.#movingOn = false;
      if (this.#handBack()) return;
    }
    if (this.#drain === undefined) return;
    if (this.#drain === 'hand-back') {
      // Its client may be asking in this very moment: the answer will say that it is the last.
      if (this.#connection.isBound === true || this.#handBack()) return;
    }
    if (parser.buffered === 0 && this.#served > 0) this.#close();
  }

  #handBack(): boolean {
    const { deadlines, gone } = this.#context;
    if (!this.#connection.handBack(this.#parser.unused())) return false;
    this.#parser.hold();
    this.#state = 'gone';
    deadlines.disarm(this);
    gone(this);
    return true;
  }

  #onHead(head: RequestHead): void {
    this.#startedMs = undefined;
    if (head.contentLength === 0) {
      this.#answer(head);
      return;
    }
    if (head.contentLength > this.#context.limits.maxBodyBytes) {
      this.#refuse(413, 'The body is larger than this server takes.', head);
      return;
    }
    if (head.expectsContinue) {
      // Nobody here wants the body, but a client that is told to go on keeps its connection.
      this.#connection.write(CONTINUE);
    }
    this.#receiving = head.retain();
    this.#startedMs = this.#context.clock.steadyMs;
  }

  #onContent(): void {
    if (this.#parser.contentReceived <= this.#context.limits.maxBodyBytes) return;
    this.#refuse(413, 'The body is larger than this server takes.', this.#receiving!);
  }

  #onBodyEnd(): void {
    const head = this.#receiving!;
    this.#receiving = undefined;
    this.#startedMs = undefined;
    this.#answer(head);
  }

  #answer(head: RequestHead): void {
    const exchange = this.#context.recorder.begin(head, this.#connection);
    const headOnly = head.method === 'HEAD';
    const answer = this.#respond(head);
    if (!(answer instanceof Promise)) {
      this.#send(exchange, answer);
      return;
    }
    this.#state = 'answering';
    this.#current = exchange;
    answer.then(
      (reply) => this.#onAnswer(exchange, reply),
      (error) => this.#onAnswer(exchange, this.#failed(error, headOnly)),
    );
  }

  #respond(head: RequestHead): Reply | Promise<Reply> {
    try {
      return this.#context.respond(head, this.#connection);
    } catch (error) {
      // A defect, which must not take the other connections of this worker with it.
      return this.#failed(error, head.method === 'HEAD');
    }
  }

  #failed(error: unknown, headOnly: boolean): Reply {
    this.#context.report(`a request could not be answered: ${messageOf(error)}`);
    return errorReply(500, '', { close: true, headOnly });
  }

  #onAnswer(exchange: Exchange, reply: Reply): void {
    if (this.#state === 'gone') {
      closeFile(reply);
      return;
    }
    this.#context.tick();
    this.#state = 'reading';
    this.#current = undefined;
    this.#send(exchange, reply);
    if (this.#state === 'reading') this.#advance();
    else this.#rearm();
  }

  /** An error of the protocol: answered, and then the connection cannot be trusted any more. */
  #refuse(status: number, message: string, head: RequestHead): void {
    const exchange = this.#context.recorder.begin(head, this.#connection);
    this.#send(exchange, errorReply(status, message, { close: true, headOnly: head.method === 'HEAD' }));
  }

  #send(exchange: Exchange, reply: Reply): void {
    const keep = exchange.keepAlive && !reply.close && !this.#isLeaving;
    this.#served++;
    this.#outbox.write(exchange, reply, keep);
    if (isFileBody(reply.body)) this.#sendFromDisk(exchange, reply, reply.body, keep);
    else if (!keep) this.#closeAfter(exchange, reply);
  }

  #sendFromDisk(exchange: Exchange, reply: Reply, body: FileBody, keep: boolean): void {
    const { report, tick } = this.#context;
    this.#state = 'sending';
    this.#current = exchange;
    this.#outbox.sendFile(exchange, body).then(
      (outcome) => {
        if (this.#state !== 'sending') return;
        tick();
        if (outcome === 'changed') report('a file changed while it was sent; the connection was cut');
        if (outcome !== 'sent') {
          this.#connection.destroy();
          return;
        }
        this.#current = undefined;
        this.#state = 'reading';
        if (keep) this.#advance();
        else this.#closeAfter(exchange, reply);
      },
      (error) => {
        report(`a file could not be read while it was sent: ${messageOf(error)}`);
        this.#connection.destroy();
      },
    );
  }

  /** The response was the last. A client that wanted it so sends no more, and need not be waited for. */
  #closeAfter(exchange: Exchange, reply: Reply): void {
    if (exchange.keepAlive || reply.close || this.#parser.buffered > 0) {
      this.#close();
      return;
    }
    this.#state = 'closing';
    this.#connection.close();
    this.#rearm();
  }

  /** No further request is read; what is queued still leaves. */
  #close(): void {
    this.#state = 'closing';
    this.#connection.end();
    // Bytes that nobody reads would turn our FIN into a reset, and the client lose the response.
    this.#connection.resume();
    this.#rearm();
  }

  /** While a request is being answered the client may send more, but not without end. */
  #keepAhead(): void {
    this.#parser.hold();
    // A head that is still coming in is bounded by the parser, and must not be kept from its end.
    const isBehind = this.#state !== 'reading' || this.#connection.unsentBytes > HIGH_WATER_BYTES;
    const full = isBehind && this.#state !== 'closing' && this.#parser.buffered > MAX_AHEAD_BYTES;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#connection.pause();
    else this.#connection.resume();
  }

  #readingTimedOut(): void {
    const { recorder } = this.#context;
    if (this.#parser.inBody || this.#parser.buffered > 0) {
      recorder.timedOut();
      const head = this.#receiving ?? this.#parser.unfinishedHead();
      this.#refuse(408, 'The request did not come in time.', head);
    } else this.#close();
  }

  #checkProgress(): void {
    if (this.#outbox.takenBytes > this.#progress) {
      this.#rearm();
      return;
    }
    this.#context.recorder.timedOut();
    this.#connection.destroy();
  }

  /** Sets the deadline that the present state has. */
  #rearm(): void {
    const { deadlines } = this.#context;
    if (this.#state === 'gone') return;
    deadlines.arm(this, this.#deadline());
  }

  #deadline(): number {
    const { limits, clock } = this.#context;
    const now = clock.steadyMs;
    if (this.#state === 'answering') return Number.POSITIVE_INFINITY;
    if (this.#state === 'sending' || this.#connection.unsentBytes > 0) return this.#writeDeadline(now);
    this.#stalledSinceMs = undefined;
    if (this.#state === 'closing') return now + LINGER_MS;
    if (this.#parser.inBody) {
      return this.#startedMs! + limits.bodyMs + (this.#parser.contentReceived / MIN_BODY_RATE) * 1000;
    }
    if (this.#parser.buffered > 0) this.#startedMs ??= now;
    else if (this.#served > 0) {
      return this.#isLeaving ? this.#drainedMs + FRESH_GRACE_MS : now + limits.keepAliveMs;
    }
    const grace = this.#isLeaving ? Math.min(FRESH_GRACE_MS, limits.headerMs) : limits.headerMs;
    return this.#startedMs! + grace;
  }

  /** Only what leaves moves it: a client that goes on asking and does not read has no more time. */
  #writeDeadline(nowMs: number): number {
    const taken = this.#outbox.takenBytes;
    if (this.#stalledSinceMs === undefined || taken > this.#progress) {
      this.#progress = taken;
      this.#stalledSinceMs = nowMs;
    }
    return this.#stalledSinceMs + this.#context.limits.writeMs;
  }
}
