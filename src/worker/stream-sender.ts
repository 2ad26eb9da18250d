/**
 * Sends a body that comes from elsewhere to a client over HTTP/1.1, in chunks where its length is not known
 * (RFC 9112 section 7.1). Holds the source back while the client does not keep up.
 */
import type { BodySink, BodySource } from '../http/body-source.js';
import type { StreamBody } from '../http/reply.js';
import type { Connection } from '../transport/connection.js';

/** So much may wait for the client before the source is paused. */
const HIGH_WATER_BYTES = 128 * 1024;

const LINE_END = Buffer.from('\r\n', 'latin1');
const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');

/** What a session hears of a body that is sent. */
export interface StreamEvents {
  /** Bytes wait to be taken by the client. */
  wrote(): void;
  /** Called once: all was written, or why it cannot be. Not when it was cancelled. */
  done(error: Error | undefined): void;
}

export class StreamSender implements BodySink {
  readonly #connection: Connection;
  readonly #source: BodySource;
  readonly #isChunked: boolean;
  readonly #events: StreamEvents;
  /** Bytes that are still to come; undefined when that is not known. */
  #left: number | undefined;
  #paused = false;
  #isOver = false;

  constructor(
    connection: Connection,
    { source, length }: StreamBody,
    isChunked: boolean,
    events: StreamEvents,
  ) {
    this.#connection = connection;
    this.#source = source;
    this.#left = length;
    this.#isChunked = isChunked;
    this.#events = events;
  }

  start(): void {
    this.#source.start(this);
  }

  data(bytes: Uint8Array): void {
    if (this.#isOver || bytes.length === 0) return;
    const connection = this.#connection;
    if (this.#left !== undefined) {
      this.#left -= bytes.length;
      if (this.#left < 0) {
        this.#source.cancel();
        this.fail(new Error('the body is longer than was announced'));
        return;
      }
    }
    if (this.#isChunked) {
      connection.write(Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1'));
      connection.write(bytes);
      connection.write(LINE_END);
    } else connection.write(bytes);
    if (this.#left === 0) {
      // The client has all of it, and may leave before the source says so.
      this.end();
      if (this.#paused) this.#source.resume();
      return;
    }
    this.#events.wrote();
    if (this.#paused || connection.unsentBytes <= HIGH_WATER_BYTES) return;
    this.#paused = true;
    this.#source.pause();
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#left !== undefined && this.#left > 0) {
      this.fail(new Error('the body is shorter than was announced'));
      return;
    }
    this.#isOver = true;
    if (this.#isChunked) this.#connection.write(LAST_CHUNK);
    this.#events.done(undefined);
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.done(error);
  }

  /** All that was written has left. */
  onFlushed(): void {
    if (!this.#paused || this.#isOver) return;
    this.#paused = false;
    this.#source.resume();
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.cancel();
  }
}
