/** One upstream: its connections, which are kept open, and whether it could be reached lately. */
import { Pool } from 'undici';
import type { BodyStream } from './body-stream.js';
import { connector } from './connector.js';
import type { FieldLine } from './fields.js';
import { type OnInterim, UpstreamExchange } from './upstream-exchange.js';
import type { UpstreamError } from './upstream-reply.js';

export interface UpstreamOptions {
  /** How long it may be silent. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
}

/** What is sent to an upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Those that go on, and Host among them. */
  readonly fields: readonly FieldLine[];
  readonly body: BodyStream | undefined;
  /** The protocol to change to; undefined: none. */
  readonly upgrade: string | undefined;
  readonly onInterim: OnInterim;
}

/** How long an upstream that cannot be reached is asked last. */
const DOWN_MS = 10_000;

export class Upstream {
  /** Host and port, as a Host field has them. */
  readonly authority: string;
  /** The path of its URL; `''`: it has none, and is asked for what the client asks for. */
  readonly basePath: string;
  readonly origin: string;
  readonly #pool: Pool;
  #downSinceMs = Number.NEGATIVE_INFINITY;

  /** @param url http or https, and a path or none */
  constructor(url: string, { timeoutMs, connectTimeoutMs, maxConnections }: UpstreamOptions) {
    const { host, origin, pathname } = new URL(url);
    this.authority = host;
    this.origin = origin;
    this.basePath = /^https?:\/\/[^/]+$/i.test(url) ? '' : pathname;
    this.#pool = new Pool(origin, {
      connections: maxConnections,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: connector(connectTimeoutMs),
    });
  }

  /** Begins an exchange. */
  send(request: UpstreamRequest): UpstreamExchange {
    const { method, target, fields, body, upgrade, onInterim } = request;
    const exchange = new UpstreamExchange(method, this.origin, onInterim);
    try {
      this.#pool.dispatch(
        { method, path: target, headers: fields.flat(), body: body ?? null, upgrade: upgrade ?? null },
        exchange,
      );
    } catch (error) {
      // What undici does not want to send, it says by throwing.
      exchange.onResponseError(undefined as never, error as Error);
    }
    return exchange;
  }

  /** It could be reached, or not, at `nowMs`. */
  note(error: UpstreamError | undefined, nowMs: number): void {
    if (error === undefined) this.#downSinceMs = Number.NEGATIVE_INFINITY;
    else if (error.isUnsent && error.status !== 400) this.#downSinceMs = nowMs;
  }

  isDown(nowMs: number): boolean {
    return nowMs - this.#downSinceMs < DOWN_MS;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
