/** What tests ask of replies. */
import type { Reply } from '../../src/http/reply.js';

/** The values of all lines of a field of a reply. */
export function fieldsOf(reply: { readonly fields: string }, name: string): string[] {
  const lines = reply.fields.split('\r\n');
  const named = lines.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return named.map((line) => line.slice(name.length + 1).trim());
}

/** The value of a field of a reply; undefined when absent. Throws when it is there twice. */
export function fieldOf(reply: { readonly fields: string }, name: string): string | undefined {
  const values = fieldsOf(reply, name);
  if (values.length > 1) throw new Error(`${name} twice in ${reply.fields}`);
  return values[0];
}

/** The body of a reply from memory; `''` when there is none. */
export function textOf(reply: Reply): string {
  if (reply.body === null) return '';
  if (!Buffer.isBuffer(reply.body)) throw new Error('the body is on disk');
  return reply.body.toString();
}
