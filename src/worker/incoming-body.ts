/**
 * The body of a request on its way to whoever answers it. It is pulled out of the connection only as fast
 * as it is wanted; what nobody wants any more is thrown away.
 */
import type { BodySink, BodySource } from '../http/body-source.js';

const NOWHERE: BodySink = { data: () => undefined, end: () => undefined, fail: () => undefined };

export class IncomingBody implements BodySource {
  readonly #wanted: () => void;
  #sink: BodySink | undefined;
  #paused = false;

  /** @param wanted called when there is to be more */
  constructor(wanted: () => void) {
    this.#wanted = wanted;
  }

  /** True when bytes may be given. */
  get wants(): boolean {
    return this.#sink !== undefined && !this.#paused;
  }

  /** True when what comes is thrown away. */
  get isDiscarded(): boolean {
    return this.#sink === NOWHERE;
  }

  start(sink: BodySink): void {
    this.#sink ??= sink;
    this.#wanted();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wanted();
  }

  cancel(): void {
    this.#sink = NOWHERE;
    this.resume();
  }

  /** The side of the connection. */
  get sink(): BodySink {
    return this.#sink ?? NOWHERE;
  }
}
