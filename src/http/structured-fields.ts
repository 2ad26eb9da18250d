/**
 * Structured field values (RFC 8941): dictionaries, whose values are read as far as anybody here needs them.
 * Unlike lists of the older kind they are read strictly: what is malformed anywhere is nothing at all.
 *
 *     max-age=60, no-cache="set-cookie", private;parameter=1
 */

/** An integer, a string or token, or a boolean; undefined: of another type (decimal, bytes, inner list). */
export type MemberValue = number | string | boolean | undefined;

const KEY = '[a-z*][a-z0-9_.*-]*';
const INTEGER = '-?\\d{1,15}';
const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const TOKEN = "[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*";
const BOOLEAN = '\\?[01]';
/** A decimal before an integer, which its beginning looks like. */
const ITEM = `-?\\d{1,12}\\.\\d{1,3}|${INTEGER}|${STRING}|${TOKEN}|:[A-Za-z0-9+/=]*:|${BOOLEAN}`;
const PARAMETERS = `(?:; *${KEY}(?:=(?:${ITEM}))?)*`;
const INNER_LIST = `\\( *(?:(?:${ITEM})${PARAMETERS}(?: +|(?=\\))))*\\)`;

const MEMBER = new RegExp(`(${KEY})(?:=(${ITEM}|${INNER_LIST}))?${PARAMETERS}`, 'y');
const SEPARATOR = /[ \t]*,[ \t]*/y;
const IS_INTEGER = new RegExp(`^${INTEGER}$`);

/**
 * The members of a dictionary (section 4.2.2), of several with one key the last; undefined when the value is
 * malformed. Parameters are skipped. Several field lines are joined with commas before.
 */
export function parseDictionary(value: string): ReadonlyMap<string, MemberValue> | undefined {
  const text = value.trim();
  const members = new Map<string, MemberValue>();
  let at = 0;
  while (text !== '') {
    MEMBER.lastIndex = at;
    const [member, key, item] = MEMBER.exec(text) ?? [];
    if (member === undefined || key === undefined) return undefined;
    members.set(key, item === undefined ? true : valueIn(item));
    at += member.length;
    if (at === text.length) break;
    SEPARATOR.lastIndex = at;
    // Behind a comma there must be another member.
    if (!SEPARATOR.test(text)) return undefined;
    at = SEPARATOR.lastIndex;
  }
  return members;
}

function valueIn(item: string): MemberValue {
  if (IS_INTEGER.test(item)) return Number(item);
  if (item.startsWith('"')) return item.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  if (item.startsWith('?')) return item === '?1';
  return /^[A-Za-z*]/.test(item) ? item : undefined;
}
