/**
 * One client connection speaking HTTP/1.1: bytes to requests, requests to replies in their order, and
 * the deadlines between. It pulls requests out of the parser one by one, so that at every boundary
 * what was read and not used is still there and the connection can be handed over.
 *
 *     reading ──head──► answering ──reply──► (sending, from disk) ──► reading …
 *        ├──head──► moving ──(all before it has left)──► gone: another worker answers it
 *        └── error, deadline, Connection: close ──► closing ──► gone
 */
import type { Duplex } from 'node:stream';
import { messageOf } from '../errors.js';
import { BodyError } from '../http/body-source.js';
import { errorReply } from '../http/error-reply.js';
import type { Forwarded } from '../http/forwarded.js';
import { RequestParser } from '../http/parser.js';
import type { FileBody, Reply, StreamBody } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { interimHead } from '../http/serialise.js';
import type { Connection, ConnectionHandler, DrainMode } from '../transport/connection.js';
import type { Timed } from './deadlines.js';
import type { Exchange } from './exchange.js';
import { discard, isFileBody, isStreamBody, Outbox } from './outbox.js';
import { Relay } from './relay.js';
import type { Session, SessionContext } from './session-context.js';
import { Tunnel } from './tunnel.js';
import { WriteProgress } from './write-progress.js';

type State = 'reading' | 'moving' | 'answering' | 'sending' | 'closing' | 'gone';

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

const CONTINUE = interimHead(100, '');

export class HttpSession implements ConnectionHandler, Session, Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  place = 0;
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
  /** The place of the worker that answers the next request, while the connection is `moving`. */
  #destination = 0;
  /** The next request is answered here, whichever worker should do it: the connection was moved for it already, or cannot be. */
  #staysForNext: boolean;
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
  /** The request that another server answers, from its head to the end of both bodies. */
  #relay: Relay | undefined;
  /** When the body of such a request last came on. */
  #bodyMs = 0;
  readonly #progress = new WriteProgress();

  constructor(connection: Connection, context: SessionContext) {
    this.#connection = connection;
    this.#context = context;
    this.#parser = new RequestParser(context.limits);
    this.#outbox = new Outbox(connection, context);
    // The worker may have been idle for long: the clock is as old as the last piece of work.
    context.tick();
    this.#startedMs = context.clock.steadyMs;
    this.#served = connection.returned ? 1 : 0;
    this.#staysForNext = connection.isDirected;
    this.#rearm();
  }

  onData(bytes: Buffer, length: number): void {
    this.#context.tick();
    if (this.#state === 'closing' || this.#state === 'gone') return;
    if (this.#relay?.isTunnel === true) {
      this.#relay.toTunnel(bytes, length);
      return;
    }
    this.#parser.feed(bytes, length);
    if (this.#state === 'reading') this.#advance();
    else if (this.#relay !== undefined) this.#pull(this.#relay);
    else this.#keepAhead();
  }

  onFlushed(): void {
    this.#context.tick();
    this.#outbox.onFlushed();
    this.#relay?.onFlushed();
    if (this.#state === 'moving') this.#move();
    if (this.#state === 'reading') this.#advance();
    else this.#rearm();
  }

  onEnd(): void {
    this.#context.tick();
    this.#peerEnded = true;
    if (this.#state === 'reading') this.#advance();
    else if (this.#relay !== undefined) {
      this.#relay.onEnd();
      this.#pull(this.#relay);
    }
  }

  onClose(): void {
    const { deadlines, gone, tick } = this.#context;
    if (this.#state === 'gone') return;
    tick();
    const relay = this.#relay;
    if (relay?.isTunnel === true && this.#current !== undefined) this.#outbox.endTunnel(this.#current);
    else this.#outbox.abandon(this.#current);
    this.#current = undefined;
    this.#relay = undefined;
    relay?.onClose();
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
      case 'answering':
        this.#context.recorder.timedOut();
        this.#relay?.breakOff(new BodyError(408, 'The request did not come in time.'));
        return;
      case 'moving':
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
    this.#cut();
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

  #handBack(place?: number): boolean {
    const { deadlines, gone } = this.#context;
    // They leave later than the transport's buffer is used again.
    this.#parser.hold();
    if (!this.#connection.handBack(this.#parser.unused(), place)) return false;
    this.#state = 'gone';
    deadlines.disarm(this);
    gone(this);
    return true;
  }

  #onHead(head: RequestHead): void {
    const { forwarder, limits } = this.#context;
    this.#startedMs = undefined;
    const forwarded = forwarder?.find(head);
    const { maxBodyBytes } = forwarded ?? limits;
    const stays = this.#staysForNext;
    this.#staysForNext = false;
    if (head.contentLength > maxBodyBytes) {
      this.#refuse(413, 'The body is larger than this server takes.', head);
      return;
    }
    if (forwarded !== undefined) {
      if (!stays && this.#movesTo(forwarded.place)) return;
      const relay = this.#newRelay(head, forwarded);
      this.#relay = relay;
      this.#answer(head, () => forwarded.answer(relay));
      return;
    }
    if (head.contentLength === 0) {
      this.#answer(head);
      return;
    }
    if (head.expectsContinue) {
      // Nobody here wants the body, but a client that is told to go on keeps its connection.
      this.#connection.write(CONTINUE);
    }
    this.#receiving = head.retain();
    this.#startedMs = this.#context.clock.steadyMs;
  }

  /** Hands the connection over with the request whose head was read, if another worker should answer it. */
  #movesTo(place: number | undefined): boolean {
    if (place === undefined || place === this.#context.place) return false;
    if (this.#connection.isBound === true) return false;
    this.#parser.putBack();
    this.#destination = place;
    this.#state = 'moving';
    this.#move();
    return true;
  }

  /** Goes as soon as everything before has left; where the connection cannot go, the request is read again. */
  #move(): void {
    if (this.#connection.unsentBytes > 0) return;
    if (this.#drain !== 'close' && this.#handBack(this.#destination)) return;
    this.#staysForNext = true;
    this.#state = 'reading';
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

  #newRelay(head: RequestHead, { maxBodyBytes, idleMs = this.#context.limits.bodyMs }: Forwarded): Relay {
    let mayContinue = head.expectsContinue;
    const isHttp10 = head.minor === 0;
    const relay: Relay = new Relay({
      connection: this.#connection,
      parser: this.#parser,
      maxBodyBytes,
      idleMs,
      hasBody: head.contentLength !== 0,
      wanted: () => {
        if (mayContinue && relay.body?.isDiscarded === false) this.#connection.write(CONTINUE);
        mayContinue = false;
        this.#pull(relay);
      },
      interim: (status, fields) => {
        const connection = this.#connection;
        if (isHttp10 || this.#relay !== relay || this.#state !== 'answering') return;
        if (connection.unsentBytes <= HIGH_WATER_BYTES) connection.write(interimHead(status, fields));
      },
    });
    return relay;
  }

  /** Gives what has come of a body to the server that it is for. */
  #pull(relay: Relay): void {
    this.#bodyMs = this.#context.clock.steadyMs;
    relay.pull(this.#peerEnded);
    // Within the call that begins to answer: it goes on by itself.
    if (this.#state === 'reading') return;
    this.#keepAhead();
    this.#rearm();
  }

  /** @param forwarded what answers it, where that is another server */
  #answer(head: RequestHead, forwarded?: () => Reply | Promise<Reply>): void {
    const exchange = this.#context.recorder.begin(head, this.#connection);
    const headOnly = head.method === 'HEAD';
    const answer = this.#respond(head, forwarded);
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

  #respond(head: RequestHead, forwarded?: () => Reply | Promise<Reply>): Reply | Promise<Reply> {
    try {
      return forwarded === undefined ? this.#context.respond(head, this.#connection) : forwarded();
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
      discard(reply);
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
    const { body, tunnel } = reply;
    this.#served++;
    if (tunnel !== undefined) {
      this.#openTunnel(exchange, reply, tunnel);
      return;
    }
    const keep = this.#mayKeep(exchange, reply);
    const isChunked = isStreamBody(body) && body.length === undefined && exchange.minor === 1;
    this.#outbox.write(exchange, reply, keep, isChunked);
    if (isFileBody(body)) this.#sendFromDisk(exchange, reply, body, keep);
    else if (isStreamBody(body)) this.#sendStream(exchange, reply, body, keep);
    else {
      this.#relay = undefined;
      if (!keep) this.#closeAfter(exchange, reply);
    }
  }

  #mayKeep(exchange: Exchange, reply: Reply): boolean {
    if (!exchange.keepAlive || reply.close || this.#isLeaving) return false;
    // What is left of a body that nobody has read, or could not be read, stands before the next request.
    if (this.#parser.inBody || this.#parser.error !== undefined) return false;
    // Only the end of the connection tells a client of HTTP/1.0 where the body ends.
    return !(isStreamBody(reply.body) && reply.body.length === undefined && exchange.minor === 0);
  }

  #sendStream(exchange: Exchange, reply: Reply, body: StreamBody, keep: boolean): void {
    this.#state = 'sending';
    this.#current = exchange;
    const isChunked = body.length === undefined && exchange.minor === 1;
    this.#relay!.send(body, isChunked, {
      wrote: () => this.#onWrote(),
      done: (error) => this.#onStreamed(exchange, reply, keep, error),
    });
    this.#rearm();
  }

  #onStreamed(exchange: Exchange, reply: Reply, keep: boolean, error: Error | undefined): void {
    if (this.#state !== 'sending') return;
    this.#context.tick();
    if (error !== undefined) {
      this.#context.report(`a response was cut: ${error.message}`);
      this.#cut();
      return;
    }
    this.#outbox.endStream(exchange);
    this.#current = undefined;
    this.#relay = undefined;
    this.#state = 'reading';
    if (!keep) this.#closeAfter(exchange, reply);
    else {
      // Not at once: it may have ended within the turn that asked for it.
      queueMicrotask(() => {
        if (this.#state === 'reading') this.#advance();
      });
    }
  }

  /** An upstream had something for the client. */
  #onWrote(): void {
    this.#context.tick();
    this.#rearm();
  }

  /** Ends the connection. A body that ends with it must not look whole. */
  #cut(): void {
    if (this.#endsWithConnection) this.#connection.reset();
    else this.#connection.destroy();
  }

  /** Of a client of HTTP/1.0 that is sent a body of unknown length. */
  get #endsWithConnection(): boolean {
    const { body = null } = this.#current?.reply ?? {};
    return isStreamBody(body) && body.length === undefined && this.#current?.minor === 0;
  }

  /** The connection is no longer ours to understand. */
  #openTunnel(exchange: Exchange, reply: Reply, socket: Duplex): void {
    this.#state = 'sending';
    this.#current = exchange;
    this.#outbox.write(exchange, reply, true);
    this.#relay!.open(new Tunnel(this.#connection, socket, () => this.#onWrote()));
    this.#rearm();
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
    if (this.#state === 'gone') return;
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
    if (this.#progress.hasMoved(this.#outbox.takenBytes)) {
      this.#rearm();
      return;
    }
    this.#context.recorder.timedOut();
    this.#cut();
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
    if (this.#state === 'answering') {
      return this.#relay?.isWaiting === true ? this.#bodyMs + this.#relay.idleMs : Number.POSITIVE_INFINITY;
    }
    const isUnsent = this.#connection.unsentBytes > 0;
    const isStreaming = this.#relay?.isStreaming === true;
    if (isUnsent || (this.#state === 'sending' && !isStreaming)) {
      return this.#progress.deadlineMs(this.#outbox.takenBytes, now, limits.writeMs);
    }
    this.#progress.rest();
    // How long another server may take is not for this side to say.
    if (isStreaming) return Number.POSITIVE_INFINITY;
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
}
