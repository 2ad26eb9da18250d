/** The shape of a result file: every run as it was measured, and all that is needed to judge or repeat it. */
import type { Scenario } from './scenario.js';
import type { Distribution } from './statistics.js';

/** Names one run. */
export interface SampleKey {
  /** From 1. */
  readonly round: number;
  readonly scenario: string;
  readonly connections: number;
  readonly server: string;
}

/** What went wrong, in requests. */
export interface LoadErrors {
  /** Answered with a status outside 200-299. */
  readonly non2xx: number;
  /** Refused, reset or otherwise broken connections. */
  readonly socket: number;
  /** Not answered within the time a client waits. */
  readonly timeouts: number;
  /** Answered with fewer bytes than the file has. */
  readonly short: number;
  /** Never answered, without an error either: the server closed the connection. */
  readonly lost: number;
}

export interface Measurement extends SampleKey {
  readonly ok: true;
  readonly requests: number;
  readonly responses: number;
  /** From the first connection to the last response. */
  readonly elapsedMs: number;
  readonly requestsPerSecond: number;
  /** From sending a request, with a connection of its own from connecting, to the end of its response. */
  readonly timesMs: Distribution;
  readonly errors: LoadErrors;
  /** Connections the load generator opened. */
  readonly connectionsOpened: number;
  /** Of all the server's processes; null where the system does not tell. */
  readonly serverCpuUs: number | null;
  /** Processes of the server that ended during the run. */
  readonly serverProcessesEnded: number;
  /** CPU time of the busiest generator process over the elapsed time: near 1, it set the pace. */
  readonly clientCpuShare: number;
  /** Share of the machine's cores that neither the server nor the benchmark used; null where not told. */
  readonly otherCpuShare: number | null;
}

export interface Failure extends SampleKey {
  readonly ok: false;
  readonly reason: string;
}

export type Sample = Measurement | Failure;

export interface ServerFacts {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** How it is run, and what it does not do. */
  readonly about: string;
  readonly command: readonly string[];
}

export interface SkippedServer {
  readonly name: string;
  readonly reason: string;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
}

export interface BenchResult {
  readonly version: 1;
  /** Complete enough to be the published result: no shortened or filtered run. */
  readonly whole: boolean;
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly machine: Machine;
  readonly versions: { readonly node: string; readonly autocannon: string; readonly commit: string };
  readonly rounds: number;
  /** Of each server. */
  readonly workers: number;
  /** Load generator processes. */
  readonly clients: number;
  readonly accessLog: boolean;
  readonly scenarios: readonly Scenario[];
  readonly servers: readonly ServerFacts[];
  readonly skipped: readonly SkippedServer[];
  readonly samples: readonly Sample[];
}

/** How many requests went wrong, in whatever way. */
export function errorCount({ non2xx, socket, timeouts, short, lost }: LoadErrors): number {
  return non2xx + socket + timeouts + short + lost;
}
