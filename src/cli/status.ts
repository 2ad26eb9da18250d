/** `handover status`: what a running server says of itself in its stats.json. */
import { EXIT, type ExitCode } from '../errors.js';
import type { CommandLine } from './command-line.js';
import { findServer } from './find-server.js';
import { readStats } from './read-stats.js';
import { statusText } from './status-text.js';
import type { Terminal } from './terminal.js';

/** Prints the statistics, with `--json` as the document itself. */
export function status(line: CommandLine, terminal: Terminal): ExitCode {
  const { server } = findServer(line, terminal);
  const document = readStats(server.statsFile);
  if ('problem' in document) {
    const { problem } = document;
    terminal.err(`handover runs (pid ${server.pid}), but ${server.statsFile || 'stats.json'}: ${problem}\n`);
    return EXIT.cannotRead;
  }
  terminal.out(
    line.switches.has('json')
      ? `${JSON.stringify(document, undefined, 2)}\n`
      : statusText(document, Date.now()),
  );
  return EXIT.ok;
}
