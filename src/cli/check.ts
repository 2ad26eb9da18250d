/** `handover check [FILE]`: says whether a configuration can be used, and what is wrong with it. */
import { resolve } from 'node:path';
import { shownPath } from '../config/assignment.js';
import { wantsTls } from '../config/certificate.js';
import { type LoadedSettings, loadSettings } from '../config/load.js';
import { COMMAND_LINE } from '../config/mistake.js';
import { socketPathOf } from '../config/socket-path.js';
import { EXIT, type ExitCode } from '../errors.js';
import type { CommandLine } from './command-line.js';
import { reportMistakes } from './report.js';
import { DEFAULT_CONFIG, defaultConfig } from './request.js';
import type { Terminal } from './terminal.js';

/** Exits with 0 or, whatever is wrong, with 1. Flags and environment count, as they would for the server. */
export function check(line: CommandLine, terminal: Terminal): ExitCode {
  const { cwd, env } = terminal;
  if (line.operand !== undefined && line.config !== undefined) {
    const message = 'the file is given twice, here and by --config';
    return reportMistakes([{ source: COMMAND_LINE, key: line.operand, message }], terminal);
  }
  const file = line.operand ?? line.config ?? defaultConfig(cwd);
  if (file === undefined) {
    terminal.err(`handover check: there is no ${DEFAULT_CONFIG} here; name the file\n`);
    return EXIT.badConfig;
  }
  const loaded = loadSettings({ cwd, env, configFile: file, flags: line.flags });
  const shown = shownPath(resolve(cwd, file), cwd);
  const { length } = loaded.mistakes;
  if (length > 0) {
    reportMistakes(loaded.mistakes, terminal);
    terminal.err(`${shown}: ${length} ${length === 1 ? 'mistake' : 'mistakes'}\n`);
    return EXIT.badConfig;
  }
  terminal.out(`${shown}: ok\n${summary(loaded)}`);
  return EXIT.ok;
}

function summary({ settings, origins }: LoadedSettings): string {
  const { documentRoot, host, port, getfilePort, jobsPort, numWorkers, threadsPerWorker } = settings;
  const tls = wantsTls(settings) ? `, https port ${settings.tlsPort}` : '';
  const getfile = getfilePort === 'off' ? '' : `, GetFile port ${getfilePort}`;
  const jobs = jobsPort === 'off' ? '' : `, jobs port ${jobsPort}`;
  const changed = Object.values(origins).filter(({ kind }) => kind !== 'default').length;
  return [
    `  serves ${documentRoot} on ${socketPathOf(host) === undefined ? `${host} port ${port}${tls}${getfile}${jobs}` : host}`,
    `  workers: ${numWorkers}, threads in each: ${threadsPerWorker}`,
    `  settings written: ${changed}, all others have their defaults`,
    '',
  ].join('\n');
}
