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
  /** From the steady clock to the other. */
  #offsetMs = 0;

  constructor(nowMs: number, steadyMs: number) {
    this.update(nowMs, steadyMs);
  }

  /** What both clocks say. */
  update(nowMs: number, steadyMs: number): void {
    // Whole milliseconds: it may be up to one later, and what was known before is kept where it agrees.
    const lateMs = this.#offsetMs + steadyMs - nowMs;
    if (lateMs >= 1 && lateMs < 2) this.#offsetMs -= lateMs - 1;
    else if (lateMs < 0 || lateMs >= 2) this.#offsetMs = nowMs - steadyMs;
    this.#set(nowMs, steadyMs);
  }

  /** Goes by the steady clock alone, which spares asking the other; `update` notices when that was set. */
  advance(steadyMs: number): void {
    this.#set(Math.floor(this.#offsetMs + steadyMs), steadyMs);
  }

  #set(nowMs: number, steadyMs: number): void {
    this.nowMs = nowMs;
    this.steadyMs = steadyMs;
    const second = Math.floor(nowMs / 1000);
    if (second === this.second) return;
    this.second = second;
    this.dateLine = `Date: ${formatHttpDate(nowMs)}\r\n`;
  }
}
