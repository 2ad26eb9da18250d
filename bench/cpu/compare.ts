/** From single runs to the comparison: medians, medians of the ratios within each round, and goals. Pure. */
import { median } from '../statistics.js';
import { type Base, type CpuCase, type Figure, type Goal, mainFigure } from './case.js';
import type { Outcome } from './run-case.js';

/** Of one run, what the comparison needs. */
export interface CpuSample
  extends Pick<Outcome, 'figures' | 'problems' | 'count' | 'threads' | 'window' | 'cost'> {
  /** From 1. */
  readonly round: number;
  readonly case: string;
  readonly server: string;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** `unknown`: there was nothing to compare with. */
export type Verdict = 'aim' | 'must' | 'missed' | 'unknown';

export interface JudgedGoal {
  readonly goal: Goal;
  /** The figure, or its ratio to what the goal is about. */
  readonly value: Spread | undefined;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly case: string;
  readonly server: string;
  readonly runs: number;
  /** Runs without problems; only these are in the numbers. */
  readonly goodRuns: number;
  readonly figures: Readonly<Partial<Record<Figure, Spread>>>;
  readonly requestsPerSecond: Spread | undefined;
  /** CPU time of each thread of the load tool over elapsed time: near 1, it set the pace. */
  readonly clientCpuShare: number | undefined;
  /**
   * The case's main figure over that of the reference in the same round: what disturbs both runs of a round alike
   * falls out. Undefined for the reference itself, and when they share no round.
   */
  readonly ratio: Spread | undefined;
  readonly goals: readonly JudgedGoal[];
  /** The worst of the goals; undefined when none applies. */
  readonly met: Verdict | undefined;
}

/** Whose goals these are not: they are what handover is compared with. */
const YARDSTICK = 'nginx';
const FIGURES: readonly Figure[] = [
  ...(['cpuPerRequestUs', 'cpuPerMegabyteUs', 'megabytesPerSecond'] as const),
  ...(['memoryGrowthMb', 'bytesPerConnection'] as const),
];

/** One for each case and server that was run, in the order of the cases and servers. */
export function compare(
  samples: readonly CpuSample[],
  cases: readonly CpuCase[],
  servers: readonly string[],
  reference: string,
): readonly Comparison[] {
  const good = samples.filter(({ problems }) => problems.length === 0);
  return cases.flatMap((one) =>
    servers.flatMap((server) => {
      const all = samples.filter((sample) => sample.case === one.name && sample.server === server);
      if (all.length === 0) return [];
      const own = good.filter((sample) => all.includes(sample));
      const goals = server === YARDSTICK ? [] : judgeAll(one, server, good);
      const ratio =
        server === reference ? [] : ratios(good, one, server, mainFigure(one), { server: reference });
      return {
        case: one.name,
        server,
        runs: all.length,
        goodRuns: own.length,
        figures: Object.fromEntries(
          FIGURES.flatMap((figure) => {
            const values = spread(own.flatMap(({ figures }) => figures[figure] ?? []));
            return values === undefined ? [] : [[figure, values]];
          }),
        ),
        requestsPerSecond: spread(own.flatMap(pace)),
        clientCpuShare: spread(own.flatMap(clientShare))?.median,
        ratio: spread(ratio),
        goals,
        met: worst(goals.map(({ verdict }) => verdict)),
      };
    }),
  );
}

function judgeAll(one: CpuCase, server: string, good: readonly CpuSample[]): readonly JudgedGoal[] {
  return one.goals.flatMap((goal) => {
    const { of, figure } = goal;
    // Nobody is judged by itself.
    if (of !== undefined && 'server' in of && of.server === server) return [];
    const values =
      of === undefined
        ? good
            .filter((sample) => sample.case === one.name && sample.server === server)
            .flatMap(({ figures }) => figures[figure] ?? [])
        : ratios(good, one, server, figure, of);
    const value = spread(values);
    return { goal, value, verdict: judge(goal, value?.median) };
  });
}

/** Whether a value is what it should be. */
export function judge({ atMost, must, aim }: Goal, value: number | undefined): Verdict {
  if (value === undefined) return 'unknown';
  const reaches = (bound: number): boolean => (atMost ? value <= bound : value >= bound);
  if (!reaches(must)) return 'missed';
  return aim === undefined || reaches(aim) ? 'aim' : 'must';
}

function worst(verdicts: readonly Verdict[]): Verdict | undefined {
  return (['missed', 'unknown', 'must', 'aim'] as const).find((verdict) => verdicts.includes(verdict));
}

/** A figure over the same of another server, or in another case, in each round that has both. */
function ratios(
  good: readonly CpuSample[],
  one: CpuCase,
  server: string,
  figure: Figure,
  of: Base,
): readonly number[] {
  const base = { case: one.name, server, ...of };
  const values = (wanted: { case: string; server: string }): ReadonlyMap<number, number> =>
    new Map(
      good
        .filter((sample) => sample.case === wanted.case && sample.server === wanted.server)
        .flatMap(({ round, figures }) => {
          const value = figures[figure];
          return value === undefined ? [] : [[round, value] as const];
        }),
    );
  const others = values(base);
  return [...values({ case: one.name, server })].flatMap(([round, value]) => {
    const other = others.get(round);
    return other === undefined ? [] : [value / other];
  });
}

function pace({ window, count }: CpuSample): number | readonly number[] {
  if (window !== undefined) return (window.requests / window.elapsedMs) * 1000;
  return count?.requestsPerSecond ?? [];
}

function clientShare({ window, count, threads = 1, cost }: CpuSample): number | readonly number[] {
  // A tool that goes on after what is measured has not ended, and its time is not known.
  if (window !== undefined || count === undefined || cost === undefined) return [];
  return cost.endedChildrenCpuUs / 1000 / (count.elapsedMs * threads);
}

function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
