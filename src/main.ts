#!/usr/bin/env node
/** The `handover` command: arguments in, exit code out. */
import { run } from './cli/run.js';
import { processTerminal } from './cli/terminal.js';
import { EXIT, type ExitCode, messageOf, systemCode } from './errors.js';

/** Something that was to be written is lost. */
let lost: ExitCode | undefined;

// A reader that has seen enough (`handover --help | head`) is no failure, and must not end a server.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (systemCode(error) === 'EPIPE' || lost !== undefined) return;
    lost = EXIT.cannotRead;
    process.exitCode = lost;
    if (stream === process.stdout) process.stderr.write(`handover: standard output: ${messageOf(error)}\n`);
  });
}

const exitCode = await run(process.argv.slice(2), processTerminal());
process.exitCode = lost ?? exitCode;
