/**
 * The corpus of raw requests: reads test/corpus/requests and undoes the escapes that its README describes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ParserLimits } from '../../src/http/head-parser.js';
import type { ParserError } from '../../src/http/head-rules.js';

/** A request that a file holds. What is left out is as in `DEFAULTS`. */
export interface ExpectedRequest {
  readonly method: string;
  readonly target: string;
  /** The target's path and query, where they are not just its two parts. */
  readonly path?: string;
  readonly query?: string;
  readonly version?: '1.0' | '1.1';
  /** False for methods that nobody knows. */
  readonly known?: boolean;
  readonly keepAlive?: boolean;
  readonly expectsContinue?: boolean;
  readonly chunked?: boolean;
  readonly body?: string;
  /** False when the body ends too early, or is malformed. */
  readonly complete?: boolean;
  /** Values of some known fields; null: absent. */
  readonly fields?: Readonly<Record<string, string | null>>;
}

/** What is expected of a file, as its .json says. */
export interface Expectation {
  readonly about: string;
  readonly limits?: ParserLimits;
  readonly requests: readonly ExpectedRequest[];
  readonly error?: ParserError;
  /** Bytes that wait for more. */
  readonly rest?: string;
}

export interface CorpusFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly limits: ParserLimits;
  readonly expected: Expectation;
}

/** Limits of the server as shipped. */
export const DEFAULT_LIMITS: ParserLimits = { maxUrlBytes: 8192, maxHeaderBytes: 16 * 1024 };

/** The source tree's directory: files that are not compiled are read where they lie. */
const CORPUS = fileURLToPath(new URL('../../../test/corpus/requests/', import.meta.url));

/** All files of one kind, in their order. */
export function readCorpus(kind: 'valid' | 'invalid'): CorpusFile[] {
  const names = readdirSync(`${CORPUS}${kind}`).filter((name) => name.endsWith('.http'));
  return names.sort().map((file) => {
    const name = file.slice(0, -'.http'.length);
    const base = `${CORPUS}${kind}/${name}`;
    const expected = JSON.parse(readFileSync(`${base}.json`, 'utf8')) as Expectation;
    const text = readFileSync(`${base}.http`, 'latin1').replaceAll(/\r?\n/g, '');
    return { name, bytes: fromEscaped(text), limits: expected.limits ?? DEFAULT_LIMITS, expected };
  });
}

const ESCAPE = /\\(?:\{(\d+)\*((?:\\.|[^}\\])*)\}|x([\da-f]{2})|(.))|[^ -~]/g;
const SINGLE: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };

/** The bytes that an escaped text stands for. */
export function fromEscaped(text: string): Buffer {
  return Buffer.from(unescapeToLatin1(text), 'latin1');
}

function unescapeToLatin1(text: string): string {
  return text.replaceAll(ESCAPE, (all, count?: string, repeated?: string, hex?: string, single?: string) => {
    if (repeated !== undefined) return unescapeToLatin1(repeated).repeat(Number(count));
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const char = SINGLE[single ?? ''];
    if (char === undefined) throw new Error(`no such escape in the corpus: ${JSON.stringify(all)}`);
    return char;
  });
}
