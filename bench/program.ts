/** What the benchmarks have in common as programs: wrong arguments, --help, Ctrl-C, exit codes. */
import { messageOf } from '../src/errors.js';
import type { Progress } from './progress.js';

const USAGE = 2;
/** Of a program that ended because of SIGINT, as shells have it. */
const INTERRUPTED = 130;

export interface Program<Options> {
  readonly name: string;
  readonly help: string;
  /** Throws what is wrong with the arguments. */
  parse(): Options;
  /** Resolves to the exit code. Rejects when `signal` is given, having ended all that it started. */
  run(options: Options, signal: AbortSignal): Promise<number>;
  readonly progress: Progress;
}

/** Runs a program and resolves to its exit code. A defect rejects. */
export async function runProgram<Options extends { readonly help: boolean }>(
  program: Program<Options>,
): Promise<number> {
  const { name, help, progress } = program;
  let options: Options;
  try {
    options = program.parse();
  } catch (error) {
    progress.line(`${name}: ${messageOf(error)}`);
    return USAGE;
  }
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  const signal = interruptSignal();
  try {
    return await program.run(options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    progress.line('interrupted: nothing was written');
    return INTERRUPTED;
  }
}

/** Given at the first SIGINT, SIGTERM or SIGHUP. The second one ends the program without waiting. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      controller.abort(new Error('interrupted'));
    });
  }
  return controller.signal;
}
