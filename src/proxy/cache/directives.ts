/**
 * Cache-Control (RFC 9111 section 5.2), and what a response may have in its place. It is read as forgivingly as
 * is safe: names in any case, arguments as token or quoted, what is not known skipped. What is malformed or
 * contradictory is taken for the stricter.
 */
import { splitList } from '../../http/field-lists.js';
import { type FieldLine, fieldValue } from '../fields.js';
import { targetedControl } from './targeted-control.js';

/** What a response says of its storing and its use. Times in seconds; undefined: not said. */
export interface ResponseDirectives {
  readonly maxAge: number | undefined;
  readonly sMaxAge: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly noStore: boolean;
  /** Without field names: the whole response is not to be used unasked. */
  readonly noCache: boolean;
  readonly private: boolean;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  /** They come from a field for caches like this one: Expires means nothing beside it (RFC 9213 section 2.2). */
  readonly isTargeted: boolean;
  /** Fields that `no-cache` or `private` name, in lower case: they are not kept. */
  readonly unkeptFields: readonly string[];
}

/** What a request says. Times in seconds; undefined: not said. */
export interface RequestDirectives {
  readonly maxAge: number | undefined;
  /** Infinity: however stale. */
  readonly maxStale: number | undefined;
  readonly minFresh: number | undefined;
  readonly staleIfError: number | undefined;
  readonly noCache: boolean;
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
}

/** The greatest time there is (RFC 9111 section 1.2.2): 68 years. */
const MAX_DELTA_SECONDS = 2 ** 31;

/** The arguments of each directive in their order, by its name in lower case; `''`: it has none. */
type Parsed = ReadonlyMap<string, readonly string[]>;

/** Reads the directives of a response. */
export function responseDirectives(fields: readonly FieldLine[]): ResponseDirectives {
  const targeted = targetedControl(fields);
  const parsed = targeted ?? parse(fieldValue(fields, 'cache-control'));
  return {
    maxAge: seconds(parsed, 'max-age'),
    sMaxAge: seconds(parsed, 's-maxage'),
    staleWhileRevalidate: seconds(parsed, 'stale-while-revalidate'),
    staleIfError: seconds(parsed, 'stale-if-error'),
    noStore: parsed.has('no-store'),
    noCache: isUnqualified(parsed, 'no-cache'),
    private: isUnqualified(parsed, 'private'),
    public: parsed.has('public'),
    mustRevalidate: parsed.has('must-revalidate'),
    proxyRevalidate: parsed.has('proxy-revalidate'),
    mustUnderstand: parsed.has('must-understand'),
    isTargeted: targeted !== undefined,
    unkeptFields: [...namedFields(parsed, 'no-cache'), ...namedFields(parsed, 'private')],
  };
}

/** Reads the directives of a request; `Pragma: no-cache` counts where there is no Cache-Control (section 5.4). */
export function requestDirectives(fields: readonly FieldLine[]): RequestDirectives {
  const cacheControl = fieldValue(fields, 'cache-control');
  const parsed = parse(cacheControl ?? fieldValue(fields, 'pragma'));
  const isPragma = cacheControl === undefined;
  return {
    noCache: parsed.has('no-cache'),
    maxAge: isPragma ? undefined : seconds(parsed, 'max-age'),
    maxStale: isPragma ? undefined : maxStale(parsed),
    minFresh: isPragma ? undefined : seconds(parsed, 'min-fresh'),
    staleIfError: isPragma ? undefined : seconds(parsed, 'stale-if-error'),
    noStore: !isPragma && parsed.has('no-store'),
    onlyIfCached: !isPragma && parsed.has('only-if-cached'),
  };
}

/** A number of seconds, never above 2^31; undefined when it is not one. */
export function deltaSeconds(text: string): number | undefined {
  return /^\d+$/.test(text) ? Math.min(Number(text), MAX_DELTA_SECONDS) : undefined;
}

function parse(value = ''): Parsed {
  const parsed = new Map<string, string[]>();
  for (const element of splitList(value)) {
    const [name = ''] = /^[^=\s]*/.exec(element) ?? [];
    const known = parsed.get(name.toLowerCase()) ?? [];
    // White space around `=` is no part of the grammar; it stays in the argument, which is then no number.
    known.push(unquoted(element.slice(name.length + 1)));
    parsed.set(name.toLowerCase(), known);
  }
  return parsed;
}

function unquoted(argument: string): string {
  const content = /^"(.*)"$/.exec(argument)?.[1];
  return content === undefined ? argument : content.replaceAll(/\\(.)/g, '$1');
}

/** The first of several counts (RFC 9111 section 4.2.1); one that is no number means at once. */
function seconds(parsed: Parsed, name: string): number | undefined {
  const [first] = parsed.get(name) ?? [];
  return first === undefined ? undefined : (deltaSeconds(first) ?? 0);
}

function maxStale(parsed: Parsed): number | undefined {
  const [first] = parsed.get('max-stale') ?? [];
  return first === '' ? Number.POSITIVE_INFINITY : seconds(parsed, 'max-stale');
}

function isUnqualified(parsed: Parsed, name: string): boolean {
  return (parsed.get(name) ?? []).some((argument) => splitList(argument).length === 0);
}

function namedFields(parsed: Parsed, name: string): string[] {
  return (parsed.get(name) ?? []).flatMap((argument) => splitList(argument.toLowerCase()));
}
