/**
 * The text of one access log line, in both formats. Pure but for remembering the second it last
 * formatted. Lines are ASCII whatever a client sends, so their length in bytes is their length.
 *
 *     combined   remote - - [time] "method target protocol" status bytes "referer" "agent" seconds cache
 *     json       {"time":…,"remote":…, … ,"cache":…,"pid":…}
 *
 * Both are documented for users in docs/logs.md.
 */
import type { LogFormat } from '../config/settings.js';
import type { CacheState } from '../http/reply.js';

/** One response. Strings are as received, one char for each byte (latin1); `''` for what was absent. */
export interface AccessEntry {
  readonly remote: string;
  /** `''`: no request line could be read. */
  readonly method: string;
  readonly target: string;
  /** `HTTP/1.1`, for instance. What stands behind a mistake in the request line is `''`, from the target on. */
  readonly protocol: string;
  readonly status: number;
  /** Body bytes sent. */
  readonly bytes: number;
  readonly durationUs: number;
  readonly referer: string;
  readonly userAgent: string;
  readonly cache: CacheState;
}

/** Makes the line, with its line feed, of a response decided at `nowMs` since the epoch. */
export type LineFormatter = (entry: AccessEntry, nowMs: number) => string;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const PADDED = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'));

/** nginx's rule (ngx_http_log_escape): quote, backslash, control bytes and all that is not ASCII. */
const UNSAFE = /["\\\x00-\x1f\x7f-\uffff]/;
const EACH_UNSAFE = new RegExp(UNSAFE, 'g');

/** A formatter of the given format. `pid` is that of this worker, for the JSON lines. */
export function lineFormatter(format: LogFormat, pid: number): LineFormatter {
  return format === 'json' ? jsonFormatter(pid) : combinedFormatter();
}

function combinedFormatter(): LineFormatter {
  const timeOf = perSecond(commonLogTime);
  return (entry, nowMs) => {
    const request =
      entry.method === ''
        ? '-'
        : `${escaped(entry.method)} ${escaped(entry.target)} ${entry.protocol}`.trimEnd();
    return (
      `${entry.remote || '-'} - - [${timeOf(nowMs)}] "${request}" ${entry.status} ${entry.bytes} ` +
      `"${escaped(entry.referer) || '-'}" "${escaped(entry.userAgent) || '-'}" ` +
      `${formatSeconds(entry.durationUs)} ${entry.cache || '-'}\n`
    );
  };
}

function jsonFormatter(pid: number): LineFormatter {
  const secondOf = perSecond((ms) => new Date(ms).toISOString().slice(0, 20));
  const end = `,"pid":${pid}}\n`;
  return (entry, nowMs) =>
    `{"time":"${secondOf(nowMs)}${PADDED[nowMs % 1000]}Z","remote":${quote(entry.remote)}` +
    `,"method":${quote(entry.method)},"target":${quote(entry.target)},"protocol":"${entry.protocol}"` +
    `,"status":${entry.status},"bytes":${entry.bytes},"durationMs":${Math.round(entry.durationUs) / 1000}` +
    `,"referer":${quote(entry.referer)},"userAgent":${quote(entry.userAgent)},"cache":"${entry.cache}"${end}`;
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

function escaped(text: string): string {
  return UNSAFE.test(text) ? text.replace(EACH_UNSAFE, hexEscape) : text;
}

function hexEscape(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** A JSON string in which each byte that is not ASCII is one `\u00xx`, so that nothing is lost. */
function quote(text: string): string {
  return UNSAFE.test(text) ? `"${text.replace(EACH_UNSAFE, jsonEscape)}"` : `"${text}"`;
}

function jsonEscape(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`;
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function formatSeconds(us: number): string {
  const ms = Math.round(us / 1000);
  return ms < 1000 ? `0.${PADDED[ms]}` : `${Math.floor(ms / 1000)}.${PADDED[ms % 1000]}`;
}
