/** From single runs to the comparison: medians, and medians of the ratios within each round. Pure. */
import { number } from '../report/cells.js';
import { renderTable } from '../report/table.js';
import { median } from '../statistics.js';

export interface CpuSample {
  /** From 1. */
  readonly round: number;
  readonly case: string;
  readonly server: string;
  readonly cpuPerRequestUs: number;
  readonly requestsPerSecond: number;
  readonly responses: number;
  readonly errors: number;
  readonly otherCpuShare: number | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Comparison {
  readonly case: string;
  readonly server: string;
  readonly rounds: number;
  readonly cpuPerRequestUs: Spread;
  readonly requestsPerSecond: Spread;
  /**
   * CPU per request over that of the reference in the same round: what disturbs both runs of a round alike falls
   * out. Undefined for the reference itself, and when they share no round.
   */
  readonly ratio: Spread | undefined;
  readonly errors: number;
}

/** One for each case and server, in the order they first ran. */
export function compare(samples: readonly CpuSample[], reference: string): readonly Comparison[] {
  const cases = [...new Set(samples.map((sample) => sample.case))];
  const servers = [...new Set(samples.map((sample) => sample.server))];
  return cases.flatMap((name) => {
    const ofCase = samples.filter((sample) => sample.case === name);
    const base = new Map(
      ofCase
        .filter(({ server }) => server === reference)
        .map((sample) => [sample.round, sample.cpuPerRequestUs]),
    );
    return servers.flatMap((server) => {
      const runs = ofCase.filter((sample) => sample.server === server);
      if (runs.length === 0) return [];
      const ratios = runs.flatMap(({ round, cpuPerRequestUs }) => {
        const other = base.get(round);
        return other === undefined ? [] : [cpuPerRequestUs / other];
      });
      return {
        case: name,
        server,
        rounds: runs.length,
        cpuPerRequestUs: spread(runs.map((run) => run.cpuPerRequestUs)),
        requestsPerSecond: spread(runs.map((run) => run.requestsPerSecond)),
        ratio: server === reference || ratios.length === 0 ? undefined : spread(ratios),
        errors: runs.reduce((sum, run) => sum + run.errors, 0),
      };
    });
  });
}

/** The comparison for people: `median (min-max)`. */
export function renderComparison(comparisons: readonly Comparison[], reference: string): string {
  const range = ({ median: middle, min, max }: Spread, digits: number): string =>
    `${number(middle, digits)} (${number(min, digits)}-${number(max, digits)})`;
  return renderTable(
    ['Case', 'Server', 'CPU per request (µs)', `of ${reference}'s`, 'Requests/s', 'Errors'],
    comparisons.map(({ case: name, server, cpuPerRequestUs, ratio, requestsPerSecond, errors }) => [
      name,
      server,
      range(cpuPerRequestUs, 2),
      ratio === undefined ? '' : range(ratio, 3),
      number(requestsPerSecond.median),
      number(errors),
    ]),
    2,
  );
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
