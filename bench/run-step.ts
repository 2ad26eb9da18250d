/** One run of the benchmark: a warm-up, then the load, as one sample. */
import { messageOf } from '../src/errors.js';
import type { Generators } from './load/generators.js';
import type { LoadJob, LoadOutcome } from './load/job.js';
import { type Cost, measure } from './measure.js';
import type { Step } from './plan.js';
import type { Sample, SampleKey } from './results.js';
import type { RunningServer } from './servers/running-server.js';
import { distribution } from './statistics.js';

/** What autocannon waits for a response, by default as well. */
const TIMEOUT_SECONDS = 10;
/** Requests that are sent before each run, of the same kind: that part of the run's, but not fewer than these. */
const WARM_UP_PART = 1 / 20;
const WARM_UP_LEAST = 500;

/** Requests that each server gets before the first run, with and without keep-alive: its first are its slowest. */
const FIRST_REQUESTS = 2_000;
const FIRST_CONNECTIONS = 50;

/** Gets a server past its start. What goes wrong here will be seen in the runs. */
export async function warmUp(server: RunningServer, path: string, generators: Generators): Promise<void> {
  for (const keepAlive of [true, false]) {
    await generators.run(
      {
        url: urlOf(server, path),
        connections: FIRST_CONNECTIONS,
        requests: FIRST_REQUESTS,
        keepAlive,
        sizeBytes: 0,
        timeoutSeconds: TIMEOUT_SECONDS,
      },
      () => {},
    );
  }
}

/** `server` is the reason when there is none. Rejects only when the benchmark is interrupted. */
export async function runStep(
  step: Step,
  server: RunningServer | string,
  generators: Generators,
  signal: AbortSignal,
  onProgress: (responses: number) => void,
): Promise<Sample> {
  const { round, scenario, connections } = step;
  const key: SampleKey = { round, scenario: scenario.name, connections, server: step.server };
  if (typeof server === 'string') return { ...key, ok: false, reason: server };
  const { path, sizeBytes, keepAlive, requests } = scenario;
  const job: LoadJob = {
    url: urlOf(server, path),
    connections,
    requests,
    keepAlive,
    sizeBytes,
    timeoutSeconds: TIMEOUT_SECONDS,
  };
  const before = {
    ...job,
    requests: Math.max(connections, WARM_UP_LEAST, Math.round(requests * WARM_UP_PART)),
  };
  try {
    await generators.run(before, () => {});
    const { result, cost } = await measure(server.pid, () => generators.run(job, onProgress));
    const failure = server.failure();
    if (failure !== undefined) return { ...key, ok: false, reason: failure };
    return toMeasurement(key, requests, result, cost);
  } catch (error) {
    signal.throwIfAborted();
    return { ...key, ok: false, reason: server.failure() ?? messageOf(error) };
  }
}

function urlOf({ port }: RunningServer, path: string): string {
  return `http://127.0.0.1:${port}${path}`;
}

/** Puts together what the generators report. Pure. */
export function toMeasurement(
  key: SampleKey,
  requests: number,
  outcomes: readonly LoadOutcome[],
  cost: Pick<Cost, 'serverCpuUs' | 'serverProcessesEnded' | 'otherCpuShare'>,
): Sample {
  const total = (part: (outcome: LoadOutcome) => number): number =>
    outcomes.reduce((sum, outcome) => sum + part(outcome), 0);
  const responses = total(({ timesMs }) => timesMs.length);
  const answered = outcomes.filter(({ timesMs }) => timesMs.length > 0);
  if (answered.length === 0) return { ...key, ok: false, reason: 'not one response' };
  const startedNs = Math.min(...outcomes.map((outcome) => Number(outcome.startedNs)));
  const endedNs = Math.max(...answered.map((outcome) => Number(outcome.endedNs)));
  const elapsedMs = (endedNs - startedNs) / 1e6;
  const failed = { socket: total((part) => part.socketErrors), timeouts: total((part) => part.timeouts) };
  return {
    ...key,
    ok: true,
    requests,
    responses,
    elapsedMs,
    requestsPerSecond: (responses / elapsedMs) * 1000,
    timesMs: distribution(joined(outcomes)),
    errors: {
      ...failed,
      non2xx: total((part) => part.non2xx),
      short: total((part) => part.short),
      lost: Math.max(0, requests - responses - failed.socket - failed.timeouts),
    },
    connectionsOpened: total((part) => part.connectionsOpened),
    serverCpuUs: cost.serverCpuUs,
    serverProcessesEnded: cost.serverProcessesEnded,
    otherCpuShare: cost.otherCpuShare,
    clientCpuShare: Math.max(...outcomes.map(({ cpuUs }) => cpuUs)) / 1000 / elapsedMs,
  };
}

function joined(outcomes: readonly LoadOutcome[]): Float64Array {
  const times = new Float64Array(outcomes.reduce((sum, { timesMs }) => sum + timesMs.length, 0));
  let at = 0;
  for (const { timesMs } of outcomes) {
    times.set(timesMs, at);
    at += timesMs.length;
  }
  return times;
}
