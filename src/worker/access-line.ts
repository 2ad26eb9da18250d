/**
 * One access log line, in both formats. Pure but for remembering the second it last formatted. Lines are ASCII whatever a client sends, so their length in bytes is their length.
 *
 *     combined   remote - - [time] "method target protocol" status bytes "referer" "agent" seconds cache
 *     json       {"time":…,"remote":…, … ,"cache":…,"pid":…}
 *
 * Both are documented for users in docs/logs.md.
 */
import type { LogFormat } from '../config/settings.js';
import type { CacheState } from '../http/reply.js';
import type { LineBuffer } from './line-buffer.js';
import type { RequestText } from './request-text.js';

/** One response. */
export interface AccessEntry {
  /** Address of the client, or `''`. */
  readonly remote: string;
  readonly request: RequestText;
  readonly status: number;
  /** Body bytes sent. */
  readonly bytes: number;
  readonly durationUs: number;
  readonly cache: CacheState;
}

/** Puts in the line, with its line feed, of a response decided at `nowMs` since the epoch. */
export type LineFormatter = (out: LineBuffer, entry: AccessEntry, nowMs: number) => void;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const PADDED = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'));

/** Bytes of a line besides what comes from the client, at most. */
const FIXED_BYTES = 400;
/** What one received byte becomes at most: `\u00xx`. */
const ESCAPED_BYTES = 6;

/** A formatter of the given format. `pid` is that of this worker, for the JSON lines. */
export function lineFormatter(format: LogFormat, pid: number): LineFormatter {
  const formatter = format === 'json' ? jsonFormatter(pid) : combinedFormatter();
  return (out, entry, nowMs) => {
    const { start, userAgentEnd } = entry.request;
    out.reserve(FIXED_BYTES + entry.remote.length + (userAgentEnd - start) * ESCAPED_BYTES);
    formatter(out, entry, nowMs);
  };
}

function combinedFormatter(): LineFormatter {
  const timeOf = perSecond((ms) => ` - - [${commonLogTime(ms)}] "`);
  return (out, entry, nowMs) => {
    out.put(entry.remote || '-');
    out.put(timeOf(nowMs));
    const { bytes, start, methodEnd, targetEnd, protocolEnd, refererEnd, userAgentEnd } = entry.request;
    // What stands behind a mistake in the request line is not there.
    if (methodEnd === start) out.put('-');
    else {
      out.putEscaped(bytes, start, methodEnd, hexEscape);
      if (protocolEnd > methodEnd) out.put(' ');
      out.putEscaped(bytes, methodEnd, targetEnd, hexEscape);
      if (protocolEnd > targetEnd) out.put(' ');
      out.putEscaped(bytes, targetEnd, protocolEnd, hexEscape);
    }
    out.put('" ');
    out.putNumber(entry.status);
    out.put(' ');
    out.putNumber(entry.bytes);
    out.put(' "');
    if (refererEnd === protocolEnd) out.put('-');
    else out.putEscaped(bytes, protocolEnd, refererEnd, hexEscape);
    out.put('" "');
    if (userAgentEnd === refererEnd) out.put('-');
    else out.putEscaped(bytes, refererEnd, userAgentEnd, hexEscape);
    out.put('" ');
    putSeconds(out, entry.durationUs);
    out.put(' ');
    out.put(entry.cache || '-');
    out.put('\n');
  };
}

function jsonFormatter(pid: number): LineFormatter {
  const secondOf = perSecond((ms) => `{"time":"${new Date(ms).toISOString().slice(0, 20)}`);
  const end = `","pid":${pid}}\n`;
  return (out, entry, nowMs) => {
    out.put(secondOf(nowMs));
    out.put(PADDED[nowMs % 1000]!);
    const { bytes, start, methodEnd, targetEnd, protocolEnd, refererEnd, userAgentEnd } = entry.request;
    out.put('Z","remote":"');
    out.put(entry.remote);
    out.put('","method":"');
    out.putEscaped(bytes, start, methodEnd, jsonEscape);
    out.put('","target":"');
    out.putEscaped(bytes, methodEnd, targetEnd, jsonEscape);
    out.put('","protocol":"');
    out.putEscaped(bytes, targetEnd, protocolEnd, jsonEscape);
    out.put('","status":');
    out.putNumber(entry.status);
    out.put(',"bytes":');
    out.putNumber(entry.bytes);
    out.put(',"durationMs":');
    out.put(String(Math.round(entry.durationUs) / 1000));
    out.put(',"referer":"');
    out.putEscaped(bytes, protocolEnd, refererEnd, jsonEscape);
    out.put('","userAgent":"');
    out.putEscaped(bytes, refererEnd, userAgentEnd, jsonEscape);
    out.put('","cache":"');
    out.put(entry.cache);
    out.put(end);
  };
}

/** Remembers the last second's text: making it costs as much as the rest of the line. */
function perSecond(make: (ms: number) => string): (ms: number) => string {
  let second = Number.NaN;
  let text = '';
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now !== second) {
      second = now;
      text = make(now * 1000);
    }
    return text;
  };
}

/** `10/Oct/2000:13:55:36 -0700`, in the time zone of the process, as Apache and nginx write it. */
function commonLogTime(ms: number): string {
  const date = new Date(ms);
  const zone = -date.getTimezoneOffset();
  const two = (n: number): string => String(n).padStart(2, '0');
  const offset = `${zone < 0 ? '-' : '+'}${two(Math.floor(Math.abs(zone) / 60))}${two(Math.abs(zone) % 60)}`;
  const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
  return `${day}:${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${offset}`;
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Each byte that is not ASCII is one `\u00xx`, so that nothing is lost. */
function jsonEscape(byte: number): string {
  if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  return `\\u${byte.toString(16).padStart(4, '0')}`;
}

function putSeconds(out: LineBuffer, us: number): void {
  const ms = Math.round(us / 1000);
  out.putNumber(Math.floor(ms / 1000));
  out.put('.');
  out.put(PADDED[ms % 1000]!);
}
