/** `count`: how much there is, as JSON. */
import type { Reducer } from './reducer.js';

const LF = 0x0a;

/** Counts parts, bytes, and lines: those that `lines` would give, so that a last line without an end is one too. */
export class Count implements Reducer {
  #parts = 0;
  #bytes = 0;
  #lines = 0;
  #isInLine = false;

  add(chunk: Buffer): void {
    // A loop, because a call of indexOf for each line takes longer where lines are short.
    for (let i = 0; i < chunk.length; i++) if (chunk[i] === LF) this.#lines++;
    this.#bytes += chunk.length;
    this.#isInLine = chunk[chunk.length - 1] !== LF;
  }

  endPart(): void {
    if (this.#isInLine) this.#lines++;
    this.#isInLine = false;
    this.#parts++;
  }

  *finish(): Iterable<string> {
    yield `${JSON.stringify({ parts: this.#parts, bytes: this.#bytes, lines: this.#lines })}\n`;
  }
}
