/** `sum`: one number on each line; their sum, count, least, greatest and mean, as JSON. */
import type { Reducer } from './reducer.js';
import { Total } from './total.js';

/** Longer lines are refused, so that memory is bounded, and every sum is far from what a number can be at most. */
const LONGEST_LINE = 256;
const SHOWN = 40;
/** So many digits are exact as a number, whatever they are. */
const SAFE_DIGITS = 15;

const ZERO = 0x30;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;

/** Lines may end in CRLF and have white space around the number; empty ones do not count. */
export class Sum implements Reducer {
  readonly #total = new Total();
  #count = 0;
  #least: number | bigint | undefined;
  #greatest: number | bigint | undefined;
  /** The line that the last chunk broke off in. */
  #begun = '';
  /** Of the part. */
  #line = 0;

  add(chunk: Buffer): void {
    const lines = (this.#begun + chunk.toString('latin1')).split('\n');
    this.#begun = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
    if (this.#begun.length > LONGEST_LINE) throw this.#tooLong(this.#line + 1);
  }

  endPart(): void {
    this.#take(this.#begun);
    this.#begun = '';
    this.#line = 0;
  }

  *finish(): Iterable<string> {
    const sum = this.#total.value;
    if (!Number.isFinite(Number(sum))) throw new Error('the sum is larger than a number can be');
    const mean = this.#count === 0 ? null : Number(sum) / this.#count;
    // Not by JSON.stringify, which takes no BigInt. All that stands here is written in JSON as in a template.
    yield `{"sum":${sum},"count":${this.#count},"min":${this.#least ?? null},"max":${this.#greatest ?? null},"mean":${mean}}\n`;
  }

  #take(line: string): void {
    this.#line++;
    if (line.length > LONGEST_LINE) throw this.#tooLong(this.#line);
    const text = line.trim();
    if (text === '') return;
    const value = plainInteger(text) ?? numberOf(text);
    if (value === undefined) throw new Error(`line ${this.#line} is no number: ${shown(text)}`);
    this.#total.add(value);
    this.#count++;
    if (this.#least === undefined || value < this.#least) this.#least = value;
    if (this.#greatest === undefined || value > this.#greatest) this.#greatest = value;
  }

  #tooLong(line: number): Error {
    return new Error(`line ${line} is longer than ${LONGEST_LINE} bytes`);
  }
}

/** Digits and nothing else, which is what there is most of: a regular expression takes several times as long. */
function plainInteger(text: string): number | undefined {
  if (text.length > SAFE_DIGITS) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Undefined where it is none, or too large to be one. */
function numberOf(text: string): number | bigint | undefined {
  if (!NUMBER.test(text)) return undefined;
  if (text.length > SAFE_DIGITS && INTEGER.test(text)) return BigInt(text.replace('+', ''));
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
