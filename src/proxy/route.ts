/** Which requests are for which upstreams, and what they are asked for there. Pure. */
import type { ProxyRule } from '../config/settings.js';

/** A rule, and the path as its upstreams are asked for it: the prefix as the rule has it, the rest as the client has. */
export interface Match {
  readonly rule: ProxyRule;
  readonly path: string;
}

/** Spelled otherwise than a prefix would be: escaped, or with a slash that does nothing. */
const MAY_BE_OTHERWISE = /%|\/\//;

/** A `..` between what some servers take for slashes: escaped ones, and backslashes. */
const HIDDEN_CLIMB = /(?:[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\]|%2f|%5c|$)/i;

/**
 * The path without dot segments (RFC 3986 section 5.2.4), also escaped ones: none leaves its prefix. Before one that
 * climbs, doubled slashes are one, as for files and with nginx.
 */
export function withoutDots(path: string): string {
  if (!/\/(?:\.|%2e)/i.test(path)) return path;
  const kept: string[] = [];
  const segments = path.split('/');
  for (const [i, segment] of segments.entries()) {
    const plain = segment.replaceAll(/%2e/gi, '.');
    const isLast = i === segments.length - 1;
    if (plain === '..') {
      while (kept.length > 1 && kept.at(-1) === '') kept.pop();
      if (kept.length > 1) kept.pop();
    } else if (plain !== '.') {
      kept.push(segment);
      continue;
    }
    if (isLast) kept.push('');
  }
  return kept.join('/') || '/';
}

/** True for a path, without dot segments, in which an upstream may find some that we do not: it would be left by them. */
export function climbsHidden(path: string): boolean {
  return HIDDEN_CLIMB.test(path);
}

/**
 * The rule with the longest prefix of a path, which is without dot segments. A prefix ends where a segment does, and
 * may be spelled as for a file: `//%61pi/x` is below `/api`.
 */
export function ruleFor(rules: readonly ProxyRule[], path: string): Match | undefined {
  const isPlain = !MAY_BE_OTHERWISE.test(path);
  let best: Match | undefined;
  for (const rule of rules) {
    const { prefix } = rule;
    if (best !== undefined && prefix.length <= best.rule.prefix.length) continue;
    if (isPlain && !MAY_BE_OTHERWISE.test(prefix)) {
      if (isUnder(path, prefix)) best = { rule, path };
      continue;
    }
    const below = pathBelow(path, prefix);
    if (below !== undefined) best = { rule, path: below };
  }
  return best;
}

/**
 * What an upstream is asked for: the same, where its URL has no path; where it has one, that stands for the
 * prefix (as nginx's proxy_pass).
 *
 * @param basePath of the upstream's URL; `''`: it has none
 */
export function upstreamTarget(prefix: string, basePath: string, path: string, query: string): string {
  if (basePath === '') return path + query;
  const rest = path.slice(prefix.length);
  const isSplit = !basePath.endsWith('/') && rest !== '' && !rest.startsWith('/');
  const base = basePath.endsWith('/') && rest.startsWith('/') ? basePath.slice(0, -1) : basePath;
  return base + (isSplit ? '/' : '') + rest + query;
}

/**
 * A Location that names the upstream, as the client has to ask for it (nginx's proxy_redirect); undefined when it names
 * something else.
 */
export function clientLocation(
  prefix: string,
  origin: string,
  basePath: string,
  location: string,
): string | undefined {
  const isAbsolute = location === origin || location.startsWith(`${origin}/`);
  if (!isAbsolute && !location.startsWith('/')) return undefined;
  const target = isAbsolute ? location.slice(origin.length) || '/' : location;
  // `//host/path` is of another host.
  if (target.startsWith('//')) return undefined;
  if (basePath === '') return isAbsolute ? target : undefined;
  const base = basePath.endsWith('/') ? basePath.slice(0, -1) : basePath;
  if (target !== base && !target.startsWith(`${base}/`)) return undefined;
  const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  return bare + target.slice(base.length) || '/';
}

function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/';
}

/** The path with the prefix spelled as it is here; undefined when it is not below it. */
function pathBelow(path: string, prefix: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  const segments = path.split('/');
  let at = 1;
  for (const wanted of prefix.split('/')) {
    if (wanted === '') continue;
    while (segments[at] === '') at++;
    const segment = segments[at++];
    if (segment === undefined || decoded(segment) !== decoded(wanted)) return undefined;
  }
  const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  const rest = segments.slice(at);
  if (rest.length === 0 && bare !== prefix) return undefined;
  return [bare, ...rest].join('/');
}

/** Without escapes; one char for each byte. */
function decoded(segment: string): string {
  return segment.replaceAll(/%([\da-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
