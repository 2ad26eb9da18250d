/** What a command knows of the world it was called from. Tests make their own. */

export interface Terminal {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Columns to lay text out in. */
  readonly columns: number;
  /** True when standard output shows colours. */
  readonly colour: boolean;
  /** True when standard error is a terminal, where a line can be shown that changes. */
  readonly isInteractive: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The process's own. Colours only on a terminal, and not against NO_COLOR (no-color.org). */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    columns: Math.min(Math.max(stdout.columns ?? 90, 60), 100),
    colour: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    isInteractive: stderr.isTTY === true && env.TERM !== 'dumb',
    env,
    cwd: process.cwd(),
  };
}
