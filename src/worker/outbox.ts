/**
 * The responses of a session on their way out: written in the order of their requests, finished when the
 * kernel has taken their last byte. Decides nothing; what is sent and what follows is the session's.
 */
import type { Clock } from '../http/clock.js';
import type { FileBody, Reply, StreamBody } from '../http/reply.js';
import { PreparedReply, serialiseHead } from '../http/serialise.js';
import type { Connection, SendFileOutcome } from '../transport/connection.js';
import type { Exchange, ExchangeRecorder } from './exchange.js';

export interface OutboxOptions {
  readonly clock: Clock;
  readonly recorder: ExchangeRecorder;
  readonly serverTiming: boolean;
}

/** More responses than this on their way, and it is looked which of them have left. */
const MAX_UNFLUSHED = 64;

export class Outbox {
  readonly #connection: Connection;
  readonly #options: OutboxOptions;
  /** Responses written and not yet taken by the kernel. */
  #unflushed: Exchange[] = [];

  constructor(connection: Connection, options: OutboxOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Bytes that the kernel has taken since the connection was made. */
  get takenBytes(): number {
    return this.#connection.queuedBytes - this.#connection.unsentBytes;
  }

  /**
   * Counts a response and writes it. A body on disk is left to `sendFile`, one that comes from elsewhere to
   * whoever relays it, and to `finishStream`.
   *
   * @param keep whether the connection goes on after it
   * @param isChunked the body will be sent in chunks
   */
  write(exchange: Exchange, reply: Reply, keep: boolean, isChunked = false): void {
    const { clock, recorder, serverTiming } = this.#options;
    const connection = this.#connection;
    recorder.count(exchange, reply);
    const persistence = keep ? (exchange.minor === 0 ? 'keep-alive' : '') : 'close';
    if (reply instanceof PreparedReply && !serverTiming) {
      for (const bytes of reply.wire(clock, persistence)) connection.write(bytes);
      exchange.bodyStart = connection.queuedBytes - bodyLength(reply);
      this.#unflushed.push(exchange);
      return;
    }
    const timing = serverTiming ? timingLine(reply, clock.steadyMs - exchange.startedMs) : '';
    const extra = isChunked ? `Transfer-Encoding: chunked\r\n${timing}` : timing;
    connection.write(serialiseHead(reply, clock, persistence, extra));
    exchange.bodyStart = connection.queuedBytes;
    if (isFileBody(reply.body) || isStreamBody(reply.body) || reply.tunnel !== undefined) return;
    for (const bytes of piecesOf(reply.body)) connection.write(bytes);
    this.#unflushed.push(exchange);
  }

  /** Sends the body of a response from disk; finishes the exchange when all of it was sent. */
  async sendFile(exchange: Exchange, body: FileBody): Promise<SendFileOutcome> {
    const outcome = await this.#connection.sendFile(body.file, body.parts);
    if (outcome === 'sent') {
      this.#options.recorder.finish(exchange, this.#connection.queuedBytes - exchange.bodyStart);
    }
    return outcome;
  }

  /** All of a body that came from elsewhere was written. */
  endStream(exchange: Exchange): void {
    exchange.streamedBytes = this.#connection.queuedBytes - exchange.bodyStart;
    this.#unflushed.push(exchange);
  }

  /** A tunnel has come to its end, which is as good as any other. */
  endTunnel(exchange: Exchange): void {
    this.#options.recorder.finish(exchange, Math.max(0, this.takenBytes - exchange.bodyStart));
  }

  /** All that was written has left. */
  onFlushed(): void {
    const flushed = this.#unflushed;
    if (flushed.length === 0) return;
    this.#unflushed = [];
    for (const exchange of flushed) this.#finish(exchange);
  }

  /** A client that goes on asking while it reads: finishes what has left, though others wait behind it. */
  relieve(): void {
    if (this.#unflushed.length <= MAX_UNFLUSHED) return;
    const taken = this.takenBytes;
    const waiting = this.#unflushed.findIndex(
      (exchange) => exchange.bodyStart + bodyLengthOf(exchange) > taken,
    );
    const done = this.#unflushed.splice(0, waiting < 0 ? this.#unflushed.length : waiting);
    for (const exchange of done) this.#finish(exchange);
  }

  /** The connection is gone: finishes what was under way, `current` among it, with the bytes that left. */
  abandon(current: Exchange | undefined): void {
    const { recorder } = this.#options;
    const taken = this.takenBytes;
    const unfinished = current === undefined ? this.#unflushed : [...this.#unflushed, current];
    if (unfinished.length > 0) recorder.aborted();
    for (const exchange of unfinished) {
      const sent = taken - exchange.bodyStart;
      recorder.finish(exchange, Math.max(0, Math.min(sent, bodyLengthOf(exchange))));
    }
    this.#unflushed = [];
  }

  #finish(exchange: Exchange): void {
    this.#options.recorder.finish(exchange, bodyLengthOf(exchange));
  }
}

/** With the framing of one that was sent in chunks. */
function bodyLengthOf({ streamedBytes, reply }: Exchange): number {
  return streamedBytes ?? bodyLength(reply);
}

export function isFileBody(body: Reply['body']): body is FileBody {
  // Not `'file' in body`, which is slow for bytes.
  return body !== null && !ArrayBuffer.isView(body) && 'file' in body;
}

export function isStreamBody(body: Reply['body']): body is StreamBody {
  return body !== null && !ArrayBuffer.isView(body) && 'source' in body;
}

/** A reply that is not sent: lets go of what was opened for it. */
export function discard({ body, tunnel }: Reply): void {
  if (isFileBody(body)) body.file.close();
  else if (isStreamBody(body)) body.source.cancel();
  tunnel?.destroy();
}

/** A body in memory, in the pieces that it consists of. */
export function piecesOf(body: Exclude<Reply['body'], FileBody | StreamBody>): readonly Buffer[] {
  if (body === null) return [];
  return Buffer.isBuffer(body) ? [body] : body;
}

/** Length of a reply's body in bytes; Infinity when that is not known. */
export function bodyLength(reply: Reply | undefined): number {
  if (reply === undefined || reply.body === null) return 0;
  if (Buffer.isBuffer(reply.body)) return reply.body.length;
  if (isStreamBody(reply.body)) return reply.body.length ?? Number.POSITIVE_INFINITY;
  const parts = isFileBody(reply.body) ? reply.body.parts : reply.body;
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Server-Timing (W3C), for the network panel of a browser. */
export function timingLine(reply: Reply, durationMs: number): string {
  const cache = reply.cache === '' ? '' : `cache;desc=${reply.cache}, `;
  return `Server-Timing: ${cache}total;dur=${durationMs.toFixed(2)}\r\n`;
}
