/**
 * Jobs beside what else takes streams of bytes: a plain receiver in node:http, and `nc` into files. The same bytes for
 * all, in interleaved rounds, each time after a run that does not count; megabytes per second until all is acknowledged,
 * and CPU time of all processes of the server for a megabyte.
 *
 *     npm run bench:jobs [-- ROUNDS [NAME]]        5 by default; NAME: also into bench/results/NAME.md and .json
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CrowdPlan, JobsCrowdProcesses, tally } from '../test/helpers/jobs-crowd.js';
import { Processes } from '../test/helpers/processes.js';
import { type JobsCase, type JobsSample, jobsPage, megabytesOf } from './jobs/report.js';
import { checkResults, createJobs, removeJobs, waitForResults } from './jobs/results.js';
import { commit, readMachineFacts } from './machine.js';
import { measure } from './measure.js';
import { RESULTS } from './paths.js';
import { rotated } from './plan.js';
import { freePort } from './servers/probe.js';
import { handoverJobs, NcReceivers, nodeReceiver } from './servers/receivers.js';
import { RunningServer } from './servers/running-server.js';

const KB = 1024;
const MB = 1024 * KB;
const WORKERS = 2;
/** Exit code of a program that a signal has ended. */
const INTERRUPTED = 130;
/** Of `nc`, at once: each of them takes one connection at a time. */
const MAX_NC = 32;

const repeat = (bytes: number, times: number): number[] => Array.from({ length: times }, () => bytes);
const CASES: readonly JobsCase[] = [
  { title: '4,000 parts of 1 KB', jobs: 20, clients: 10, sizes: repeat(KB, 20) },
  { title: '2,000 parts of 64 KB', jobs: 20, clients: 10, sizes: repeat(64 * KB, 10) },
  { title: '256 parts of 1 MB', jobs: 8, clients: 4, sizes: repeat(MB, 8) },
  { title: '8 parts of 64 MB', jobs: 4, clients: 2, sizes: [64 * MB] },
];

interface Receiver {
  readonly name: string;
  readonly pid: number;
  plan(one: JobsCase, name: string): CrowdPlan;
  /** Where jobs are: what is asked there, so that they become results. */
  readonly url?: string;
}

const [rounds = 5, name] = [Number(process.argv[2] ?? 5), process.argv[3]];
const { signal } = new AbortController();
const directory = mkdtempSync(join(tmpdir(), 'handover-jobs-'));
const site = join(directory, 'site');
mkdirSync(site);
// However this ends, nothing is left behind: servers end with the process, too.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => process.exit(INTERRUPTED));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
const startedAt = new Date().toISOString();
const stops: (() => Promise<void>)[] = [];
try {
  const receivers = await startAll();
  const samples: JobsSample[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const one of CASES) {
      for (const receiver of rotated(receivers, round)) {
        // Whoever begins, after others have had the machine, waits for memory that it has taken away meanwhile.
        await run(receiver, one, round, 'warm-up');
        const sample = await run(receiver, one, round, 'measured');
        samples.push(sample);
        const { server, elapsedMs, cpuUs } = sample;
        const mb = megabytesOf(one);
        process.stdout.write(
          `${round} ${one.title}: ${server} ${((mb * 1000) / elapsedMs).toFixed(1)} MB/s, ` +
            `${(cpuUs / 1000 / mb).toFixed(2)} ms of CPU for a MB\n`,
        );
      }
    }
  }
  const facts = { startedAt, rounds, workers: WORKERS, node: process.version, commit: commit() };
  const result = { ...facts, machine: readMachineFacts(), cases: CASES, samples };
  const page = jobsPage(result);
  process.stdout.write(`\n${page}`);
  if (name !== undefined) {
    writeFileSync(join(RESULTS, `${name}.md`), page);
    writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
  }
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function startAll(): Promise<Receiver[]> {
  const task = { site, workDirectory: directory, workers: WORKERS, accessLog: false };
  const rawPort = await freePort();
  const handover = await RunningServer.start(handoverJobs(join(directory, 'jobs'), rawPort), task, signal);
  stops.push(() => handover.stop());
  const node = await RunningServer.start(nodeReceiver, task, signal);
  stops.push(() => node.stop());
  const nc = await NcReceivers.start(join(directory, 'nc'), MAX_NC);
  stops.push(() => nc.stop());
  const url = `http://127.0.0.1:${handover.port}`;
  const http = (port: number) => (one: JobsCase, prefix: string) => planOf(one, prefix, 'http', [port]);
  return [
    { name: 'handover, HTTP', pid: handover.pid, url, plan: http(handover.port) },
    {
      name: 'handover, raw TCP',
      pid: handover.pid,
      url,
      plan: (one, prefix) => planOf(one, prefix, 'tcp', [rawPort]),
    },
    { name: 'node:http', pid: node.pid, plan: http(node.port) },
    { name: 'nc', pid: nc.pid, plan: (one, prefix) => ncPlan(one, prefix, nc.ports) },
  ];
}

function planOf(
  { jobs, clients, sizes }: JobsCase,
  prefix: string,
  protocol: CrowdPlan['protocol'],
  ports: readonly number[],
): CrowdPlan {
  // The results are looked at instead, where there are results.
  return { jobs, clients, sizes, name: prefix, protocol, ports, isStrict: false };
}

/** The same bytes by as many clients as there are `nc`, or fewer. */
function ncPlan({ jobs, clients, sizes }: JobsCase, prefix: string, ports: readonly number[]): CrowdPlan {
  const atOnce = Math.min(jobs * clients, ports.length);
  const each = repeat(sizes[0]!, (jobs * clients * sizes.length) / atOnce);
  const one = { title: '', jobs: 1, clients: atOnce, sizes: each };
  return planOf(one, prefix, 'pipe', ports.slice(0, atOnce));
}

async function run(
  { name: server, pid, url, plan: planFor }: Receiver,
  one: JobsCase,
  round: number,
  pass: 'warm-up' | 'measured',
) {
  const plan = planFor(one, `r${round}-${CASES.indexOf(one)}-${server.replaceAll(/\W+/g, '-')}-${pass}`);
  const processes = new Processes();
  try {
    const crowd = await JobsCrowdProcesses.start(processes, plan, 1);
    if (url !== undefined) await createJobs(url, plan);
    // A connection that nc has taken keeps all others from it.
    if (plan.protocol !== 'pipe') await crowd.connect();
    const { result, cost } = await measure(pid, async () => {
      const start = performance.now();
      const outcomes = await crowd.send();
      const elapsedMs = performance.now() - start;
      const results = url === undefined ? [] : await waitForResults(url, plan);
      return { outcomes, elapsedMs, results, resultsMs: performance.now() - start };
    });
    const { outcomes, elapsedMs, results, resultsMs } = result;
    if (outcomes.some(({ ending }) => ending !== 'accepted')) {
      throw new Error(`${server}, ${one.title}: ${JSON.stringify(tally(outcomes))}`);
    }
    if (url !== undefined) {
      checkResults(plan, results);
      await removeJobs(url, plan);
    }
    const cpuUs = cost.serverCpuUs ?? Number.NaN;
    return { round, case: one.title, server, elapsedMs, resultsMs: url ? resultsMs : null, cpuUs };
  } finally {
    await processes.end();
  }
}
