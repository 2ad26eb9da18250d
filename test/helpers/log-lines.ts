/** Access log lines as texts, of responses told in texts. */
import type { LogFormat } from '../../src/config/settings.js';
import { type AccessEntry, lineFormatter } from '../../src/worker/access-line.js';
import { LineBuffer } from '../../src/worker/line-buffer.js';
import type { RequestText } from '../../src/worker/request-text.js';

/** An entry of the log; texts of the request have one char for each byte, and are `''` where they are absent. */
export interface TextEntry extends Omit<AccessEntry, 'request'> {
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly referer: string;
  readonly userAgent: string;
}

export function toEntry({ method, target, protocol, referer, userAgent, ...rest }: TextEntry): AccessEntry {
  const before = 'what was there before';
  let text = before;
  const after = (part: string): number => {
    text += part;
    return text.length;
  };
  const request: Omit<RequestText, 'bytes'> = {
    start: before.length,
    methodEnd: after(method),
    targetEnd: after(target),
    protocolEnd: after(protocol),
    refererEnd: after(referer),
    userAgentEnd: after(userAgent),
  };
  return { ...rest, request: { ...request, bytes: Buffer.from(`${text}what follows`, 'latin1') } };
}

/** A formatter whose lines are texts. */
export function textFormatter(format: LogFormat, pid: number): (entry: TextEntry, nowMs: number) => string {
  const formatter = lineFormatter(format, pid);
  const buffer = new LineBuffer();
  return (entry, nowMs) => {
    formatter(buffer, toEntry(entry), nowMs);
    return buffer.take(buffer.length).toString('latin1');
  };
}
