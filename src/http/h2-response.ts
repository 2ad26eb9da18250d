/** From a reply plan to the fields of an HTTP/2 response (RFC 9113 section 8.3.2). */
import type { Clock } from './clock.js';
import type { CacheState, Reply } from './reply.js';
import { PreparedReply } from './serialise.js';

/** Field names in lower case. */
export type H2Fields = Record<string, string | number | string[]>;

const CRLF = '\r\n';

/** The fields of replies that stay the same from one request to the next, but for their Date. */
const prepared = new WeakMap<PreparedReply, H2Fields>();

/** The response's fields, with those of this moment. `extra` are further field lines of this one response. */
export function h2Fields(reply: Reply, clock: Clock, extra = ''): H2Fields {
  const fields = { ...fixedFields(reply), date: clock.dateLine.slice('Date: '.length, -CRLF.length) };
  addLines(fields, extra);
  return fields;
}

function fixedFields(reply: Reply): H2Fields {
  if (!(reply instanceof PreparedReply)) return parse(reply);
  const known = prepared.get(reply);
  if (known !== undefined) return known;
  const fields = parse(reply);
  prepared.set(reply, fields);
  return fields;
}

function parse({
  status,
  fields,
  cache,
}: Pick<Reply, 'status' | 'fields'> & { cache: CacheState }): H2Fields {
  const parsed: H2Fields = { ':status': status, server: 'handover' };
  addLines(parsed, fields);
  if (cache !== '') parsed['x-cache'] = cache;
  return parsed;
}

function addLines(fields: H2Fields, lines: string): void {
  for (const line of lines.split(CRLF)) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields[name];
    fields[name] = before === undefined ? value : [...[before].flat().map(String), value];
  }
}
