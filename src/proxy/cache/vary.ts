/**
 * Vary (RFC 9111 section 4.1): which fields of a request chose a response, and whether another request would
 * choose the same. Pure.
 */
import { splitList } from '../../http/field-lists.js';
import { type FieldLine, fieldValue } from '../fields.js';

/** Fields whose values mean the same in any case. */
const CASELESS = new Set(['accept', 'accept-charset', 'accept-encoding', 'accept-language']);

/** A field's value in the request at hand, its lines joined; undefined: it has none. `name` in lower case. */
export type ValueOf = (name: string) => string | undefined;

/** The names in Vary, in lower case and sorted; `*`: no other request is known to choose the same. */
export function varyOf(fields: readonly FieldLine[]): readonly string[] | '*' {
  const names = splitList((fieldValue(fields, 'vary') ?? '').toLowerCase());
  return names.includes('*') ? '*' : [...new Set(names)].sort();
}

/** What stands for a request's values of these fields: equal where they choose the same. */
export function secondaryKey(names: readonly string[], value: ValueOf): string {
  return names.map((name) => `${name}:${normalised(name, value(name))}`).join('\n');
}

/** Without what is known not to matter; a field that is absent differs from one that is empty. */
function normalised(name: string, value: string | undefined): string {
  if (value === undefined) return '-';
  const text = splitList(value).join(',');
  return `=${CASELESS.has(name) ? text.toLowerCase() : text}`;
}
