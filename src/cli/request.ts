/** From the arguments to the question that the settings answer: which configuration file, which directory. */
import { resolve } from 'node:path';
import type { SettingsRequest } from '../config/load.js';
import { kindAt } from '../config/near-path.js';
import type { CommandLine } from './command-line.js';
import type { Terminal } from './terminal.js';

/** The configuration that is used when none is named. */
export const DEFAULT_CONFIG = 'server.conf';

/** `server.conf` if there is one in the current directory. */
export function defaultConfig(cwd: string): string | undefined {
  return kindAt(resolve(cwd, DEFAULT_CONFIG)) === 'missing' ? undefined : DEFAULT_CONFIG;
}

/** What to load for a command whose operand, if it has one, is the directory to serve. */
export function settingsRequest(line: CommandLine, terminal: Terminal): SettingsRequest {
  const { operand: directory, flags } = line;
  const { cwd, env } = terminal;
  const configFile = line.config ?? (directory === undefined ? defaultConfig(cwd) : undefined);
  return { cwd, env, configFile, flags, directory };
}
