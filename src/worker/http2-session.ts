/**
 * One client connection speaking HTTP/2: node's session on a TLS socket, its streams, and the deadlines of
 * the connection as a whole.
 *
 *     serving ──drain──► leaving ──answered, or after a second──► closed ──last stream──► gone
 *        └────────────────────── idle for too long ────────────────┘
 */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerOptions } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Peer } from '../transport/connection.js';
import type { SecureServices } from '../transport/secure/secure-connection.js';
import type { Timed } from './deadlines.js';
import { Http2Stream, type StreamOwner } from './http2-stream.js';
import { FRESH_GRACE_MS, LINGER_MS } from './session.js';
import type { Session, SessionContext, SessionLimits } from './session-context.js';

/** Requests that a client may have under way at once; what RFC 9113 section 6.5.2 recommends as a minimum is 100. */
const MAX_STREAMS = 128;
/** Above what the parser takes, so that it is the parser that refuses, with 431. */
const MAX_FIELDS = 256;
/** What a field counts for besides its bytes (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;
/** In a GOAWAY that only announces the end: requests that are on their way are still answered (section 6.8). */
const ALL_STREAMS = 2 ** 31 - 1;

export class Http2Session implements Session, Timed, StreamOwner {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  place = 0;
  readonly peer: Peer;
  readonly context: SessionContext;
  readonly services: SecureServices;
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session;
  readonly #startedMs: number;
  readonly #streams = new Set<Http2Stream>();
  #served = 0;
  #isStalled = false;
  #leavingSinceMs: number | undefined;
  #readBytes = 0;
  #writtenBytes = 0;

  constructor(socket: TLSSocket, peer: Peer, services: SecureServices, context: SessionContext) {
    this.peer = peer;
    this.context = context;
    this.services = services;
    this.#socket = socket;
    context.tick();
    this.#startedMs = context.clock.steadyMs;
    // A client that has closed its direction can take part in nothing any more.
    socket.allowHalfOpen = false;
    const session = performServerHandshake(socket, optionsOf(context.limits));
    this.#session = session;
    session.on('stream', (stream, _fields, flags, rawFields: string[] = []) => {
      this.context.tick();
      this.#served++;
      this.#account();
      const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
      const exchange = new Http2Stream(stream, this);
      this.#streams.add(exchange);
      this.#rearm();
      exchange.begin(rawFields, hasBody);
    });
    // Node ends the session by itself; its streams tell what became of them.
    session.on('error', () => undefined);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
    this.#rearm();
  }

  readonly progressed = (): void => {
    this.#isStalled = false;
    this.#account();
  };

  readonly stalled = (): void => {
    this.#isStalled = true;
  };

  readonly ended = (stream: Http2Stream): void => {
    this.#streams.delete(stream);
    this.#account();
    // Not even a reset may leave: there is no use in keeping the connection for another request.
    if (this.#isStalled && this.#streams.size === 0) this.#close();
    this.#rearm();
  };

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  /**
   * Ends the session when its streams have ended. What the client sent before it heard of that is answered
   * too: it has heard when it has answered a PING that was sent after the announcement.
   */
  drain(): void {
    const session = this.#session;
    if (this.#leavingSinceMs !== undefined || session.closed || session.destroyed) return;
    this.context.tick();
    this.#leavingSinceMs = this.context.clock.steadyMs;
    session.goaway(constants.NGHTTP2_NO_ERROR, ALL_STREAMS);
    session.ping(() => this.#close());
    this.#rearm();
  }

  onDeadline(): void {
    this.context.tick();
    if (this.#session.closed || this.#session.destroyed) this.destroy();
    else this.#close();
  }

  /** No further request is taken; node closes the socket when none is left. */
  #close(): void {
    if (this.#session.closed || this.#session.destroyed) return;
    this.#session.close();
    this.#rearm();
  }

  #rearm(): void {
    this.context.deadlines.arm(this, this.#deadline());
  }

  #deadline(): number {
    const { limits, clock } = this.context;
    const now = clock.steadyMs;
    if (this.#session.closed) return this.#streams.size > 0 ? Number.POSITIVE_INFINITY : now + LINGER_MS;
    if (this.#leavingSinceMs !== undefined) return this.#leavingSinceMs + FRESH_GRACE_MS;
    if (this.#streams.size > 0) return Number.POSITIVE_INFINITY;
    return this.#served > 0 ? now + limits.keepAliveMs : this.#startedMs + limits.headerMs;
  }

  /** Frames count, in plain text, as node knows of them. */
  #account(): void {
    const { bytesRead, bytesWritten } = this.#socket;
    const { counters, transport } = this.services;
    if (bytesRead === this.#readBytes && bytesWritten === this.#writtenBytes) return;
    counters.received(bytesRead - this.#readBytes);
    counters.sent(bytesWritten - this.#writtenBytes);
    this.#readBytes = bytesRead;
    this.#writtenBytes = bytesWritten;
    transport.afterCommit(() => undefined);
  }

  #onClose(): void {
    // Now, so that it is on record with the end of the connection.
    for (const stream of [...this.#streams]) stream.abandon();
    this.#account();
    this.context.deadlines.disarm(this);
    this.context.gone(this);
  }
}

function optionsOf(limits: SessionLimits): ServerOptions {
  return {
    maxHeaderListPairs: MAX_FIELDS,
    settings: {
      enablePush: false,
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: 2 * (limits.maxHeaderBytes + limits.maxUrlBytes) + MAX_FIELDS * FIELD_OVERHEAD_BYTES,
    },
  };
}
