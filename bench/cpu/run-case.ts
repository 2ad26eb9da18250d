/** One run: one case on one server, and what came of it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../src/errors.js';
import { type Cost, measure, measureNow } from '../measure.js';
import type { Contender } from '../servers/contender.js';
import { RunningServer, type ServerTask } from '../servers/running-server.js';
import { type Expected, expectedAnswers } from './ask.js';
import type { CpuCase, CrowdCase, Figure, IdleCase, RequestCase, TransferCase } from './case.js';
import { IdleConnections } from './idle.js';
import { establishedTo } from './kernel.js';
import { type Memory, readMemory, settledMemory, watchMemory } from './memory.js';
import { serverProblems, toolProblems } from './problems.js';
import { type Amount, startTool, type ToolCount, type ToolName, type ToolRun, wrkScript } from './tools.js';

/** All that was measured, so that everything can be computed again. */
export interface Outcome {
  readonly figures: Readonly<Partial<Record<Figure, number>>>;
  /** Why the run does not count; empty when it does. */
  readonly problems: readonly string[];
  readonly count?: ToolCount;
  /** Of the load tool. */
  readonly threads?: number;
  /** What of it was measured, when not the whole. */
  readonly window?: { readonly requests: number; readonly elapsedMs: number };
  readonly expected?: Expected;
  readonly cost?: Cost;
  /** `during`: the most there was while it ran. */
  readonly memory?: { readonly before: Memory; readonly during: Memory };
}

/** The part of a run that is done before each, and is not measured. */
const WARM_UP_PART = 1 / 4;
/** Longer than any crowd takes to stand and be measured; it is ended before. */
const CROWD_SECONDS = 240;
const CROWD_STANDS_MS = 30_000;
const POLL_MS = 200;
/** Connections by which a server gets past its start. Many requests would leave memory that V8 frees much later. */
const FIRST_CONNECTIONS = 500;

export class Runner {
  readonly #task: ServerTask;
  readonly #amount: Amount;
  readonly #signal: AbortSignal;
  readonly #onAnswered: (server: RunningServer, responses: number) => void;
  readonly #directory: string;

  /** `onAnswered` is told of all requests that load tools had answered. */
  constructor(
    task: ServerTask,
    amount: Amount,
    signal: AbortSignal,
    onAnswered: (server: RunningServer, responses: number) => void,
  ) {
    this.#task = task;
    this.#amount = amount;
    this.#signal = signal;
    this.#onAnswered = onAnswered;
    this.#directory = join(task.workDirectory, 'tools');
    mkdirSync(this.#directory);
  }

  /** Rejects when the run cannot be made at all. `contender` is what `server` was started as. */
  async run(one: CpuCase, server: RunningServer, contender: Contender, round: number): Promise<Outcome> {
    if (one.kind === 'idle') return this.#idle(one, contender, round);
    const expected = await expectedAnswers(server.port, one);
    if (one.kind === 'crowd') return this.#crowd(one, server, expected);
    return this.#load(one, server, expected);
  }

  /** Lets a server do for a short time what it will be measured at. */
  async warmUp(one: CpuCase, server: RunningServer): Promise<void> {
    if (one.kind === 'idle') return;
    const expected = await expectedAnswers(server.port, one);
    await this.#tool(one, server, expected, warmUpAmount(this.#amount));
  }

  async #load(one: RequestCase | TransferCase, server: RunningServer, expected: Expected): Promise<Outcome> {
    const before = readMemory(server.pid);
    await this.#tool(one, server, expected, warmUpAmount(this.#amount));
    const work = (): Promise<ToolCount> => this.#tool(one, server, expected, this.#amount);
    // Looking at memory takes time from the server: only where memory is the question.
    const watched = async () =>
      one.kind === 'transfer' ? watchMemory(server.pid, work) : { result: await work(), peak: undefined };
    const { result, cost } = await measure(server.pid, watched);
    const { result: count, peak } = result;
    const problems = [...toolProblems(one, count, expected), ...serverProblems(cost, server.failure())];
    const common = { problems, count, threads: threadsOf(one), expected, cost };
    const cpuUs = cost.serverCpuUs ?? Number.NaN;
    if (one.kind === 'requests') {
      return { ...common, figures: { cpuPerRequestUs: cpuUs / count.responses } };
    }
    if (before === undefined || peak === undefined) throw new Error('the system does not tell memory');
    const megabytes = count.bytes / 1e6;
    const figures = {
      megabytesPerSecond: megabytes / (count.elapsedMs / 1000),
      cpuPerMegabyteUs: cpuUs / megabytes,
      memoryGrowthMb: Math.max(0, peak.pssBytes - before.pssBytes) / 2 ** 20,
    };
    return { ...common, figures, memory: { before, during: peak } };
  }

  async #crowd(one: CrowdCase, server: RunningServer, expected: Expected): Promise<Outcome> {
    const counter = join(this.#directory, 'sent');
    const script = this.#script('crowd', { counter });
    const task = { url: urlOf(server, one), connections: one.connections, threads: 1, headers: [], script };
    const run = startTool('wrk', task, { ...this.#amount, seconds: CROWD_SECONDS }, this.#signal);
    try {
      await this.#stands(one, server, run, counter);
      const { result, cost } = await measureNow(server.pid, async () => {
        const sent = readCounter(counter);
        const startMs = performance.now();
        await sleep(this.#amount.seconds * 1000, undefined, { signal: this.#signal });
        return { requests: readCounter(counter) - sent, elapsedMs: performance.now() - startMs };
      });
      run.finish();
      const count = await run.result;
      this.#onAnswered(server, count.responses);
      const problems = [...toolProblems(one, count, expected), ...serverProblems(cost, server.failure())];
      if (result.requests === 0) problems.push('not one answer while it was measured');
      const figures = { cpuPerRequestUs: (cost.serverCpuUs ?? Number.NaN) / result.requests };
      return { figures, problems, count, window: result, expected, cost };
    } finally {
      run.finish();
      // Its end is what matters here; how it ended has been said, or something worse has happened.
      await run.result.catch(() => {});
      rmSync(counter, { force: true });
    }
  }

  /** Resolves when every connection stands, and they have had some requests each. */
  async #stands(one: CrowdCase, server: RunningServer, run: ToolRun, counter: string): Promise<void> {
    const { connections } = one;
    const ended = run.result.then(() => {
      throw new Error('wrk ended before its time');
    });
    ended.catch(() => {});
    const deadlineMs = performance.now() + CROWD_STANDS_MS;
    for (;;) {
      await Promise.race([ended, sleep(POLL_MS, undefined, { signal: this.#signal })]);
      const standing = establishedTo(server.port);
      const sent = readCounter(counter);
      if (standing >= connections && sent >= 2 * connections) return;
      if (performance.now() > deadlineMs) {
        throw new Error(`${standing} of ${connections} connections stood, with ${sent} requests`);
      }
    }
  }

  /** On a server of its own: memory that earlier loads have left would hide what the connections take. */
  async #idle(one: IdleCase, contender: Contender, round: number): Promise<Outcome> {
    const workDirectory = join(this.#task.workDirectory, `${one.name}-${round}`);
    const server = await RunningServer.start(contender, { ...this.#task, workDirectory }, this.#signal);
    const connections = new IdleConnections();
    try {
      const expected = await expectedAnswers(server.port, one);
      await connections.open(FIRST_CONNECTIONS, server.port, one.path, this.#signal);
      connections.close();
      const before = await settledMemory(server.pid, this.#signal);
      await connections.open(one.connections, server.port, one.path, this.#signal);
      const during = await settledMemory(server.pid, this.#signal);
      if (before === undefined || during === undefined) throw new Error('the system does not tell memory');
      const { standing } = connections;
      const failure = server.failure();
      const problems = [
        ...(failure === undefined ? [] : [failure]),
        ...(standing === one.connections ? [] : [`only ${standing} connections were kept`]),
        ...(during.pssBytes > before.pssBytes ? [] : ['memory became less: it had not settled before']),
        ...(before.processes === during.processes ? [] : ['processes ended or were started']),
      ];
      const figures = { bytesPerConnection: (during.pssBytes - before.pssBytes) / one.connections };
      return { figures, problems, expected, memory: { before, during } };
    } finally {
      connections.close();
      await server.stop();
      rmSync(workDirectory, { recursive: true, force: true });
    }
  }

  async #tool(
    one: CpuCase,
    server: RunningServer,
    { headers }: Expected,
    amount: Amount,
  ): Promise<ToolCount> {
    const tool: ToolName = one.kind === 'requests' ? one.tool : 'wrk';
    const pipeline = one.kind === 'requests' ? one.pipeline : 1;
    const script = this.#script(`pipeline-${pipeline}`, { pipeline });
    const { connections } = one;
    const task = { url: urlOf(server, one), connections, threads: threadsOf(one), headers, script };
    const count = await startTool(tool, task, amount, this.#signal).result;
    this.#onAnswered(server, count.responses);
    return count;
  }

  #script(name: string, options: Parameters<typeof wrkScript>[0]): string {
    const file = join(this.#directory, `${name}.lua`);
    writeFileSync(file, wrkScript(options));
    return file;
  }
}

/** To take large files in is more work than to send them: one thread would be the slower one. */
function threadsOf({ kind, connections }: CpuCase): number {
  return kind === 'transfer' ? Math.min(connections, availableParallelism()) : 1;
}

function warmUpAmount({ seconds, requests }: Amount): Amount {
  return { seconds: Math.ceil(seconds * WARM_UP_PART), requests: Math.ceil(requests * WARM_UP_PART) };
}

function urlOf({ port }: RunningServer, { path }: CpuCase): string {
  return `http://127.0.0.1:${port}${path}`;
}

/** What `wrkScript` writes there; 0 before wrk has started. */
function readCounter(file: string): number {
  try {
    return Number(readFileSync(file, 'latin1'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
