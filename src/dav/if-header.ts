/**
 * The If header (RFC 4918 section 10.4): lists of conditions on locks and entity tags, for the resource that is asked for
 * or for others that it names. Pure.
 *
 *     If = 1*( [ "<" Resource-Tag ">" ] 1*( "(" 1*( ["Not"] ( "<" state-token ">" | "[" entity-tag "]" ) ) ")" ) )
 */
import { type EntityTag, matchesStrongly, parseEntityTag } from '../http/etag.js';

export interface Condition {
  readonly not: boolean;
  /** What must apply to the resource: a lock, or an entity tag. */
  readonly is: { readonly token: string } | { readonly etag: EntityTag };
}

/** Conditions that must all hold. */
export interface ConditionList {
  /** The resource as the header names it, a URI or an absolute path; undefined: that of the request. */
  readonly resource: string | undefined;
  readonly conditions: readonly Condition[];
}

/** What is known of a resource that a list speaks of. */
export interface ResourceState {
  /** Entity tag with its quotes; undefined: there is none. */
  readonly etag: string | undefined;
  /** The tokens of all locks that apply to it. */
  readonly tokens: readonly string[];
}

const SPACE = /[ \t]*/y;
const RESOURCE = /<([^<>]*)>/y;
const NOT = /Not(?=[ \t<[])/iy;
const TOKEN = /<([^<>\s]+)>/y;
const ETAG = /\[((?:W\/)?"[^"]*")\]/y;

/** Reads the header; undefined when it is malformed. */
export function parseIf(value: string): readonly ConditionList[] | undefined {
  const lists: ConditionList[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match;
  };
  let resource: string | undefined;
  let isTagged: boolean | undefined;
  take(SPACE);
  while (at < value.length) {
    const tag = take(RESOURCE);
    if (tag !== undefined) {
      // Either all lists are tagged, or none is.
      if (isTagged === false) return undefined;
      resource = tag[1]!;
      take(SPACE);
    }
    isTagged ??= tag !== undefined;
    if (value[at] !== '(') return undefined;
    at++;
    const conditions: Condition[] = [];
    take(SPACE);
    while (value[at] !== ')') {
      const not = take(NOT) !== undefined;
      take(SPACE);
      const token = take(TOKEN)?.[1];
      const etag = token === undefined ? parseEntityTag(take(ETAG)?.[1] ?? '') : undefined;
      if (token !== undefined) conditions.push({ not, is: { token } });
      else if (etag !== undefined) conditions.push({ not, is: { etag } });
      else return undefined;
      take(SPACE);
    }
    if (conditions.length === 0) return undefined;
    at++;
    lists.push({ resource, conditions });
    take(SPACE);
  }
  return lists.length === 0 ? undefined : lists;
}

/** All lock tokens that the header mentions: they are submitted with the request (section 10.4.1). */
export function submittedTokens(lists: readonly ConditionList[]): ReadonlySet<string> {
  const tokens = new Set<string>();
  for (const { conditions } of lists) {
    for (const { is } of conditions) if ('token' in is) tokens.add(is.token);
  }
  return tokens;
}

/** True when one of the lists holds. `stateOf` is asked once for each list. */
export async function holds(
  lists: readonly ConditionList[],
  stateOf: (resource: string | undefined) => Promise<ResourceState>,
): Promise<boolean> {
  for (const { resource, conditions } of lists) {
    const state = await stateOf(resource);
    if (conditions.every((condition) => applies(condition, state))) return true;
  }
  return false;
}

function applies({ not, is }: Condition, { etag, tokens }: ResourceState): boolean {
  if ('token' in is) return tokens.includes(is.token) !== not;
  const own = etag === undefined ? undefined : parseEntityTag(etag);
  return (own !== undefined && matchesStrongly(own, is.etag)) !== not;
}
