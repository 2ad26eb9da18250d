#!/usr/bin/env node
/** The `handover` command: arguments in, exit code out. */
import { run } from './cli/run.js';
import { processTerminal } from './cli/terminal.js';
import { systemCode } from './errors.js';

// A reader that has seen enough (`handover --help | head`) is no failure, and must not end a server.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (systemCode(error) !== 'EPIPE') throw error;
  });
}

process.exitCode = await run(process.argv.slice(2), processTerminal());
