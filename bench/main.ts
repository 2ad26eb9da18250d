/** `npm run bench`: from arguments to result files. Wiring, and what is shown meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { messageOf } from '../src/errors.js';
import { type BenchOptions, HELP, parseBenchArguments } from './arguments.js';
import { Generators } from './load/generators.js';
import { autocannonVersion, commit, readMachineFacts } from './machine.js';
import { SCENARIOS } from './paths.js';
import { interleave, type Step } from './plan.js';
import { runProgram } from './program.js';
import { duration, Progress } from './progress.js';
import { errorText, number } from './report/cells.js';
import { writeResult } from './report/write.js';
import type { BenchResult, Sample } from './results.js';
import { runStep, warmUp } from './run-step.js';
import { loadScenarios } from './scenario.js';
import type { Contender } from './servers/contender.js';
import { chooseContenders } from './servers/contenders.js';
import { Fleet } from './servers/fleet.js';
import { makeSite } from './site.js';

const progress = new Progress(process.stderr);
const args = process.argv.slice(2);

process.exitCode = await runProgram({
  name: 'bench',
  help: HELP,
  parse() {
    const options = parseBenchArguments(args, loadScenarios(SCENARIOS));
    return { ...options, contenders: chooseContenders(options) };
  },
  async run(options, signal) {
    const result = await bench(options, signal);
    const page = writeResult(result, options.out);
    progress.line(`results are in ${relative(process.cwd(), page)}`);
    return result.samples.some((sample) => sample.ok) ? 0 : 1;
  },
  progress,
});

type Options = BenchOptions & { readonly contenders: readonly Contender[] };

async function bench(options: Options, signal: AbortSignal): Promise<BenchResult> {
  const { scenarios, workers, clients, accessLog, rounds } = options;
  const startedAt = new Date().toISOString();
  const workDirectory = mkdtempSync(join(tmpdir(), 'handover-bench-'));
  const fleet = new Fleet();
  const generators = new Generators(clients, signal);
  try {
    const site = makeSite(join(workDirectory, 'site'), scenarios);
    const task = { workDirectory, workers, accessLog };
    await fleet.start(options.contenders, site, task, signal, (name, reason) => {
      progress.line(`${name}: ${reason}`);
    });
    await warmUpAll(fleet, scenarios[0]!.path, generators, signal);
    const servers = fleet.facts;
    const steps = interleave(
      scenarios,
      servers.map(({ name }) => name),
      rounds,
    );
    return {
      version: 1,
      whole: options.whole,
      command: ['npm run bench', ...(args.length === 0 ? [] : ['--', ...args.map(quoted)])].join(' '),
      startedAt,
      samples: await runSteps(steps, fleet, generators, signal),
      endedAt: new Date().toISOString(),
      machine: readMachineFacts(),
      versions: { node: process.version.slice(1), autocannon: autocannonVersion(), commit: commit() },
      ...{ rounds, workers, clients, accessLog, scenarios, servers },
      skipped: fleet.skipped,
    };
  } finally {
    progress.clear();
    generators.stop();
    await fleet.stop();
    rmSync(workDirectory, { recursive: true, force: true });
  }
}

async function warmUpAll(
  fleet: Fleet,
  path: string,
  generators: Generators,
  signal: AbortSignal,
): Promise<void> {
  for (const { name } of fleet.facts) {
    const server = fleet.get(name);
    if (typeof server === 'string') continue;
    progress.update(`warming up ${name}`);
    await warmUp(server, path, generators).catch((error: unknown) => {
      signal.throwIfAborted();
      progress.line(`${name}: warming up: ${messageOf(error)}`);
    });
  }
}

async function runSteps(
  steps: readonly Step[],
  fleet: Fleet,
  generators: Generators,
  signal: AbortSignal,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  for (const [at, step] of steps.entries()) {
    const { round, scenario, connections, server } = step;
    const where = `${scenario.name}, ${connections} connections: ${server}`;
    const position = `[${at + 1}/${steps.length}] round ${round}, ${where}`;
    const show = (responses: number): void => {
      const percent = Math.floor((responses / scenario.requests) * 100);
      progress.update(`${position} ${percent} %, ${duration(performance.now() - startedMs)} so far`);
    };
    show(0);
    const sample = await runStep(step, fleet.get(server), generators, signal, show);
    samples.push(sample);
    if (sample.ok) progress.plain(`${position} ${outcome(sample)}`);
    else progress.line(`${position} failed: ${sample.reason}`);
  }
  return samples;
}

function outcome({ requestsPerSecond, serverCpuUs, responses, errors }: Sample & { ok: true }): string {
  const cpu = serverCpuUs === null ? '' : `, ${number(serverCpuUs / responses, 1)} µs CPU each`;
  return `${number(requestsPerSecond)}/s${cpu}, errors ${errorText(errors)}`;
}

function quoted(argument: string): string {
  return /^[\w./,=-]+$/.test(argument) ? argument : `'${argument}'`;
}
