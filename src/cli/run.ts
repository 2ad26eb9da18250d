/** Runs what the arguments ask for, and turns whatever comes of it into an exit code. */
import { EXIT, type ExitCode, HandoverError } from '../errors.js';
import { VERSION } from '../version.js';
import { type CommandLine, parseCommandLine } from './command-line.js';
import type { Command } from './options.js';
import { reportMistakes } from './report.js';
import type { Terminal } from './terminal.js';

/** `lock` exits as the command does that it runs. */
type Run = (line: CommandLine, terminal: Terminal) => number | Promise<number>;

/** Each is loaded when it is called for: `stop` needs no server, and nobody waits for code that is not run. */
const RUN: Readonly<Record<Command, () => Promise<Run>>> = {
  serve: async () => (await import('./serve.js')).serve,
  check: async () => (await import('./check.js')).check,
  stop: async () => (await import('./control.js')).stop,
  reload: async () => (await import('./control.js')).reload,
  get: async () => (await import('./get.js')).get,
  status: async () => (await import('./status.js')).status,
  purge: async () => (await import('./purge.js')).purge,
  send: async () => (await import('./send.js')).send,
  jobs: async () => (await import('./jobs.js')).jobs,
  lock: async () => (await import('./lock.js')).lock,
  tokens: async () => (await import('./tokens.js')).tokens,
  cached: async () => (await import('./cached.js')).cached,
};

/** Does not throw: every failure is one line on standard error, a defect its stack as well. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const line = parseCommandLine(args, terminal.cwd);
    if (line.switches.has('help')) {
      terminal.out((await import('./help.js')).helpText(VERSION, terminal.columns));
      return EXIT.ok;
    }
    if (line.switches.has('version')) {
      terminal.out(`handover ${VERSION}\n`);
      return EXIT.ok;
    }
    if (line.mistakes.length > 0) {
      reportMistakes(line.mistakes, terminal);
      terminal.err('handover --help lists the commands and options\n');
      return EXIT.usage;
    }
    const command = await RUN[line.command]();
    return await command(line, terminal);
  } catch (error) {
    return fail(error, terminal);
  }
}

function fail(error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof HandoverError) {
    terminal.err(`handover: ${error.message}\n`);
    return error.exitCode;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`handover: internal error, please report it\n${detail}\n`);
  return EXIT.internal;
}
