/** The commands, and the options that are no settings. Pure data, for the parser and the help. */
import type { SettingName } from '../config/setting.js';

export const COMMANDS = ['serve', 'check', 'stop', 'reload', 'status'] as const;

/** `serve` is what happens without a command; it has no word of its own. */
export type Command = (typeof COMMANDS)[number];

export type OptionName = 'config' | 'open' | 'print-config' | 'json' | 'help' | 'version';

export interface Option {
  readonly short: string | undefined;
  /** Stands for the value in the help; undefined for options without one. */
  readonly placeholder: string | undefined;
  readonly summary: string;
  /** The commands that know it. */
  readonly commands: readonly Command[];
}

export const OPTIONS: Readonly<Record<OptionName, Option>> = {
  config: {
    short: 'c',
    placeholder: 'FILE',
    summary: 'Read settings from FILE; without it and DIR, from ./server.conf if there is one',
    commands: COMMANDS,
  },
  open: { short: 'o', placeholder: undefined, summary: 'Open the site in the browser', commands: ['serve'] },
  'print-config': {
    short: undefined,
    placeholder: undefined,
    summary: 'Print the settings in effect, and where each comes from, and end',
    commands: ['serve'],
  },
  json: {
    short: undefined,
    placeholder: undefined,
    summary: 'With status: print the statistics as JSON',
    commands: ['status'],
  },
  help: { short: 'h', placeholder: undefined, summary: 'Print this help', commands: COMMANDS },
  version: { short: 'v', placeholder: undefined, summary: 'Print the version', commands: COMMANDS },
};

/** Letters for settings. */
export const SHORT_FLAGS: Readonly<Partial<Record<SettingName, string>>> = { port: 'p' };

/** The settings that a command takes as flags. */
export function takesSetting(command: Command, name: SettingName): boolean {
  if (command === 'serve' || command === 'check') return true;
  if (name === 'drainTimeoutSeconds') return command === 'stop';
  return name === 'port' || name === 'host' || name === 'pidFile';
}
