/** What tests ask of replies. */
import type { Reply } from '../../src/http/reply.js';

/** The value of a field of a reply; undefined when absent. Throws when it is there twice. */
export function fieldOf(reply: { readonly fields: string }, name: string): string | undefined {
  const lines = reply.fields
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  if (lines.length > 1) throw new Error(`${name} twice in ${reply.fields}`);
  return lines[0]?.slice(name.length + 1).trim();
}

/** The body of a reply from memory; `''` when there is none. */
export function textOf(reply: Reply): string {
  if (reply.body === null) return '';
  if ('file' in reply.body) throw new Error('the body is on disk');
  if ('source' in reply.body) throw new Error('the body comes from elsewhere');
  return Buffer.isBuffer(reply.body) ? reply.body.toString() : Buffer.concat(reply.body).toString();
}
