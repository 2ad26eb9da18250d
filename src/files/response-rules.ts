/**
 * Which extra response fields a URL path gets: the settings' patterns, compiled once per worker and
 * applied once per resource, when it enters the cache.
 */
import { compilePattern } from '../config/glob.js';
import type { CacheControlRule, HeaderRule } from '../config/settings.js';
import { contentTypeOf } from '../http/content-type.js';

/** The settings that decide fields of a response. */
export interface ResponseSettings {
  readonly cacheControl: readonly CacheControlRule[];
  readonly headers: readonly HeaderRule[];
  /** Origins that may read responses; `['*']`: any; empty: CORS off. */
  readonly cors: readonly string[];
}

/** Without a rule a client may keep a copy but must ask before it uses it, so nothing is ever stale. */
const DEFAULT_CACHE_CONTROL = 'no-cache';

/** What scripts of other origins may read besides the basic fields, where CORS is on. */
const EXPOSED = 'Content-Length, Content-Range, Accept-Ranges, ETag, X-Cache, Server-Timing';

export class ResponseRules {
  readonly #cacheControl: readonly { matches: (path: string) => boolean; value: string }[];
  readonly #headers: readonly { matches: (path: string) => boolean; line: string }[];
  readonly #contentTypes: readonly { matches: (path: string) => boolean; value: string }[];
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  /** True when a response depends on the Origin that asks. */
  readonly byOrigin: boolean;

  constructor(settings: ResponseSettings) {
    this.#cacheControl = settings.cacheControl.map(({ pattern, value }) => ({
      matches: compilePattern(pattern),
      value,
    }));
    const isType = ({ name }: HeaderRule): boolean => name.toLowerCase() === 'content-type';
    this.#contentTypes = settings.headers.filter(isType).map(({ pattern, value }) => ({
      matches: compilePattern(pattern),
      value,
    }));
    const others = settings.headers.filter((rule) => !isType(rule));
    this.#headers = others.map(({ pattern, name, value }) => ({
      matches: compilePattern(pattern),
      line: `${name}: ${value}\r\n`,
    }));
    this.#anyOrigin = settings.cors.includes('*');
    this.#origins = new Set(settings.cors);
    this.byOrigin = settings.cors.length > 0 && !this.#anyOrigin;
  }

  /** The Cache-Control line of a path; the first rule that matches wins. */
  cacheControlLine(urlPath: string): string {
    const rule = this.#cacheControl.find(({ matches }) => matches(urlPath));
    return `Cache-Control: ${rule?.value ?? DEFAULT_CACHE_CONTROL}\r\n`;
  }

  /** The Content-Type of a path: the first rule that matches, else what the ending of the name means. */
  contentType(urlPath: string): string {
    const rule = this.#contentTypes.find(({ matches }) => matches(urlPath));
    return rule?.value ?? contentTypeOf(urlPath);
  }

  /** Lines that every response for a path carries: CORS for all, and the user's own. */
  extraLines(urlPath: string): string {
    const own = this.#headers.filter(({ matches }) => matches(urlPath)).map(({ line }) => line);
    return `${this.#anyOrigin ? corsLines('*') : ''}${own.join('')}`;
  }

  /**
   * Lines for one request's Origin, where responses depend on it (Fetch standard, CORS protocol); and for an
   * error, which has no resource that would bring the lines for every origin.
   */
  originLines(origin: string | undefined, isError = false): string {
    if (this.#anyOrigin) return isError ? corsLines('*') : '';
    if (origin === undefined || !this.#origins.has(origin)) return '';
    return corsLines(origin);
  }

  /** Lines that answer a preflight; `''` when the origin is not let in. */
  preflightLines(origin: string | undefined, requestedHeaders: string | undefined): string {
    const lines = this.#anyOrigin ? corsLines('*') : this.originLines(origin);
    if (lines === '') return '';
    const allowed =
      requestedHeaders === undefined ? '' : `Access-Control-Allow-Headers: ${requestedHeaders}\r\n`;
    return `${lines}Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n${allowed}Access-Control-Max-Age: 86400\r\n`;
  }

  /** The Vary line of a response that depends on these request fields (`''`: none), and on Origin if CORS says so. */
  varyOn(fields: readonly string[]): string {
    const names = [...fields, this.byOrigin ? 'Origin' : ''].filter(Boolean);
    return names.length === 0 ? '' : `Vary: ${names.join(', ')}\r\n`;
  }
}

function corsLines(origin: string): string {
  return `Access-Control-Allow-Origin: ${origin}\r\nAccess-Control-Expose-Headers: ${EXPOSED}\r\n`;
}
