/** A setting as somebody wrote it, before its value is read, and the place where they wrote it. */
import { relative, sep } from 'node:path';
import type { ConfigMistake } from './mistake.js';
import { COMMAND_LINE, ENVIRONMENT } from './mistake.js';
import type { SettingName } from './setting.js';

/** Where the value of a setting came from. `file` is absolute, `line` counts from 1. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'command line'; readonly flag: string };

export interface Assignment {
  readonly name: SettingName;
  readonly text: string;
  /** The key as it was written: `PORT`, `HANDOVER_PORT`, `--port`, `DIR`. */
  readonly key: string;
  readonly origin: Exclude<Origin, { readonly kind: 'default' }>;
  /** Absolute directory that relative paths in the value start from. */
  readonly base: string;
}

/** An absolute path as a person in `cwd` would write it: relative when it lies below, else whole. */
export function shownPath(path: string, cwd: string): string {
  const below = relative(cwd, path);
  if (below === '') return '.';
  return below === '..' || below.startsWith(`..${sep}`) ? path : below;
}

/** Where a mistake in an assignment is: source, line, key and value as they were written. */
export function placeOf(
  assignment: Assignment,
  cwd: string,
): Pick<ConfigMistake, 'source' | 'line' | 'key' | 'value'> {
  const { origin, key, text: value } = assignment;
  switch (origin.kind) {
    case 'file':
      return { source: shownPath(origin.file, cwd), line: origin.line, key, value };
    case 'environment':
      return { source: ENVIRONMENT, key, value };
    case 'command line':
      return { source: COMMAND_LINE, key, value };
  }
}

/** `server.conf:3`, `environment HANDOVER_PORT`, `command line --port`, `default`. */
export function describeOrigin(origin: Origin, cwd: string): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${shownPath(origin.file, cwd)}:${origin.line}`;
    case 'environment':
      return `environment ${origin.variable}`;
    case 'command line':
      return `command line ${origin.flag}`;
  }
}
