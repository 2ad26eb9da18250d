/**
 * Field values that are lists (RFC 9110 section 5.6.1), and lists whose elements carry a weight (12.4.2).
 * Every function takes any string and runs in linear time.
 */

/** An element of Accept, Accept-Encoding and their like. */
export interface WeightedElement {
  /** What stands before the parameters, in lower case; not checked further. */
  readonly name: string;
  /** 0 (not acceptable) to 1. */
  readonly q: number;
}

/** `qvalue`: at most three decimals, not above 1. */
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;
const NAMED_Q = /^q[ \t]*(?:=|$)/i;

/** The elements of a list, without the white space around them; empty ones are skipped (5.6.1.2). */
export function splitList(value: string): string[] {
  return splitOutsideQuotes(value, ',').filter((element) => element !== '');
}

/**
 * Reads a list of weighted elements. An element whose weight is malformed is skipped. Parameters other
 * than `q` are ignored.
 */
export function parseWeightedList(value: string): WeightedElement[] {
  const elements: WeightedElement[] = [];
  for (const element of splitList(value)) {
    const [name, ...parameters] = splitOutsideQuotes(element, ';');
    const q = weightOf(parameters);
    if (name !== undefined && name !== '' && q !== undefined) elements.push({ name: name.toLowerCase(), q });
  }
  return elements;
}

function weightOf(parameters: readonly string[]): number | undefined {
  const weight = parameters.find((parameter) => NAMED_Q.test(parameter));
  if (weight === undefined) return 1;
  const digits = WEIGHT.exec(weight)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Splits where the separator stands outside a quoted-string (5.6.4); an open quote reaches to the end. */
function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') quoted = !quoted;
    else if (quoted && char === '\\') at++;
    else if (!quoted && char === separator) {
      parts.push(trimSpace(text.slice(start, at)));
      start = at + 1;
    }
  }
  parts.push(trimSpace(text.slice(start)));
  return parts;
}

/** Removes optional white space (5.6.3): not what `trim` removes, and a pattern would take quadratic time. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.slice(start, end);
}

function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\t';
}
