/** What is shown while a benchmark runs: one line that changes on a terminal, plain lines elsewhere. */

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const ERASE_LINE = '\r\u001b[K';

export class Progress {
  readonly #stream: ProgressStream;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  /** Replaces the changing line; elsewhere than on a terminal nothing is shown. */
  update(text: string): void {
    if (this.#stream.isTTY !== true) return;
    // A line that wraps could not be erased.
    this.#stream.write(`${ERASE_LINE}${text.slice(0, (this.#stream.columns ?? 80) - 1)}`);
  }

  /** A line that stays. */
  line(text: string): void {
    this.#stream.write(`${this.#stream.isTTY === true ? ERASE_LINE : ''}${text}\n`);
  }

  /** A line for those who see no changing one. */
  plain(text: string): void {
    if (this.#stream.isTTY !== true) this.line(text);
  }

  /** Removes the changing line. */
  clear(): void {
    if (this.#stream.isTTY === true) this.#stream.write(ERASE_LINE);
  }
}

/** `m:ss`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
