/** The commands, and the options that are no settings. Pure data, for the parser and the help. */
import type { SettingName } from '../config/setting.js';

export const COMMANDS = [
  'serve',
  'check',
  'stop',
  'reload',
  'status',
  'purge',
  'get',
  'send',
  'jobs',
  'lock',
  'tokens',
  'cached',
] as const;

/** `serve` is what happens without a command; it has no word of its own. */
export type Command = (typeof COMMANDS)[number];

export type OptionName =
  | 'config'
  | 'root'
  | 'open'
  | 'print-config'
  | 'json'
  | 'workload'
  | 'threads'
  | 'requests'
  | 'timeout'
  | 'out'
  | 'job'
  | 'part'
  | 'url'
  | 'token'
  | 'retries'
  | 'wait'
  | 'watch'
  | 'read'
  | 'write'
  | 'prefix'
  | 'verify'
  | 'help'
  | 'version';

export interface Option {
  readonly short: string | undefined;
  /** Stands for the value in the help; undefined for options without one. */
  readonly placeholder: string | undefined;
  /** The value may be left out; it is written behind an equals sign. */
  readonly mayStandAlone?: true;
  readonly summary: string;
  /** The commands that know it. */
  readonly commands: readonly Command[];
}

export const OPTIONS: Readonly<Record<OptionName, Option>> = {
  config: {
    short: 'c',
    placeholder: 'FILE',
    summary: 'Read settings from FILE; without it and DIR, from ./server.conf if there is one',
    commands: ['serve', 'check', 'stop', 'reload', 'status', 'send', 'jobs', 'lock', 'tokens', 'cached'],
  },
  root: {
    short: undefined,
    placeholder: 'DIR',
    summary: 'With cached: serve the files below DIR to its clients as well',
    commands: ['cached'],
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
    summary:
      'With status, get, jobs and tokens: print the statistics, the report, or how things stand, as JSON',
    commands: ['status', 'get', 'jobs', 'tokens'],
  },
  workload: {
    short: undefined,
    placeholder: 'FILE',
    summary: 'With get: the paths in FILE too, one on each line',
    commands: ['get'],
  },
  threads: {
    short: undefined,
    placeholder: 'N',
    summary: 'With get: threads, each of which does one transfer at a time [4]',
    commands: ['get'],
  },
  requests: {
    short: undefined,
    placeholder: 'N',
    summary: 'With get: transfers in all, the paths again and again [each path once]',
    commands: ['get'],
  },
  timeout: {
    short: undefined,
    placeholder: 'SECONDS',
    summary: 'With get: how long the server may say nothing [60]',
    commands: ['get'],
  },
  out: {
    short: undefined,
    placeholder: 'DIR|FILE',
    summary: 'With get: keep the files below DIR; with jobs result: write it to FILE, not to standard output',
    commands: ['get', 'jobs'],
  },
  job: {
    short: undefined,
    placeholder: 'JOB',
    summary: 'With send: the job that the part is of',
    commands: ['send'],
  },
  part: {
    short: undefined,
    placeholder: 'PART',
    summary: 'With send: the name of the part [that of the file]',
    commands: ['send'],
  },
  url: {
    short: undefined,
    placeholder: 'URL',
    summary:
      'With send, jobs, lock and tokens: the server, as http://HOST:PORT [the one that runs on this machine]',
    commands: ['send', 'jobs', 'lock', 'tokens'],
  },
  token: {
    short: undefined,
    placeholder: 'TOKEN',
    summary:
      'With send and jobs: what its JOBS_TOKEN says, with lock and tokens: its WRITE_TOKEN [HANDOVER_JOBS_TOKEN, HANDOVER_WRITE_TOKEN]',
    commands: ['send', 'jobs', 'lock', 'tokens'],
  },
  retries: {
    short: undefined,
    placeholder: 'N',
    summary: 'With send: how often it is tried again when nothing arrives [5]',
    commands: ['send'],
  },
  wait: {
    short: undefined,
    placeholder: 'SECONDS',
    summary:
      'With jobs result: how long to wait until the job is done [0]; with lock: for the lock [for ever]',
    commands: ['jobs', 'lock'],
  },
  watch: {
    short: undefined,
    placeholder: undefined,
    summary: 'With jobs: show them again and again, and one job until it is done',
    commands: ['jobs'],
  },
  read: {
    short: undefined,
    placeholder: undefined,
    summary: 'With lock: others may read too, and nobody writes',
    commands: ['lock'],
  },
  write: {
    short: undefined,
    placeholder: undefined,
    summary: 'With lock: nobody else has the file (this is what it does)',
    commands: ['lock'],
  },
  prefix: {
    short: undefined,
    placeholder: 'PATH',
    summary: 'With tokens: only files whose path begins with PATH',
    commands: ['tokens'],
  },
  verify: {
    short: undefined,
    placeholder: 'DIR',
    mayStandAlone: true,
    summary: 'With get: compare what comes with the files below DIR; without DIR, each path with itself',
    commands: ['get'],
  },
  help: { short: 'h', placeholder: undefined, summary: 'Print this help', commands: COMMANDS },
  version: { short: 'v', placeholder: undefined, summary: 'Print the version', commands: COMMANDS },
};

/** Letters for settings. */
export const SHORT_FLAGS: Readonly<Partial<Record<SettingName, string>>> = { port: 'p' };

/** The settings that a command takes as flags. */
export function takesSetting(command: Command, name: SettingName): boolean {
  if (command === 'serve' || command === 'check') return true;
  if (command === 'get') return false;
  if (name === 'drainTimeoutSeconds') return command === 'stop';
  if (command === 'cached') return name === 'sharedCacheMb' || name === 'sharedCacheSocket';
  return name === 'port' || name === 'host' || name === 'pidFile';
}
