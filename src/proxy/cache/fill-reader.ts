/** One who takes a body that is on its way: as fast as he wants, from its first byte. */
import type { BodySink, BodySource } from '../../http/body-source.js';

/** What readers see of the body. */
export interface FillPieces {
  /** The piece at a place; undefined when it has not come yet. */
  piece(place: number): Uint8Array | undefined;
  /** True when no piece comes after those that are there. */
  readonly isOver: boolean;
  /** Why it is not whole; undefined when it is, or is not over. */
  readonly error: Error | undefined;
  /** A reader has come on. */
  advanced(): void;
  /** A reader wants no more. */
  left(reader: FillReader): void;
}

export class FillReader implements BodySource {
  /** Pieces that were given. */
  place = 0;
  readonly #fill: FillPieces;
  #sink: BodySink | undefined;
  #isPaused = false;
  #isPumping = false;
  #isAsked = false;

  constructor(fill: FillPieces) {
    this.#fill = fill;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.pump();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.pump();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#fill.left(this);
  }

  /** Gives what there is, as far as it is wanted, and the end after it. */
  pump(): void {
    // What is given may make its taker pause, resume or cancel at once, and the upstream send more.
    this.#isAsked = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#isAsked) {
      this.#isAsked = false;
      this.#give();
    }
    this.#isPumping = false;
  }

  #give(): void {
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      this.place++;
      this.#sink?.data(piece);
    }
    if (this.#sink === undefined) return;
    this.#fill.advanced();
    if (!this.#fill.isOver || this.#fill.piece(this.place) !== undefined) return;
    const sink = this.#sink;
    this.#sink = undefined;
    this.#fill.left(this);
    if (this.#fill.error === undefined) sink.end();
    else sink.fail(this.#fill.error);
  }

  #next(): Uint8Array | undefined {
    return this.#isPaused || this.#sink === undefined ? undefined : this.#fill.piece(this.place);
  }
}
