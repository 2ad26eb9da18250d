/** A line on the terminal that shows how far things are while they run. */
import type { Terminal } from './terminal.js';

const PROGRESS_MS = 100;
const BAR_WIDTH = 24;
const ERASE_LINE = '\r\u001b[K';

/** A bar, and how much that is. `share`: from 0 to 1. */
export function bar(share: number): string {
  const filled = Math.floor(share * BAR_WIDTH);
  return `[${'#'.repeat(filled).padEnd(BAR_WIDTH, '-')}] ${Math.floor(share * 100)} %`;
}

/** Shows what `line` says, on a terminal, until the action is over; then the line is gone. */
export async function showing<T>(
  line: () => string,
  terminal: Terminal,
  action: () => Promise<T>,
): Promise<T> {
  if (!terminal.isInteractive) return await action();
  // A line that wraps could not be erased.
  const show = (): void => terminal.err(ERASE_LINE + line().slice(0, terminal.columns - 1));
  show();
  const timer = setInterval(show, PROGRESS_MS);
  try {
    return await action();
  } finally {
    clearInterval(timer);
    terminal.err(ERASE_LINE);
  }
}
