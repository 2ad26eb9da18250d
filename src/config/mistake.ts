/** Mistakes in a configuration: where, what, and what would be right. Every one is collected, not just the first. */

/** The `source` of a mistake in the arguments. */
export const COMMAND_LINE = 'command line';
/** The `source` of a mistake in a `HANDOVER_` variable. */
export const ENVIRONMENT = 'environment';

export interface ConfigMistake {
  /** The file as it is best shown, `command line` or `environment`. */
  readonly source: string;
  /** Counted from 1; only in files. */
  readonly line?: number | undefined;
  /** The key as it was written there: `PORT`, `HANDOVER_PORT`, `--port`; `''` when the source itself is at fault. */
  readonly key: string;
  readonly value?: string | undefined;
  readonly message: string;
  /** What would be right. */
  readonly hint?: string | undefined;
  /** True when a file or directory is missing or unreadable, rather than a value malformed. */
  readonly unreadable?: boolean | undefined;
}

/** One line for a person: `server.conf:12: NUM_WORKER=4: unknown key; did you mean NUM_WORKERS?` */
export function formatMistake(mistake: ConfigMistake): string {
  const { source, line, key, value, message, hint } = mistake;
  const place = line === undefined ? source : `${source}:${line}`;
  const subject = value === undefined ? key : `${key}=${printable(value)}`;
  const text = hint === undefined ? message : `${message}; ${hint}`;
  return subject === '' ? `${place}: ${text}` : `${place}: ${subject}: ${text}`;
}

/** What a person wrote, safe to show on a terminal: on one line, without control characters, not endless. */
export function printable(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
  return clean.length > 100 ? `${clean.slice(0, 97)}...` : clean;
}
