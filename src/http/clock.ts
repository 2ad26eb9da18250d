/**
 * The time as responses need it: milliseconds for decisions, and the Date field, made anew only when the
 * second changes. Updated by its owner at the start of each piece of work, so one piece sees one time.
 */
import { formatHttpDate } from './http-date.js';

export class Clock {
  /** Milliseconds since the epoch. */
  nowMs = 0;
  /** Milliseconds of a clock that is never set, for durations and deadlines. */
  steadyMs = 0;
  /** Whole seconds since the epoch. */
  second = -1;
  /** `Date: …` with its line end. */
  dateLine = '';

  constructor(nowMs: number, steadyMs: number) {
    this.update(nowMs, steadyMs);
  }

  update(nowMs: number, steadyMs: number): void {
    this.nowMs = nowMs;
    this.steadyMs = steadyMs;
    const second = Math.floor(nowMs / 1000);
    if (second === this.second) return;
    this.second = second;
    this.dateLine = `Date: ${formatHttpDate(nowMs)}\r\n`;
  }
}
