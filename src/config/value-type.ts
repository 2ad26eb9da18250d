/**
 * What a kind of value is: how it is written, read and printed. The kinds themselves stand in
 * values.ts (numbers, words), values-paths.ts and values-http.ts; the settings that use them in table.ts.
 */

/** Why a text is not a value, without the key or the place: those are added by whoever knows them. */
export interface Refusal {
  readonly problem: string;
  /** What would be right. */
  readonly hint?: string | undefined;
}

export type Parsed<T> = { readonly value: T } | Refusal;

/** How a flag may stand without a value: `--spa`, `--no-spa`. */
export interface Switch {
  /** The text that the flag alone stands for. */
  readonly on: string;
  /** The text that `--no-` and the flag stand for. */
  readonly off: string;
  /** True when the word after the flag can only be its value, and not the directory to serve. */
  takes(word: string): boolean;
}

export interface ValueType<T> {
  /** Stands for the value in the help: `N`, `PATH`, `on|off`. */
  readonly placeholder: string;
  /** What is accepted, in words that complete "must be ...". */
  readonly accepts: string;
  /** Reads one text. `base` is the absolute directory that relative paths start from. */
  parse(text: string, base: string): Parsed<T>;
  /** The texts that give the value when they are read again: one, or one for each rule of a repeatable key. */
  format(value: T): readonly string[];
  /** Present when the key may be given several times: puts the parts together. */
  combine?(parts: readonly T[]): T;
  readonly switch?: Switch;
}

/** Narrows the outcome of `parse`. */
export function isRefusal<T>(parsed: Parsed<T>): parsed is Refusal {
  return 'problem' in parsed;
}
