/**
 * One request that an upstream answers, on a connection of HTTP/1.1: the body that comes in, the one that
 * goes out, and the tunnel that may follow. The session says when; what is sent first is the outbox's.
 *
 *     client ──► parser ──pull──► incoming ──► upstream
 *     client ◄── connection ◄── sender ◄────── upstream
 */
import type { Asker } from '../http/asker.js';
import { BodyError } from '../http/body-source.js';
import type { RequestParser } from '../http/parser.js';
import type { StreamBody } from '../http/reply.js';
import type { Connection, Peer } from '../transport/connection.js';
import { IncomingBody } from './incoming-body.js';
import { type StreamEvents, StreamSender } from './stream-sender.js';
import type { Tunnel } from './tunnel.js';

export interface RelayOptions {
  readonly connection: Connection;
  readonly parser: RequestParser;
  readonly maxBodyBytes: number;
  /** How long no byte of the body may come, in milliseconds. */
  readonly idleMs: number;
  /** More of the body may be taken: the session calls `pull`. */
  readonly wanted: () => void;
  readonly hasBody: boolean;
  /** Sends an interim response, if this is still the time for one. */
  readonly interim: (status: number, fields: string) => void;
}

export class Relay implements Asker {
  readonly body: IncomingBody | undefined;
  readonly #options: RelayOptions;
  #isReceived: boolean;
  #isPulling = false;
  #sender: StreamSender | undefined;
  #tunnel: Tunnel | undefined;
  #gone: (() => void) | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#isReceived = !options.hasBody;
    this.body = options.hasBody ? new IncomingBody(options.wanted) : undefined;
  }

  get peer(): Peer {
    return this.#options.connection.peer;
  }

  get secure(): boolean {
    return this.#options.connection.isBound === true;
  }

  onGone(callback: () => void): void {
    this.#gone = callback;
  }

  interim(status: number, fields: string): void {
    this.#options.interim(status, fields);
  }

  /** How long no byte of the body may come, in milliseconds. */
  get idleMs(): number {
    return this.#options.idleMs;
  }

  /** All of the request was read, or will not be. */
  get isReceived(): boolean {
    return this.#isReceived;
  }

  /** The upstream waits for more of the request. */
  get isWaiting(): boolean {
    return !this.#isReceived && this.body?.wants === true;
  }

  /** The upstream says what is sent, and when. */
  get isStreaming(): boolean {
    return this.#sender !== undefined || this.#tunnel !== undefined;
  }

  get isTunnel(): boolean {
    return this.#tunnel !== undefined;
  }

  /** Gives the body what has come, as far as it is wanted. `ended`: the client sends no more. */
  pull(ended: boolean): void {
    const { body } = this;
    const { parser, maxBodyBytes } = this.#options;
    if (body === undefined || this.#isPulling) return;
    this.#isPulling = true;
    while (!this.#isReceived && body.wants) {
      const event = parser.next();
      if (event === 'content') {
        if (parser.contentReceived > maxBodyBytes) this.breakOff(tooLarge());
        else body.sink.data(Buffer.from(parser.bytes.subarray(parser.contentStart, parser.contentEnd)));
      } else if (event === 'end') {
        this.#isReceived = true;
        body.sink.end();
      } else if (event === 'error') this.breakOff(new BodyError(400, parser.error!.message));
      else if (ended) this.breakOff(new BodyError(400, 'The body ended before it was whole.'));
      else break;
    }
    this.#isPulling = false;
  }

  /** The rest of the request will not come. */
  breakOff(error: BodyError): void {
    if (this.#isReceived) return;
    this.#isReceived = true;
    this.body?.sink.fail(error);
  }

  send(body: StreamBody, isChunked: boolean, { wrote, done }: StreamEvents): void {
    this.#sender = new StreamSender(this.#options.connection, body, isChunked, {
      wrote,
      done: (error) => {
        this.#sender = undefined;
        done(error);
      },
    });
    this.#sender.start();
  }

  open(tunnel: Tunnel): void {
    this.#tunnel = tunnel;
    const { connection, parser } = this.#options;
    // It may have been paused, with so many bytes ahead of the answer.
    connection.resume();
    const rest = parser.unused();
    tunnel.toUpstream(rest, rest.length);
  }

  /** Bytes came that belong to the tunnel. */
  toTunnel(bytes: Buffer, length: number): void {
    this.#tunnel?.toUpstream(bytes, length);
  }

  onFlushed(): void {
    this.#sender?.onFlushed();
    this.#tunnel?.onFlushed();
  }

  onEnd(): void {
    this.#tunnel?.onEnd();
  }

  /** The client is gone. */
  onClose(): void {
    this.breakOff(new BodyError(400, 'The client is gone.'));
    this.#sender?.cancel();
    this.#tunnel?.destroy();
    this.#gone?.();
  }
}

function tooLarge(): BodyError {
  return new BodyError(413, 'The body is larger than this server takes.');
}
