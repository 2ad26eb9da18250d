/** `npm run bench:cpu`: from arguments to the comparison on standard output. Wiring. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.js';
import { choose } from '../arguments.js';
import { commit, readMachineFacts } from '../machine.js';
import { measure } from '../measure.js';
import { runProgram } from '../program.js';
import { Progress } from '../progress.js';
import { number } from '../report/cells.js';
import type { Contender } from '../servers/contender.js';
import { chooseContenders } from '../servers/contenders.js';
import { Fleet } from '../servers/fleet.js';
import { makeSite } from '../site.js';
import { median } from '../statistics.js';
import { CPU_HELP, type CpuOptions, parseCpuArguments } from './arguments.js';
import type { CpuCase } from './case.js';
import { type CpuSample, compare, renderComparison } from './compare.js';
import { missingTool, runTool } from './tools.js';

/** The part of a run that is done before each, and once for all of them, and is not measured. */
const WARM_UP_PART = 1 / 4;

const progress = new Progress(process.stderr);
const args = process.argv.slice(2);

process.exitCode = await runProgram({
  name: 'bench:cpu',
  help: CPU_HELP,
  parse() {
    const options = parseCpuArguments(args);
    const contenders = chooseContenders(options);
    const { against } = options;
    if (against !== undefined) choose(new Map(contenders.map((one) => [one.name, one])), [against]);
    return { ...options, contenders };
  },
  run,
  progress,
});

type Options = CpuOptions & { readonly contenders: readonly Contender[] };

async function run(options: Options, signal: AbortSignal): Promise<number> {
  const { workers, accessLog, json } = options;
  const cases = options.cases.filter((one) => {
    const problem = missingTool(one.tool);
    if (problem !== undefined) progress.line(`${one.name}: ${problem}`);
    return problem === undefined;
  });
  const workDirectory = mkdtempSync(join(tmpdir(), 'handover-bench-'));
  const fleet = new Fleet();
  try {
    const site = makeSite(join(workDirectory, 'site'), cases);
    const task = { workDirectory, workers, accessLog };
    await fleet.start(options.contenders, site, task, signal, (name, reason) => {
      progress.line(`${name}: ${reason}`);
    });
    const startedAt = new Date().toISOString();
    const samples = await runRounds(options, cases, fleet, signal);
    if (samples.length === 0) return 1;
    const servers = fleet.facts.map(({ name }) => name);
    const fallback = servers.includes('nginx') ? 'nginx' : (servers[1] ?? servers[0]!);
    const reference = options.against ?? fallback;
    process.stdout.write(
      `${renderComparison(compare(samples, reference), reference)}\n\n${noise(samples)}\n`,
    );
    if (json !== undefined) {
      const facts = { startedAt, commit: commit(), node: process.version, machine: readMachineFacts() };
      writeFileSync(json, `${JSON.stringify({ ...facts, args, servers: fleet.facts, samples }, null, 1)}\n`);
    }
    return 0;
  } finally {
    progress.clear();
    await fleet.stop();
    rmSync(workDirectory, { recursive: true, force: true });
  }
}

async function runRounds(
  { rounds, amount }: CpuOptions,
  cases: readonly CpuCase[],
  fleet: Fleet,
  signal: AbortSignal,
): Promise<readonly CpuSample[]> {
  const samples: CpuSample[] = [];
  // Round 0 is for the servers to get past their start.
  for (let round = 0; round <= rounds; round++) {
    for (const one of cases) {
      for (const { name } of fleet.facts) {
        const stage = round === 0 ? 'warming up' : `round ${round}/${rounds}`;
        const position = `${stage}, ${one.name}: ${name}`;
        const server = fleet.get(name);
        progress.update(position);
        try {
          if (typeof server === 'string') throw new Error(server);
          await runTool(one, server.port, warmUp(amount), signal);
          if (round === 0) continue;
          const { result, cost } = await measure(server.pid, () => runTool(one, server.port, amount, signal));
          if (cost.serverCpuUs === null) throw new Error('the system does not tell CPU times');
          const cpuPerRequestUs = cost.serverCpuUs / result.responses;
          const { otherCpuShare } = cost;
          samples.push({ round, case: one.name, server: name, ...result, cpuPerRequestUs, otherCpuShare });
          progress.plain(`${position} ${number(cpuPerRequestUs, 2)} µs`);
        } catch (error) {
          signal.throwIfAborted();
          progress.line(`${position} failed: ${messageOf(error)}`);
        }
      }
    }
  }
  return samples;
}

function warmUp({ seconds, requests }: CpuOptions['amount']): CpuOptions['amount'] {
  return { seconds: Math.ceil(seconds * WARM_UP_PART), requests: Math.ceil(requests * WARM_UP_PART) };
}

function noise(samples: readonly CpuSample[]): string {
  const shares = samples.flatMap(({ otherCpuShare }) => otherCpuShare ?? []);
  const percent = (share: number): string => `${number(share * 100, 1)} %`;
  return `Other programs used ${percent(median(shares))} of the machine in the median run, ${percent(Math.max(0, ...shares))} in the busiest.`;
}
