/** `handover get HOST:PORT PATH…`: transfers files over GetFile with several threads, and says how fast. */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EXIT, type ExitCode, HandoverError, messageOf } from '../errors.js';
import { Boss } from '../getfile/client/boss.js';
import type { Job, ThreadOptions } from '../getfile/client/job.js';
import { localName, parseWorkload } from '../getfile/client/paths.js';
import { Tally } from '../getfile/client/tally.js';
import { digestOf, Verifier } from '../getfile/client/verifier.js';
import type { CommandLine } from './command-line.js';
import { type GetOptions, getOptions } from './get-options.js';
import { type GetFacts, progressLine, reportJson, reportText } from './get-report.js';
import { showing } from './progress.js';
import { reportMistakes } from './report.js';
import type { Terminal } from './terminal.js';

/** Exits with 0 when every transfer was whole, with EXIT.notTransferred when one was not. */
export async function get(line: CommandLine, terminal: Terminal): Promise<ExitCode> {
  const options = getOptions(line, readWorkload(line, terminal.cwd), terminal.cwd);
  if ('mistakes' in options) return reportMistakes(options.mistakes, terminal);
  const { paths, requests: wanted, threads, verify } = options;
  const thread = await threadOptions(options);
  const verifier = new Verifier(
    verify === undefined || verify === 'repeats' ? undefined : await digestsIn(verify, paths),
  );
  const tally = new Tally();
  const boss = new Boss({
    threads,
    thread,
    jobs: jobsOf(options, verifier),
    onOutcome: (job, outcome) => tally.add(job, verifier.judge(job.path, outcome)),
  });
  const startedMs = performance.now();
  const facts = (): GetFacts => ({ tally, wanted, threads, elapsedMs: performance.now() - startedMs });
  await showing(
    () => progressLine(facts()),
    terminal,
    () => interruptible(boss),
  );
  terminal.out(line.switches.has('json') ? reportJson(facts()) : reportText(facts()));
  for (const { path, problem } of tally.failures) terminal.err(`handover get: ${path}: ${problem}\n`);
  const untold = tally.errors - tally.failures.length;
  if (untold > 0) terminal.err(`handover get: and ${untold} more that failed\n`);
  return tally.requests - tally.errors === wanted ? EXIT.ok : EXIT.notTransferred;
}

function readWorkload({ values }: CommandLine, cwd: string): readonly string[] | undefined {
  const file = values.get('workload');
  if (file === undefined) return undefined;
  try {
    return parseWorkload(readFileSync(resolve(cwd, file), 'utf8'));
  } catch (error) {
    throw new HandoverError('WORKLOAD', `--workload=${file}: ${messageOf(error)}`, EXIT.cannotRead, error);
  }
}

async function threadOptions({ host, port, timeoutMs, verify }: GetOptions): Promise<ThreadOptions> {
  try {
    const addresses = await lookup(host, { all: true });
    return { host, addresses, port, timeoutMs, hashes: verify !== undefined };
  } catch (error) {
    throw new HandoverError('LOOKUP', `${host} has no address: ${messageOf(error)}`, EXIT.usage, error);
  }
}

/** What the files in a directory must come as. */
async function digestsIn(directory: string, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const path of new Set(paths)) {
    try {
      digests.set(path, await digestOf(join(directory, localName(path)!)));
    } catch (error) {
      const message = `--verify=${directory}: ${path} has nothing to be compared with: ${messageOf(error)}`;
      throw new HandoverError('VERIFY', message, EXIT.cannotRead, error);
    }
  }
  return digests;
}

function* jobsOf({ paths, requests, out }: GetOptions, verifier: Verifier): Generator<Job, void> {
  for (let i = 0; i < requests; i++) {
    const path = paths[i % paths.length]!;
    const file = out === undefined ? undefined : join(out, localName(path)!);
    yield { path, file, expected: verifier.expectedOf(path) };
  }
}

/** Ctrl-C breaks off what is under way; what was transferred by then is still told. */
async function interruptible(boss: Boss): Promise<void> {
  const stop = (): void => boss.stop();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    await boss.run();
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
