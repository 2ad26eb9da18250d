/** `npm run bench:cpu`: from arguments to the comparison on standard output and in files. Wiring. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { choose } from '../arguments.js';
import { commit, readMachineFacts } from '../machine.js';
import { RESULTS } from '../paths.js';
import { runProgram } from '../program.js';
import { Progress } from '../progress.js';
import type { Contender } from '../servers/contender.js';
import { chooseContenders } from '../servers/contenders.js';
import { Fleet } from '../servers/fleet.js';
import { makeSite } from '../site.js';
import { AccessLogs } from './access-logs.js';
import { CPU_HELP, type CpuOptions, caseList, parseCpuArguments } from './arguments.js';
import type { CpuCase } from './case.js';
import { compare } from './compare.js';
import { openFilesLimit } from './kernel.js';
import { renderCpuReport } from './report.js';
import type { CpuResult } from './result.js';
import { runRounds } from './rounds.js';
import { Runner } from './run-case.js';
import { missingTool } from './tools.js';

/** What a server or client has open beside its connections. */
const OTHER_OPEN_FILES = 500;

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
  if (options.list) {
    process.stdout.write(caseList());
    return 0;
  }
  const result = await bench(options, signal);
  if (result === undefined) return 1;
  const page = renderCpuReport(result);
  process.stdout.write(page);
  writeFiles(result, page, options.out);
  return result.samples.some(({ problems }) => problems.length === 0) ? 0 : 1;
}

/** Undefined when there is nothing to measure. */
async function bench(options: Options, signal: AbortSignal): Promise<CpuResult | undefined> {
  const { workers, accessLog, rounds, amount } = options;
  const leftOut: { name: string; reason: string }[] = [];
  const leaveOut = (name: string, reason: string): void => {
    leftOut.push({ name, reason });
    progress.line(`${name} is left out: ${reason}`);
  };
  const cases = options.cases.filter((one) => {
    const problem = obstacle(one);
    if (problem !== undefined) leaveOut(one.name, problem);
    return problem === undefined;
  });
  const workDirectory = mkdtempSync(join(tmpdir(), 'handover-bench-'));
  const fleet = new Fleet();
  try {
    const startedAt = new Date().toISOString();
    const files = cases.filter((one) => one.kind !== 'requests' || one.status !== 404);
    const site = makeSite(join(workDirectory, 'site'), files);
    const task = { workDirectory, workers, accessLog };
    await fleet.start(options.contenders, site, task, signal, leaveOut);
    const servers = fleet.facts.filter(({ name }) => typeof fleet.get(name) !== 'string');
    const contenders = options.contenders.filter((one) => servers.some(({ name }) => name === one.name));
    if (cases.length === 0 || contenders.length === 0) return undefined;
    const logs = new AccessLogs();
    const runner = new Runner({ ...task, site: site.directory }, amount, signal, (server, responses) => {
      if (fleet.get(server.name) === server) logs.answered(server.name, responses);
    });
    const plan = { rounds, cases, contenders, workDirectory };
    const samples = await runRounds(plan, fleet, runner, logs, progress, signal);
    const names = servers.map(({ name }) => name);
    const reference = options.against ?? (names.includes('nginx') ? 'nginx' : (names[1] ?? names[0]!));
    return {
      ...{
        version: 2,
        command: ['npm run bench:cpu', ...(args.length === 0 ? [] : ['--', ...args])].join(' '),
      },
      ...{ startedAt, endedAt: new Date().toISOString(), machine: readMachineFacts() },
      versions: { node: process.version.slice(1), commit: commit() },
      ...{ rounds, amount, workers, accessLog, reference, cases, servers, leftOut },
      logged: logs.shares,
      comparisons: compare(samples, cases, names, reference),
      samples,
    };
  } finally {
    progress.clear();
    await fleet.stop();
    rmSync(workDirectory, { recursive: true, force: true });
  }
}

/** Why a case cannot be run here; undefined when it can. */
function obstacle(one: CpuCase): string | undefined {
  const tool = missingTool(one.kind === 'requests' ? one.tool : 'wrk');
  if (tool !== undefined) return tool;
  const needed = one.connections + OTHER_OPEN_FILES;
  const limit = openFilesLimit();
  if (limit >= needed) return undefined;
  return `it needs ${needed} open files, and no more than ${limit} are allowed (ulimit -Hn)`;
}

function writeFiles(result: CpuResult, page: string, out: string | undefined): void {
  const time = result.startedAt.slice(0, 19).replace('T', '-').replaceAll(':', '');
  const base = resolve(RESULTS, out ?? `${time}-cpu-partial`);
  mkdirSync(dirname(base), { recursive: true });
  writeFileSync(`${base}.json`, `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(`${base}.md`, page);
  progress.line(`results are in ${relative(process.cwd(), `${base}.md`)}`);
}
