/**
 * Keeps a worker from flooding the server's own log: what goes wrong for one request, such as a lack of
 * descriptors, goes wrong for thousands.
 */

/** Lines in one second; more are counted and not said. */
const MAX_LINES = 10;
const WINDOW_MS = 1000;

export class ReportLimit {
  readonly #send: (text: string) => void;
  readonly #now: () => number;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #unsaid = 0;

  /** @param now a clock that is never set, in milliseconds */
  constructor(send: (text: string) => void, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  report(text: string): void {
    this.settle();
    if (this.#lines === 0) this.#windowStartMs = this.#now();
    if (this.#lines < MAX_LINES) {
      this.#lines++;
      this.#send(text);
    } else this.#unsaid++;
  }

  /** Says how many problems were not said, once their second is over. To be called now and then. */
  settle(): void {
    if (this.#now() - this.#windowStartMs < WINDOW_MS) return;
    if (this.#unsaid > 0) this.#send(`${this.#unsaid} more problems were not reported one by one`);
    this.#lines = 0;
    this.#unsaid = 0;
  }
}
