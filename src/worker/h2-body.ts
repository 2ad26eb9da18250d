/** The body of a request over HTTP/2, on its way to whoever answers it. */
import type { ServerHttp2Stream } from 'node:http2';
import { BodyError, type BodySink, type BodySource } from '../http/body-source.js';

export class H2Body implements BodySource {
  readonly #stream: ServerHttp2Stream;
  readonly #maxBytes: number;
  #sink: BodySink | undefined;
  readonly #watch: (isAwaited: boolean) => void;
  #bytes = 0;

  /** @param watch called each time that the client has some time for the next bytes, or need not hurry */
  constructor(stream: ServerHttp2Stream, maxBytes: number, watch: (isAwaited: boolean) => void) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#watch = watch;
  }

  start(sink: BodySink): void {
    const stream = this.#stream;
    this.#sink = sink;
    stream.on('data', (bytes: Buffer) => this.#onData(bytes));
    stream.on('end', () => this.#onEnd());
    stream.on('close', () => this.breakOff(new BodyError(400, 'The client is gone.')));
    this.#watch(true);
    // Node tells of the end of an empty body whether anybody asks or not.
    if (stream.readableEnded || stream.destroyed) this.#onEnd();
  }

  pause(): void {
    this.#stream.pause();
    this.#watch(false);
  }

  resume(): void {
    this.#stream.resume();
    this.#watch(this.#sink !== undefined);
  }

  /** What comes is taken off the connection all the same. */
  cancel(): void {
    this.#over();
    this.#stream.resume();
  }

  /** No more of it will come. */
  breakOff(error: BodyError): void {
    this.#over()?.fail(error);
  }

  #onEnd(): void {
    const { aborted, closed, destroyed } = this.#stream;
    // Node ends it too when the client takes its request back.
    if (aborted || closed || destroyed) {
      this.breakOff(new BodyError(400, 'The client has taken its request back.'));
    } else this.#over()?.end();
  }

  #onData(bytes: Buffer): void {
    this.#bytes += bytes.length;
    this.#watch(this.#sink !== undefined);
    if (this.#bytes <= this.#maxBytes) this.#sink?.data(bytes);
    else this.breakOff(new BodyError(413, 'The body is larger than this server takes.'));
  }

  #over(): BodySink | undefined {
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink !== undefined) this.#watch(false);
    return sink;
  }
}
