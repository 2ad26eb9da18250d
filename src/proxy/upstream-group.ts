/**
 * Upstreams that stand in for one another: each request goes to the next in turn that could be reached
 * lately, and to another one when that is safe (RFC 9110 section 9.2.2).
 */
import type { BodyStream } from './body-stream.js';
import type { Upstream, UpstreamRequest } from './upstream.js';
import type { UpstreamExchange } from './upstream-exchange.js';
import { UpstreamError, type UpstreamReply } from './upstream-reply.js';

/** Asking twice is the same as asking once (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'COPY', 'MOVE']);

/** One request, whichever upstream it goes to. */
export interface GroupRequest {
  readonly method: string;
  readonly body: BodyStream | undefined;
  requestTo(upstream: Upstream): UpstreamRequest;
  /** What an upstream has answered, in words that mean the same on this side. */
  translated(reply: UpstreamReply, upstream: Upstream): UpstreamReply;
  /** Called with each exchange that is begun, to be able to cancel it. */
  began(exchange: UpstreamExchange): void;
}

/** What is counted of requests to upstreams. */
export interface UpstreamCounters {
  asked(): void;
  /** The head of a response came, so long after the request. */
  answered(durationMs: number): void;
  failed(): void;
}

export class UpstreamGroup {
  readonly #upstreams: readonly Upstream[];
  readonly #now: () => number;
  readonly #counters: UpstreamCounters;
  #turn = 0;

  /** @param now milliseconds of a steady clock */
  constructor(upstreams: readonly Upstream[], now: () => number, counters: UpstreamCounters) {
    this.#upstreams = upstreams;
    this.#counters = counters;
    this.#now = now;
  }

  /** Rejects with UpstreamError. */
  async send(request: GroupRequest): Promise<UpstreamReply> {
    const order = this.#order();
    for (const [attempt, upstream] of order.entries()) {
      const startedMs = this.#now();
      this.#counters.asked();
      const exchange = upstream.send(request.requestTo(upstream));
      request.began(exchange);
      try {
        const reply = await exchange.reply;
        this.#counters.answered(this.#now() - startedMs);
        upstream.note(undefined, this.#now());
        return request.translated(reply, upstream);
      } catch (error) {
        this.#counters.failed();
        if (!(error instanceof UpstreamError)) throw error;
        upstream.note(error, this.#now());
        if (exchange.isCancelled) throw error;
        const next = order[attempt + 1];
        // Asking an upstream again that cannot be reached is of no use; one that has closed a connection which it
        // no longer wanted was only asked at the wrong moment.
        if (next === undefined || (next === upstream && error.isUnsent)) throw error;
        if (!mayRepeat(request, error)) throw error;
      }
    }
    throw new UpstreamError(502, 'there is no upstream', true);
  }

  async close(): Promise<void> {
    await Promise.all(this.#upstreams.map((upstream) => upstream.close()));
  }

  /** Those that are down come last. A single one may be asked twice. */
  #order(): Upstream[] {
    const upstreams = this.#upstreams;
    const nowMs = this.#now();
    const first = this.#turn++ % upstreams.length;
    const inTurn = [...upstreams.slice(first), ...upstreams.slice(0, first)];
    if (inTurn.length === 1) return [inTurn[0]!, inTurn[0]!];
    return [
      ...inTurn.filter((upstream) => !upstream.isDown(nowMs)),
      ...inTurn.filter((upstream) => upstream.isDown(nowMs)),
    ];
  }
}

function mayRepeat({ method, body }: GroupRequest, error: UpstreamError): boolean {
  if (body !== undefined && (body.hasStarted || body.destroyed)) return false;
  // A timeout is an answer of a kind: the request may be at work.
  return error.isUnsent || (error.status === 502 && IDEMPOTENT.has(method));
}
