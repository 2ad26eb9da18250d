/** `handover status`: what a running server says of itself in its stats.json. */
import { readFileSync } from 'node:fs';
import { EXIT, type ExitCode, messageOf } from '../errors.js';
import type { StatsDocument } from '../stats/schema.js';
import type { CommandLine } from './command-line.js';
import { findServer } from './find-server.js';
import { statusText } from './status-text.js';
import type { Terminal } from './terminal.js';

/** Prints the statistics, with `--json` as the document itself. */
export function status(line: CommandLine, terminal: Terminal): ExitCode {
  const { server } = findServer(line, terminal);
  const text = readText(server.statsFile);
  const document = typeof text === 'string' ? parseStats(text) : undefined;
  if (document === undefined) {
    const reason = typeof text === 'string' ? 'this is not its statistics' : text.problem;
    terminal.err(`handover runs (pid ${server.pid}), but ${server.statsFile || 'stats.json'}: ${reason}\n`);
    return EXIT.cannotRead;
  }
  terminal.out(
    line.switches.has('json')
      ? `${JSON.stringify(document, undefined, 2)}\n`
      : statusText(document, Date.now()),
  );
  return EXIT.ok;
}

function readText(path: string): string | { readonly problem: string } {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** The document, if it is one of the version we know. */
function parseStats(text: string): StatsDocument | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isOurs = typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
    return isOurs ? (value as StatsDocument) : undefined;
  } catch {
    return undefined;
  }
}
