/**
 * One request and its response, as the counters and the access log see it: begun when the head is
 * read, counted when the response is decided, finished when its last byte has been given to the kernel.
 */
import type { Clock } from '../http/clock.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { FIELD } from '../stats/schema.js';
import type { SlotWriter } from '../stats/scoreboard.js';
import type { Connection } from '../transport/connection.js';
import type { AccessLog } from './access-log.js';
import { type RequestText, RequestTexts } from './request-text.js';

export interface Exchange {
  readonly startedMs: number;
  readonly keepAlive: boolean;
  readonly minor: 0 | 1;
  /** What the access log says of it and of who asked; undefined when there is none. */
  readonly request: RequestText | undefined;
  readonly remote: string;
  /** Undefined until the response is decided. */
  reply: Reply | undefined;
  /** Bytes queued on the connection before the body. */
  bodyStart: number;
  /** Bytes of a body that came from elsewhere, once all were written. */
  streamedBytes: number | undefined;
}

/** Makes, counts and finishes the exchanges of a worker. */
export class ExchangeRecorder {
  readonly #counters: Float64Array;
  readonly #slot: SlotWriter;
  readonly #clock: Clock;
  readonly #log: AccessLog | undefined;
  readonly #texts = new RequestTexts();

  constructor(slot: SlotWriter, clock: Clock, log: AccessLog | undefined) {
    this.#slot = slot;
    this.#counters = slot.counters;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * A request begins; of one that is refused, `head` holds what could be read.
   *
   * @param protocol where the head does not tell
   */
  begin(head: RequestHead, from: Pick<Connection, 'peer'>, protocol?: string): Exchange {
    const isLogged = this.#log !== undefined;
    return {
      startedMs: this.#clock.steadyMs,
      keepAlive: head.keepAlive,
      minor: head.minor,
      request: isLogged ? this.#texts.of(head, protocol) : undefined,
      remote: isLogged ? from.peer.address : '',
      reply: undefined,
      bodyStart: 0,
      streamedBytes: undefined,
    };
  }

  /** The response is decided and about to be sent. */
  count(exchange: Exchange, reply: Reply): void {
    exchange.reply = reply;
    const counters = this.#counters;
    if (reply.monitoring === true) {
      counters[FIELD.monitoringRequests]! += 1;
      return;
    }
    counters[FIELD.requests]! += 1;
    countStatus(counters, reply.status);
    countCache(counters, reply.cache);
  }

  /** The last byte is with the kernel, or the connection is gone. `sent`: bytes of the body that left. */
  finish(exchange: Exchange, sent: number): void {
    const { reply, request, remote } = exchange;
    if (reply === undefined || reply.monitoring === true) return;
    const durationUs = (this.#clock.steadyMs - exchange.startedMs) * 1000;
    this.#slot.recordLatency(durationUs);
    if (request === undefined) return;
    const { status, cache } = reply;
    this.#log?.write({ remote, request, status, bytes: sent, durationUs, cache });
  }

  aborted(): void {
    this.#counters[FIELD.aborts]! += 1;
  }

  timedOut(): void {
    this.#counters[FIELD.timeouts]! += 1;
  }
}

function countStatus(counters: Float64Array, status: number): void {
  switch (status) {
    case 200:
      counters[FIELD.status200]! += 1;
      break;
    case 206:
      counters[FIELD.status206]! += 1;
      break;
    case 304:
      counters[FIELD.status304]! += 1;
      break;
    case 404:
      counters[FIELD.status404]! += 1;
      break;
  }
  if (status < 300) counters[FIELD.status2xx]! += 1;
  else if (status < 400) counters[FIELD.status3xx]! += 1;
  else if (status < 500) counters[FIELD.status4xx]! += 1;
  else counters[FIELD.status5xx]! += 1;
}

function countCache(counters: Float64Array, state: Reply['cache']): void {
  switch (state) {
    case 'HIT':
      counters[FIELD.cacheHit]! += 1;
      break;
    case 'MISS':
      counters[FIELD.cacheMiss]! += 1;
      break;
    case 'EXPIRED':
      counters[FIELD.cacheExpired]! += 1;
      break;
    case 'REVALIDATED':
      counters[FIELD.cacheRevalidated]! += 1;
      break;
    case 'STALE':
      counters[FIELD.cacheStale]! += 1;
      break;
    case 'UPDATING':
      counters[FIELD.cacheUpdating]! += 1;
      break;
    case 'BYPASS':
      counters[FIELD.cacheBypass]! += 1;
      break;
  }
}
