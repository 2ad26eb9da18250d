/** Access log lines as texts. */
import type { LogFormat } from '../../src/config/settings.js';
import { type AccessEntry, lineFormatter } from '../../src/worker/access-line.js';
import { LineBuffer } from '../../src/worker/line-buffer.js';

/** A formatter whose lines are texts. */
export function textFormatter(format: LogFormat, pid: number): (entry: AccessEntry, nowMs: number) => string {
  const formatter = lineFormatter(format, pid);
  const buffer = new LineBuffer();
  return (entry, nowMs) => {
    formatter(buffer, entry, nowMs);
    return buffer.take(buffer.length).toString('latin1');
  };
}
