/**
 * Proactive negotiation (RFC 9110 section 12): which stored form of a file, and which form of a listing,
 * a client is given. Pure.
 */
import { parseWeightedList, type WeightedElement } from './field-lists.js';
import type { Coding } from './reply.js';

/** The weight a client gives each coding: 0 (must not be sent) to 1. */
export type CodingPreference = Readonly<Record<Coding, number>>;

/** Among equals the first is sent: the order of the sizes they usually come to. */
const SERVER_ORDER: readonly Coding[] = ['br', 'zstd', 'gzip', 'identity'];

/** Below the lowest weight that can be written, 0.001: what is named with any weight goes first. */
const UNNAMED_IDENTITY = 0.0005;

/**
 * Reads Accept-Encoding (RFC 9110 section 12.5.3). A coding that is not named has the weight of `*`;
 * without `*` it is not acceptable, but for identity, which is then the last resort. So an absent or
 * empty field means identity only: any coding would be allowed for an absent one, but who sends none
 * (a script, an old tool) can seldom decode one. A coding named twice has the lower of its weights.
 */
export function parseAcceptEncoding(value: string | undefined): CodingPreference {
  const weights = new Map<string, number>();
  for (const { name, q } of parseWeightedList(value ?? '')) {
    const coding = name === 'x-gzip' ? 'gzip' : name;
    weights.set(coding, Math.min(q, weights.get(coding) ?? 1));
  }
  const others = weights.get('*');
  const weightOf = (coding: Coding, unnamed: number): number => weights.get(coding) ?? others ?? unnamed;
  return {
    br: weightOf('br', 0),
    zstd: weightOf('zstd', 0),
    gzip: weightOf('gzip', 0),
    identity: weightOf('identity', UNNAMED_IDENTITY),
  };
}

/**
 * The available coding that the client likes best. When it accepts none of them, identity all the same
 * (12.5.3: a server may disregard the field; 406 would help nobody). Undefined when that is not available
 * either: a coding that the client has excluded is never chosen.
 */
export function chooseCoding(preference: CodingPreference, available: readonly Coding[]): Coding | undefined {
  let best: Coding | undefined = available.includes('identity') ? 'identity' : undefined;
  let bestWeight = 0;
  for (const coding of SERVER_ORDER) {
    if (preference[coding] > bestWeight && available.includes(coding)) {
      best = coding;
      bestWeight = preference[coding];
    }
  }
  return best;
}

/**
 * Whether HTML is acceptable, be it by a wildcard or because nothing is said: also true of what scripts
 * and images are fetched with.
 */
export function acceptsHtml(accept: string | undefined): boolean {
  const ranges = parseWeightedList(accept ?? '');
  return ranges.length === 0 || weightOfType(ranges, 'text/html').q > 0;
}

/** Whether HTML is asked for by name: true of a browser that opens a page, and of hardly anything else. */
export function namesHtml(accept: string | undefined): boolean {
  const html = weightOfType(parseWeightedList(accept ?? ''), 'text/html');
  return html.named && html.q > 0;
}

/**
 * Whether JSON is wanted rather than HTML: only when it is named. Against HTML that is named too it needs
 * the higher weight; against HTML that only a wildcard lets in, an equal one will do (axios asks for JSON,
 * plain text, then anything, all with the same weight).
 */
export function prefersJson(accept: string | undefined): boolean {
  const ranges = parseWeightedList(accept ?? '');
  const json = weightOfType(ranges, 'application/json');
  const html = weightOfType(ranges, 'text/html');
  if (!json.named || json.q === 0) return false;
  return html.named ? json.q > html.q : json.q >= html.q;
}

/**
 * The weight of a media type: that of the most specific range that covers it, the highest where one is
 * repeated. Parameters are not looked at: who asks for some profile of JSON is better served by ours
 * than by HTML.
 */
function weightOfType(
  ranges: readonly WeightedElement[],
  type: 'text/html' | 'application/json',
): { q: number; named: boolean } {
  const wildcard = type.replace(/\/.*/, '/*');
  for (const pattern of [type, wildcard, '*/*']) {
    const matching = ranges.filter((range) => range.name === pattern);
    if (matching.length > 0) {
      return { q: Math.max(...matching.map((range) => range.q)), named: pattern === type };
    }
  }
  return { q: 0, named: false };
}
