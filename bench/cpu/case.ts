/** What `npm run bench:cpu` measures, and what handover should reach: loads that are light on the client. */

/** What is measured, with its unit. */
export type Figure =
  | 'cpuPerRequestUs'
  | 'cpuPerMegabyteUs'
  | 'megabytesPerSecond'
  | 'memoryGrowthMb'
  | 'bytesPerConnection';

/** What a figure is set in relation to: another server in the same round, or the same server in another case. */
export type Base = { readonly server: string } | { readonly case: string };

export interface Goal {
  readonly figure: Figure;
  /** Undefined: the figure itself is judged. */
  readonly of?: Base;
  /** False: a larger figure is better. */
  readonly atMost: boolean;
  readonly must: number;
  readonly aim?: number;
}

interface CaseBase {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly connections: number;
  readonly goals: readonly Goal[];
}

/** CPU time per request. wrk keeps its connections; ab opens one for each request. */
export interface RequestCase extends CaseBase {
  readonly kind: 'requests';
  readonly tool: 'wrk' | 'ab';
  /** What it is answered with: a 304 is asked for with the ETag, a 404 is of a file that is not there. */
  readonly status: 200 | 304 | 404;
  /** Requests that are sent at once on each connection. */
  readonly pipeline: number;
}

/** Bytes per second, and the memory they take. */
export interface TransferCase extends CaseBase {
  readonly kind: 'transfer';
}

/** CPU time per request once all connections stand. */
export interface CrowdCase extends CaseBase {
  readonly kind: 'crowd';
}

/** Memory of connections that were used once and kept, on a server that was started for it. */
export interface IdleCase extends CaseBase {
  readonly kind: 'idle';
  /** Memory hardly varies, and a run takes half a minute: rounds after these are spared. */
  readonly mostRounds: number;
}

export type CpuCase = RequestCase | TransferCase | CrowdCase | IdleCase;

const KB = 1024;
const MB = 1024 * KB;

const ofNginx = (must: number, aim: number): Goal => ({
  ...{ figure: 'cpuPerRequestUs', of: { server: 'nginx' }, atMost: true, must, aim },
});
const ofPortable = (must: number): Goal => ({
  ...{ figure: 'cpuPerRequestUs', of: { server: 'portable' }, atMost: true, must },
});
const asFastAsNginx: Goal = {
  ...{ figure: 'megabytesPerSecond', of: { server: 'nginx' }, atMost: false, must: 0.95, aim: 1 },
};
const flatMemory: Goal = { figure: 'memoryGrowthMb', atMost: true, must: 16 };
const flatCpu: Goal = {
  ...{ figure: 'cpuPerRequestUs', of: { case: 'connections-10' }, atMost: true, must: 1.25, aim: 1.05 },
};
const smallConnections: Goal = { figure: 'bytesPerConnection', atMost: true, must: 3 * KB, aim: 1.5 * KB };

const requests = { kind: 'requests', tool: 'wrk', status: 200, pipeline: 1, connections: 64 } as const;
const perRequest = { ...requests, tool: 'ab', connections: 100 } as const;
const missing = { ...requests, path: '/missing.txt', sizeBytes: 0, status: 404 } as const;
const file1k = { path: '/1k.txt', sizeBytes: KB } as const;
const file10k = { path: '/10k.txt', sizeBytes: 10 * KB } as const;
const transfer1m = { kind: 'transfer', path: '/1m.txt', sizeBytes: MB, connections: 16 } as const;
const transfer100m = { kind: 'transfer', path: '/100m.txt', sizeBytes: 100 * MB, connections: 4 } as const;
const crowd = { kind: 'crowd', ...file1k } as const;
const idle = { kind: 'idle', ...file1k, mostRounds: 2 } as const;

/** They do not change, so that results can be compared over time: a new question gets a new case. */
export const CPU_CASES: readonly CpuCase[] = [
  { ...requests, ...file1k, name: 'keep-alive-1k', goals: [ofNginx(0.95, 0.8)] },
  { ...requests, ...file10k, name: 'keep-alive-10k', goals: [ofNginx(1, 0.85)] },
  { ...perRequest, ...file1k, name: 'per-request-1k', goals: [ofNginx(1.3, 1), ofPortable(0.35)] },
  { ...perRequest, ...file10k, name: 'per-request-10k', goals: [] },
  { ...requests, ...file1k, name: 'not-modified', status: 304, goals: [ofNginx(1, 0.8)] },
  { ...missing, name: 'not-found', goals: [ofNginx(1, 0.8)] },
  { ...requests, ...file1k, name: 'pipelined-16', pipeline: 16, goals: [ofNginx(1, 0.8)] },
  { ...transfer1m, name: 'transfer-1m', goals: [asFastAsNginx, flatMemory] },
  { ...transfer100m, name: 'transfer-100m', goals: [asFastAsNginx, flatMemory] },
  { ...crowd, name: 'connections-10', connections: 10, goals: [] },
  { ...crowd, name: 'connections-450', connections: 450, goals: [flatCpu] },
  { ...crowd, name: 'connections-5000', connections: 5000, goals: [flatCpu] },
  { ...idle, name: 'idle-10000', connections: 10_000, goals: [smallConnections] },
];

/** What a comparison of this case is about. */
export function mainFigure({ kind }: CpuCase): Figure {
  if (kind === 'transfer') return 'megabytesPerSecond';
  return kind === 'idle' ? 'bytesPerConnection' : 'cpuPerRequestUs';
}

/** What it looks like for `--list`. */
export function describe(one: CpuCase): string {
  const { connections } = one;
  if (one.kind === 'idle') return `memory of ${connections} idle connections`;
  if (one.kind === 'crowd') return `GET ${one.path}, ${connections} connections kept (wrk), once they stand`;
  if (one.kind === 'transfer') return `GET ${one.path}, ${connections} connections (wrk): MB/s and memory`;
  const kept = one.tool === 'wrk' ? 'connections kept' : 'at once, a connection per request';
  const pipelined = one.pipeline > 1 ? `, pipelined x${one.pipeline}` : '';
  const answer = one.status === 200 ? '' : `, answered with ${one.status}`;
  return `GET ${one.path}, ${connections} ${kept} (${one.tool})${pipelined}${answer}`;
}

/** One bound of a goal: `≤ 0.95 × nginx`. */
export function boundText({ of, atMost, figure }: Goal, bound: number): string {
  const sign = atMost ? '≤' : '≥';
  if (of !== undefined) return `${sign} ${bound} × ${'server' in of ? of.server : of.case}`;
  return `${sign} ${bound.toLocaleString('en-US')} ${figure === 'memoryGrowthMb' ? 'MB' : 'bytes'}`;
}

const FIGURE_NAMES: Readonly<Record<Figure, string>> = {
  cpuPerRequestUs: 'CPU per request',
  cpuPerMegabyteUs: 'CPU per MB',
  megabytesPerSecond: 'MB/s',
  memoryGrowthMb: 'memory growth',
  bytesPerConnection: 'memory of each',
};

/** What it looks like for `--list`. */
export function describeGoal(goal: Goal): string {
  const aim = goal.aim === undefined ? '' : `, aim ${boundText(goal, goal.aim)}`;
  return `${FIGURE_NAMES[goal.figure]} must be ${boundText(goal, goal.must)}${aim}`;
}
