/** `lines`: the parts, one after another, where each is made of whole lines. */
import type { Emit, Reducer } from './reducer.js';

const LF = 0x0a;

/** Like concat, but a part whose last line has no end gets one. Lines may be of any length: none is held. */
export class Lines implements Reducer {
  readonly #emit: Emit;
  #isInLine = false;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  add(chunk: Buffer): void {
    this.#emit(chunk);
    this.#isInLine = chunk[chunk.length - 1] !== LF;
  }

  endPart(): void {
    if (this.#isInLine) this.#emit('\n');
    this.#isInLine = false;
  }
}
