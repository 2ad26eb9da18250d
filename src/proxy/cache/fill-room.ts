/** What the bodies on their way from upstreams take of a worker's memory, all of them together. */
export class FillRoom {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when it is more than should be. */
  get isOver(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** So much more is held. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** It is held no longer. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
