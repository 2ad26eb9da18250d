/** From single runs to the cells of the tables: medians over the rounds. Pure. */
import { errorCount, type LoadErrors, type Measurement, type Sample } from '../results.js';
import { type Distribution, median } from '../statistics.js';

export interface Cell {
  readonly scenario: string;
  readonly connections: number;
  readonly server: string;
  /** Undefined when every run failed. */
  readonly numbers: CellNumbers | undefined;
  /** Why runs failed; empty when none did. */
  readonly failures: readonly string[];
}

/** Medians over the rounds that did not fail, column by column; errors and requests are sums. */
export interface CellNumbers {
  readonly rounds: number;
  readonly requests: number;
  readonly errors: LoadErrors;
  readonly elapsedMs: number;
  readonly requestsPerSecond: number;
  /** Elapsed time times connections over responses: how long each of the connections had to wait for one. */
  readonly msPerRequest: number;
  readonly timesMs: Distribution;
  /** Undefined where the system does not tell. */
  readonly cpuPerRequestUs: number | undefined;
  readonly clientCpuShare: number;
}

/** Above this share of a core the load generator may have been the slower one. */
export const SATURATED = 0.9;

/** True when the requests per second may say more about the load generator than about the server. */
export function isSaturated({ clientCpuShare }: CellNumbers): boolean {
  return clientCpuShare > SATURATED;
}

/** One cell for each scenario, number of connections and server, in the order they first ran. */
export function toCells(samples: readonly Sample[]): readonly Cell[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const name = JSON.stringify([sample.scenario, sample.connections, sample.server]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [sample]);
    else group.push(sample);
  }
  return [...groups.values()].map((group) => {
    const { scenario, connections, server } = group[0]!;
    const runs = group.filter((sample): sample is Measurement => sample.ok);
    const failures = group.flatMap((sample) => (sample.ok ? [] : [sample.reason]));
    const numbers = runs.length === 0 ? undefined : summarise(runs);
    return { scenario, connections, server, numbers, failures };
  });
}

function summarise(runs: readonly Measurement[]): CellNumbers {
  const middle = (part: (run: Measurement) => number): number => median(runs.map(part));
  const total = (part: (run: Measurement) => number): number => runs.reduce((sum, run) => sum + part(run), 0);
  const cpu = runs.flatMap((run) => (run.serverCpuUs === null ? [] : [run.serverCpuUs / run.responses]));
  return {
    rounds: runs.length,
    requests: total((run) => run.requests),
    errors: {
      non2xx: total((run) => run.errors.non2xx),
      socket: total((run) => run.errors.socket),
      timeouts: total((run) => run.errors.timeouts),
      short: total((run) => run.errors.short),
      lost: total((run) => run.errors.lost),
    },
    elapsedMs: middle((run) => run.elapsedMs),
    requestsPerSecond: middle((run) => run.requestsPerSecond),
    msPerRequest: middle((run) => (run.elapsedMs * run.connections) / run.responses),
    timesMs: {
      min: middle((run) => run.timesMs.min),
      mean: middle((run) => run.timesMs.mean),
      sd: middle((run) => run.timesMs.sd),
      median: middle((run) => run.timesMs.median),
      p99: middle((run) => run.timesMs.p99),
      max: middle((run) => run.timesMs.max),
    },
    cpuPerRequestUs: cpu.length === 0 ? undefined : median(cpu),
    clientCpuShare: middle((run) => run.clientCpuShare),
  };
}

/** The errors in words, such as `3 timeouts, 1 short`; `0` when there are none. */
export function errorText(errors: LoadErrors): string {
  if (errorCount(errors) === 0) return '0';
  const words: [number, string][] = [
    [errors.non2xx, 'non-2xx'],
    [errors.socket, 'socket'],
    [errors.timeouts, 'timeouts'],
    [errors.short, 'short'],
    [errors.lost, 'lost'],
  ];
  return words.flatMap(([count, word]) => (count === 0 ? [] : [`${number(count)} ${word}`])).join(', ');
}

/** `1,234.5` */
export function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
