/**
 * Coded errors and the table of exit codes. Inner code throws or returns these; the boundary that
 * catches one logs its message once.
 */

import { inspect } from 'node:util';

/** What each exit code of the `handover` command means (docs/signals.md prints this table). */
export const EXIT = {
  ok: 0,
  /** A configuration is wrong: `check` found mistakes, or the server could not start on it. */
  badConfig: 1,
  /** The command line is wrong: unknown command or option, or a value that cannot be. */
  usage: 2,
  /** An address cannot be bound: taken, not ours, or not permitted. */
  cannotListen: 3,
  /** A file or directory named in the settings is missing or unreadable. */
  cannotRead: 4,
  /** A worker could not boot, so the server stopped instead of looping. */
  workerBoot: 5,
  /** `stop`, `reload`, `status`, `purge`, `send`, `jobs`, `lock` or `tokens` found no running server. */
  notRunning: 6,
  /** They found one, but it did not end in time, belongs to another user, or refuses what is asked. */
  notObeyed: 7,
  /** `get` did not receive every file whole, `send` did not deliver its part, or a job has no result. */
  notTransferred: 8,
  /** `lock` did not get its lock in time, or has lost it. */
  notLocked: 9,
  /** A defect in handover itself. */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error with a stable code, a one-line message for a person, and the exit code it leads to. */
export class HandoverError extends Error {
  override readonly name = 'HandoverError';
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, exitCode: ExitCode = EXIT.internal, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** The system's code of an error (`ENOENT`, `EADDRINUSE`), or `''` when it has none. */
export function systemCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** What a person should read of any thrown value, on one line. */
export function messageOf(error: unknown): string {
  const isObject = typeof error === 'object' && error !== null;
  // Not all objects become strings, and none says what it is then.
  const text = error instanceof Error ? String(error.message) : isObject ? inspect(error) : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
