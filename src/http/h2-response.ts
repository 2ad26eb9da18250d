/** From a reply plan to the fields of an HTTP/2 response (RFC 9113 section 8.3.2). */
import type { Clock } from './clock.js';
import type { Reply } from './reply.js';
import { PreparedReply } from './serialise.js';

/** Field names in lower case. */
export type H2Fields = Record<string, string | number | string[]>;

const CRLF = '\r\n';

/** The fields of replies that stay the same from one request to the next, but for their Date. */
const prepared = new WeakMap<PreparedReply, H2Fields>();

/** The response's fields, with those of this moment. `extra` are further field lines of this one response. */
export function h2Fields(reply: Reply, clock: Clock, extra = ''): H2Fields {
  const fields = withoutPrototype(fixedFields(reply));
  if (reply.isRelayed !== true) fields.date = clock.dateLine.slice('Date: '.length, -CRLF.length);
  addLines(fields, extra);
  return fields;
}

/** The fields of an interim response. `lines` are field lines, each ended by CRLF. */
export function h2InterimFields(status: number, lines: string): H2Fields {
  const fields: H2Fields = { ':status': status };
  addLines(fields, lines);
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

function parse({ status, fields, cache, isRelayed }: Reply): H2Fields {
  const parsed = withoutPrototype({ ':status': status });
  if (isRelayed !== true) parsed.server = 'handover';
  addLines(parsed, fields);
  if (cache !== '') parsed['x-cache'] = cache;
  return parsed;
}

/** Without what every object has: a field may be called `constructor`. */
function withoutPrototype(fields: H2Fields): H2Fields {
  return Object.assign(Object.create(null), fields) as H2Fields;
}

function addLines(fields: H2Fields, lines: string): void {
  for (const line of lines.split(CRLF)) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    // Not `trim`, which takes obs-text for white space.
    const value = line.slice(colon + 1).replace(/^[ \t]+/, '');
    const before = fields[name];
    if (name === 'set-cookie') fields[name] = [...(Array.isArray(before) ? before : []), value];
    // Of all others several lines say what one says (RFC 9110 section 5.3), and of some node sends but one.
    else fields[name] = before === undefined ? value : `${before}, ${value}`;
  }
}
