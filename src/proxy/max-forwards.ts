/** Max-Forwards (RFC 9110 section 7.6.2): how many servers a TRACE or OPTIONS may still be passed on by. Pure. */
import type { RequestHead } from '../http/request-head.js';
import type { FieldLine } from './fields.js';

/** More than that says no more than that. */
const MOST = 999_999_999;

/** True for a request that goes no further: it is for this server, as its last. */
export function isLastHop(head: RequestHead): boolean {
  return isCounted(head) && /^0+$/.test(head.valueOf('max-forwards') ?? '');
}

/** The fields for the next server: one less, where the method is one of those and the value a number. */
export function countedDown(head: RequestHead, fields: readonly FieldLine[]): readonly FieldLine[] {
  if (!isCounted(head)) return fields;
  return fields.map(([name, value]) => {
    if (name.toLowerCase() !== 'max-forwards' || !/^\d+$/.test(value)) return [name, value];
    return [name, String(Math.max(0, Math.min(Number(value), MOST) - 1))];
  });
}

/** To all other methods the field means nothing. */
function isCounted({ method }: RequestHead): boolean {
  return method === 'TRACE' || method === 'OPTIONS';
}
