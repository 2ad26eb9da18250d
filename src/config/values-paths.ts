/** Paths on disk and paths in URLs as values of settings. Whether a path exists is checked in check-paths.ts. */
import { resolve } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from './socket-path.js';
import type { Refusal, ValueType } from './value-type.js';
import { asBoolean, list } from './values.js';

/**
 * A path on disk, made absolute.
 *
 * @param words texts that are no paths, and what each of them is kept as
 */
export function path(words: Readonly<Record<string, string>> = {}): ValueType<string> {
  const others = Object.keys(words).map((word) => (word === '' ? 'nothing' : word));
  const accepts = ['a path', ...others].join(' or ');
  return {
    placeholder: 'PATH',
    accepts,
    parse(text, base) {
      const word = Object.hasOwn(words, text) ? words[text] : undefined;
      if (word !== undefined) return { value: word };
      return text === '' ? { problem: `must be ${accepts}` } : { value: resolve(base, text) };
    },
    format: (value) => [Object.keys(words).find((word) => words[word] === value) ?? value],
  };
}

/** A path on disk, made absolute, or `off`, which is kept as `''`. */
export const pathOrOff: ValueType<string> = path({ off: '' });

const ANY_PATH = path({ '': '' });

/** The path of a Unix-domain socket, made absolute, or nothing. */
export const socketPath: ValueType<string> = {
  ...ANY_PATH,
  parse(text, base) {
    const parsed = ANY_PATH.parse(text, base);
    const isTooLong = 'value' in parsed && Buffer.byteLength(parsed.value) > MAX_SOCKET_PATH_BYTES;
    if (!isTooLong) return parsed;
    return { problem: `the path of a socket may have ${MAX_SOCKET_PATH_BYTES} bytes at most` };
  },
};

/**
 * Why `text` is no URL path that could be requested, or undefined when it is one: absolute, percent-encoded,
 * without query, and without segments that point elsewhere.
 */
export function refuseUrlPath(text: string): Refusal | undefined {
  if (!text.startsWith('/')) return { problem: 'a URL path begins with /', hint: `write /${text}` };
  if (text.startsWith('//')) return { problem: 'a URL path begins with a single /' };
  if (/[?#]/.test(text)) return { problem: 'must be a URL path without query or fragment' };
  if (text.includes('\\')) return { problem: 'must be a URL path: / between names, no backslash' };
  if (/[^\x21-\x7e]/.test(text)) {
    return { problem: 'must be percent-encoded as in a request', hint: `write ${encodeURI(text)}` };
  }
  if (/%(?![0-9a-f]{2})/i.test(text))
    return { problem: 'has a % that begins no percent-encoding', hint: 'write %25' };
  const segments = text.toLowerCase().replaceAll('%2e', '.').split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    return { problem: 'must not contain . or .. as a name' };
  }
  return undefined;
}

/** A URL path, or `off`, which is kept as `''`. With `on`, also the path that the word `on` stands for. */
export function urlPath(on?: string): ValueType<string> {
  const accepts = on === undefined ? 'a URL path or off' : `off, on (${on}) or a URL path`;
  const type: ValueType<string> = {
    placeholder: on === undefined ? 'PATH|off' : 'off|on|PATH',
    accepts,
    parse(text) {
      const answer = asBoolean(text);
      if (answer === false) return { value: '' };
      if (answer === true && on !== undefined) return { value: on };
      if (!text.startsWith('/')) return { problem: `must be ${accepts}` };
      return refuseUrlPath(text) ?? { value: text };
    },
    format: (value) => [value === '' ? 'off' : value],
  };
  if (on === undefined) return type;
  // A page is told from a directory to serve by its ending.
  const takes = (word: string): boolean => asBoolean(word) !== undefined || /^\/\S*\.html?$/i.test(word);
  return { ...type, switch: { on: 'on', off: 'off', takes } };
}

/** Names of files in a directory, in order of preference. */
export const fileNames: ValueType<readonly string[]> = list({
  placeholder: 'NAMES',
  accepts: 'names of files with spaces between them, or off',
  empty: 'off',
  parseWord(word) {
    if (/[/\\]/.test(word)) return { problem: `${word} is a path`, hint: 'give names only' };
    return word === '.' || word === '..' ? { problem: `${word} is no name of a file` } : { value: word };
  },
});
