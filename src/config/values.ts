/** The plain kinds of values: whole numbers, on/off, one of several words, lists of words. */
import { nearest } from './suggest.js';
import type { Parsed, ValueType } from './value-type.js';

/**
 * A whole number within bounds.
 *
 * @param options.auto a number that the word `auto` stands for, and what it is in words
 */
export function integer(
  min: number,
  max: number,
  options: { readonly auto?: { readonly value: number; readonly words: string } } = {},
): ValueType<number> {
  const { auto } = options;
  const range = `a whole number from ${min} to ${max}`;
  const accepts = auto === undefined ? range : `${range}, or auto: ${auto.words}`;
  return {
    placeholder: auto === undefined ? 'N' : 'N|auto',
    accepts,
    parse(text) {
      if (auto !== undefined && text.toLowerCase() === 'auto') return { value: auto.value };
      if (!/^\d{1,15}$/.test(text)) return { problem: `must be ${accepts}`, hint: numberHint(text) };
      const value = Number(text);
      return value >= min && value <= max ? { value } : { problem: `must be ${accepts}` };
    },
    format: (value) => [String(value)],
  };
}

function numberHint(text: string): string | undefined {
  // `64MB` and `30 s` are the usual slips; `4k` is none, and is not four.
  const number = /^(\d+) ?(?:[kmg]i?b|ms|s|sec|seconds)$/i.exec(text)?.[1];
  if (number !== undefined) return `write ${number}: the key names the unit`;
  // Kubernetes sets HANDOVER_PORT to a URL in every pod beside a service that is called handover.
  return text.startsWith('tcp://')
    ? 'this was set for a service of that name: switch its service links off'
    : undefined;
}

const TRUE = new Set(['on', 'true', 'yes', '1']);
const FALSE = new Set(['off', 'false', 'no', '0']);

/** What `text` says as an answer to a yes-or-no question, or undefined when it is neither. */
export function asBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return true;
  return FALSE.has(word) ? false : undefined;
}

/** On or off; `true`, `yes`, `1` and their opposites are understood too. */
export const boolean: ValueType<boolean> = {
  placeholder: 'on|off',
  accepts: 'on or off',
  parse(text) {
    const value = asBoolean(text);
    return value === undefined ? { problem: 'must be on or off' } : { value };
  },
  format: (value) => [value ? 'on' : 'off'],
  switch: { on: 'on', off: 'off', takes: (word) => asBoolean(word) !== undefined },
};

/**
 * One of several words.
 *
 * @param refused words that are understood but cannot be had, each with its refusal
 */
export function choice<T extends string>(
  words: readonly T[],
  refused: Readonly<Record<string, string>> = {},
): ValueType<T> {
  const accepts = words.length > 2 ? `one of ${words.join(', ')}` : words.join(' or ');
  return {
    placeholder: words.join('|'),
    accepts,
    parse(text): Parsed<T> {
      const word = text.toLowerCase();
      const value = words.find((candidate) => candidate === word);
      if (value !== undefined) return { value };
      const reason = refused[word];
      if (reason !== undefined) return { problem: reason, hint: `write ${words.join(' or ')}` };
      const near = nearest(text, words);
      return { problem: `must be ${accepts}`, hint: near && `did you mean ${near}?` };
    },
    format: (value) => [value],
  };
}

/** A list of words between spaces or commas, each read by `parseWord`; `off` is the empty list. */
export function list(options: {
  readonly placeholder: string;
  readonly accepts: string;
  readonly empty: string;
  parseWord(word: string): Parsed<string>;
}): ValueType<readonly string[]> {
  const { placeholder, accepts, empty, parseWord } = options;
  return {
    placeholder,
    accepts,
    parse(text) {
      if (text === empty) return { value: [] };
      const words: string[] = [];
      for (const word of text.split(/[\s,]+/).filter((part) => part !== '')) {
        const parsed = parseWord(word);
        if ('problem' in parsed) return parsed;
        if (!words.includes(parsed.value)) words.push(parsed.value);
      }
      return words.length === 0 ? { problem: `must be ${accepts}` } : { value: words };
    },
    format: (value) => [value.length === 0 ? empty : value.join(' ')],
  };
}
