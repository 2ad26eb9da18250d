/** handover itself, and other builds or settings of it to compare with. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { HANDOVER_MAIN, ROOT } from '../paths.js';
import type { Contender, Launch, LaunchTask } from './contender.js';

export const handover: Contender = variant('handover', HANDOVER_MAIN, []);

/** handover with each transport, whatever it chooses by itself. */
export const transports: readonly Contender[] = ['native', 'portable'].map((name) =>
  variant(name, HANDOVER_MAIN, ['--transport', name]),
);

/**
 * Another handover to run beside this one, from `NAME=MAIN_JS [FLAG...]`: the compiled main.js of another
 * checkout, or this one with other flags. Throws when that is not what is written.
 */
export function otherHandover(text: string): Contender {
  const [, name, rest] = /^([a-z][\w.-]*)=(.+)$/i.exec(text) ?? [];
  const [main, ...flags] = rest?.trim().split(/\s+/) ?? [];
  if (name === undefined || !main) throw new Error(`${text} is not NAME=MAIN_JS [FLAG...]`);
  return variant(name, resolve(main), flags);
}

/** A handover with these flags. `main`: its compiled main.js. */
export function variant(name: string, main: string, flags: readonly string[]): Contender {
  return {
    name,
    title: name,
    about: `compression, cache and statistics as by default${flags.length === 0 ? '' : `, \`${flags.join(' ')}\``}`,
    find: () =>
      existsSync(main)
        ? { present: true, version: versionOf(main) }
        : { present: false, remedy: `npm run build makes ${main}` },
    launch: (task) => launch(main, flags, task),
  };
}

function launch(main: string, flags: readonly string[], task: LaunchTask): Launch {
  const { site, workDirectory, port, workers, accessLog } = task;
  const settings = {
    host: '127.0.0.1',
    port,
    'num-workers': workers,
    'log-file': accessLog ? `${workDirectory}/access.log` : 'off',
    'stats-file': `${workDirectory}/statFile.txt`,
    'pid-file': `${workDirectory}/handover.pid`,
  };
  const args = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  return { command: process.execPath, args: [main, site, ...args, ...flags] };
}

/** The version of the package that a compiled main.js belongs to: two directories above it. */
function versionOf(main: string): string {
  const own = resolve(main, '../../../package.json');
  const file = existsSync(own) ? own : `${ROOT}package.json`;
  return String(JSON.parse(readFileSync(file, 'utf8')).version);
}
