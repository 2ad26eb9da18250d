/**
 * Cache directives that are meant for caches on the origin's side, as this one is: CDN-Cache-Control
 * (RFC 9213). The field goes on as it came, for caches of the same kind behind this one (section 3.1).
 */
import { type MemberValue, parseDictionary } from '../../http/structured-fields.js';
import { type FieldLine, fieldValue } from '../fields.js';

/** Directives whose argument is a list of fields; of all others that have one, it is a number. */
const NAMING_FIELDS = new Set(['no-cache', 'private']);

/**
 * The arguments of each directive by its name, `''`: it has none. Undefined when there is no such field, or it is
 * empty or malformed: then it counts for nothing (section 2.1), and Cache-Control and Expires do (section 2.2).
 */
export function targetedControl(
  fields: readonly FieldLine[],
): ReadonlyMap<string, readonly string[]> | undefined {
  const value = fieldValue(fields, 'cdn-cache-control');
  const members = value === undefined ? undefined : parseDictionary(value);
  if (members === undefined || members.size === 0) return undefined;
  return new Map([...members].map(([name, member]) => [name, [argumentOf(name, member)]]));
}

/**
 * A value of another type than its directive has is left out: what takes a number then means at once, and what
 * may name fields then means the whole response.
 */
function argumentOf(name: string, member: MemberValue): string {
  const type = NAMING_FIELDS.has(name) ? 'string' : 'number';
  return typeof member === type ? String(member) : '';
}
