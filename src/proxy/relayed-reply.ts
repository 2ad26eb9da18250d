/** From an upstream's answer to a reply of ours. Pure. */
import { formatHttpDate } from '../http/http-date.js';
import type { CacheState, Reply } from '../http/reply.js';
import { fieldLines, fieldValue, without } from './fields.js';
import type { UpstreamReply } from './upstream-reply.js';

/** The answer as it came, with Date if it has none (RFC 9110 section 6.6.1). */
export function relayedReply(
  { status, fields, body, length, socket }: UpstreamReply,
  state: CacheState,
  extraLines: string,
  nowMs: number,
): Reply {
  const dateLine = fieldValue(fields, 'date') === undefined ? `Date: ${formatHttpDate(nowMs)}\r\n` : '';
  return {
    status,
    fields: fieldLines(state === '' ? fields : without(fields, 'x-cache')) + dateLine + extraLines,
    body: body === null ? null : { source: body, length },
    cache: state,
    close: false,
    isRelayed: true,
    ...(socket !== undefined && { tunnel: socket }),
  };
}
