/** A body on its way to an upstream, as the stream that undici reads. */
import { Readable } from 'node:stream';
import type { BodySource } from '../http/body-source.js';

export class BodyStream extends Readable {
  readonly #source: BodySource;
  #started = false;

  constructor(source: BodySource) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
  }

  /** True when some of it may be gone, so that it cannot be sent again. */
  get hasStarted(): boolean {
    return this.#started;
  }

  override _read(): void {
    if (this.#started) {
      this.#source.resume();
      return;
    }
    this.#started = true;
    this.#source.start({
      data: (bytes) => {
        if (!this.push(bytes)) this.#source.pause();
      },
      end: () => this.push(null),
      fail: (error) => this.destroy(error),
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.cancel();
    callback(error);
  }
}
