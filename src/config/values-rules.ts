/** Rules as values of settings: error pages, and fields for the paths that match a pattern. Each key may repeat. */
import { refusePattern } from './glob.js';
import type { CacheControlRule, ErrorPage, HeaderRule } from './settings.js';
import { nearest } from './suggest.js';
import type { Parsed, Refusal, ValueType } from './value-type.js';
import { refuseUrlPath } from './values-paths.js';

/** A kind whose key is given once for each rule; `off` stands for no rules. */
export function rules<T>(options: {
  readonly placeholder: string;
  readonly accepts: string;
  parseRule(text: string): Parsed<readonly T[]>;
  formatRule(rule: T): string;
}): ValueType<readonly T[]> {
  const { placeholder, accepts, parseRule, formatRule } = options;
  return {
    placeholder,
    accepts: `${accepts}; or off`,
    parse: (text) => (text === 'off' ? { value: [] } : parseRule(text)),
    format: (value) => (value.length === 0 ? ['off'] : value.map(formatRule)),
    combine: (parts) => parts.flat(),
  };
}

/** Splits at the first space. */
function firstWord(text: string): readonly [string, string] {
  const [word = '', rest = ''] = text.split(/\s+(.*)/s, 2);
  return [word, rest];
}

/** Errors that a person may get to see. What only programs cause, or what breaks the protocol, is answered briefly. */
const PAGE_STATUSES = ['400', '404', '405', '500', '501', '503'];

/** `404 /404.html`, or several statuses with one page: `500 503 /sorry.html`. */
export const errorPages: ValueType<readonly ErrorPage[]> = rules({
  placeholder: "'STATUS PATH'",
  accepts: `STATUS PATH: statuses out of ${PAGE_STATUSES.join(', ')}, then a URL path`,
  parseRule(text): Parsed<readonly ErrorPage[]> {
    const words = text.split(/\s+/);
    const path = words.pop() ?? '';
    if (words.length === 0) {
      return { problem: 'must be STATUS PATH', hint: 'write 404 /404.html' };
    }
    const odd = words.find((word) => !PAGE_STATUSES.includes(word));
    if (odd !== undefined) {
      return { problem: `${odd} has no page`, hint: `${PAGE_STATUSES.join(', ')} can have one` };
    }
    return refuseUrlPath(path) ?? { value: words.map((status) => ({ status: Number(status), path })) };
  },
  formatRule: (page) => `${page.status} ${page.path}`,
});

/** RFC 9110 section 5.5, without obs-text: what every peer reads alike. */
function refuseFieldValue(value: string): Refusal | undefined {
  if (value === '') return { problem: 'the field has no value' };
  if (/[^\x20-\x7e\t]/.test(value)) return { problem: 'a field value is plain ASCII on one line' };
  return undefined;
}

const SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
/** RFC 9111 section 5.2.2, RFC 5861 and RFC 8246. Others are allowed, but a near miss is a slip. */
const DIRECTIVES: readonly string[] = [
  ...SECONDS,
  ...['immutable', 'must-revalidate', 'must-understand', 'no-cache', 'no-store', 'no-transform'],
  ...['private', 'proxy-revalidate', 'public'],
];
const DIRECTIVE = /^([!#$%&'*+.^_`|~\w-]+)(?:=([!#$%&'*+.^_`|~\w-]+|"[^"]*"))?$/;

/** RFC 9111 section 5.2: directives with commas between them. */
function refuseCacheControl(value: string): Refusal | undefined {
  const refusal = refuseFieldValue(value);
  if (refusal !== undefined) return refusal;
  for (const part of value.match(/(?:"[^"]*"|[^,"])+/g) ?? []) {
    const directive = part.trim();
    const [, name = '', argument] = DIRECTIVE.exec(directive) ?? [];
    if (name === '')
      return { problem: `${directive || '""'} is no directive`, hint: 'write max-age=3600, public' };
    const lower = name.toLowerCase();
    if (SECONDS.has(lower) && !/^\d+$/.test(argument ?? '')) {
      return { problem: `${name} takes seconds`, hint: `write ${lower}=3600` };
    }
    const near = DIRECTIVES.includes(lower) ? undefined : nearest(name, DIRECTIVES);
    if (near !== undefined) return { problem: `${name} is no directive`, hint: `did you mean ${near}?` };
  }
  return undefined;
}

/** `/assets/*.* public, max-age=31536000, immutable` */
export const cacheControlRules: ValueType<readonly CacheControlRule[]> = rules({
  placeholder: "'PATTERN VALUE'",
  accepts: 'PATTERN VALUE: a glob for the URL path, then the value of Cache-Control',
  parseRule(text): Parsed<readonly CacheControlRule[]> {
    const [pattern, value] = firstWord(text);
    if (value === '') return { problem: 'must be PATTERN VALUE', hint: 'write /assets/** max-age=3600' };
    return refusePattern(pattern) ?? refuseCacheControl(value) ?? { value: [{ pattern, value }] };
  },
  formatRule: (rule) => `${rule.pattern} ${rule.value}`,
});

/** Fields that a rule must not set, and why. */
const RESERVED = new Map<string, string>([
  ...['connection', 'content-length', 'keep-alive', 'proxy-connection', 'te', 'trailer'].map(framing),
  ...['transfer-encoding', 'upgrade'].map(framing),
  ...['accept-ranges', 'allow', 'content-encoding', 'content-range', 'date', 'etag'].map(own),
  ...['last-modified', 'location', 'server', 'vary', 'x-cache', 'x-content-type-options'].map(own),
  ['cache-control', 'write it as a rule of CACHE_CONTROL'],
  ['access-control-allow-origin', 'write the origins in CORS'],
  ['server-timing', 'switch it on with SERVER_TIMING'],
]);

function framing(name: string): [string, string] {
  return [name, 'it says where a message ends or what becomes of the connection'];
}

function own(name: string): [string, string] {
  return [name, 'the server works it out for each response'];
}

/** `/fonts/** Access-Control-Max-Age: 600` */
export const headerRules: ValueType<readonly HeaderRule[]> = rules({
  placeholder: "'PATTERN NAME: VALUE'",
  accepts: 'PATTERN NAME: VALUE: a glob for the URL path, then a response field',
  parseRule(text): Parsed<readonly HeaderRule[]> {
    const [pattern, field] = firstWord(text);
    const colon = field.indexOf(':');
    if (colon < 0) return { problem: 'must be PATTERN NAME: VALUE', hint: 'write /** X-Frame-Options: DENY' };
    const name = field.slice(0, colon);
    const value = field.slice(colon + 1).trim();
    // RFC 9110 section 5.6.2: a token, and nothing between it and the colon.
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return { problem: `"${name}" is no field name` };
    const reason = RESERVED.get(name.toLowerCase());
    if (reason !== undefined) return { problem: `${name} cannot be set by a rule`, hint: reason };
    return refusePattern(pattern) ?? refuseFieldValue(value) ?? { value: [{ pattern, name, value }] };
  },
  formatRule: (rule) => `${rule.pattern} ${rule.name}: ${rule.value}`,
});
