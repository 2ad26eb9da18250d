/** A body that is there already, as one that comes piece by piece. */
import type { BodySink, BodySource } from '../http/body-source.js';

/** Gives its bytes in one piece. */
export class BufferSource implements BodySource {
  readonly #bytes: Buffer;
  #sink: BodySink | undefined;
  #paused = false;
  #given = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#give();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#give();
  }

  cancel(): void {
    this.#sink = undefined;
  }

  #give(): void {
    if (this.#paused || this.#sink === undefined) return;
    if (!this.#given) {
      this.#given = true;
      if (this.#bytes.length > 0) this.#sink.data(this.#bytes);
      // The sink may have had enough, or enough for now.
      if (this.#paused) return;
    }
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end();
  }
}
