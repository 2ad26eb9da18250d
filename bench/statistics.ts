/** Statistics of samples. Pure; owns no units: what comes out has the unit of what went in. */

export type Numbers = readonly number[] | Float64Array;

/** What the tables say of the times of one run. All NaN for an empty run. */
export interface Distribution {
  readonly min: number;
  readonly mean: number;
  readonly sd: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** NaN for no values. */
export function mean(values: Numbers): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** The sample's standard deviation (n - 1 below the line, as ApacheBench has it); 0 for a single value, NaN for none. */
export function standardDeviation(values: Numbers): number {
  if (values.length < 2) return values.length === 1 ? 0 : Number.NaN;
  const centre = mean(values);
  let sum = 0;
  for (const value of values) sum += (value - centre) ** 2;
  return Math.sqrt(sum / (values.length - 1));
}

/** The middle value, or the mean of the two in the middle. NaN for no values. */
export function median(values: Numbers): number {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/** Nearest rank: the smallest value that at least `percent` of all values do not exceed. NaN for no values. */
export function percentile(values: Numbers, percent: number): number {
  return rank(ascending(values), percent);
}

/** All at once: sorts a hundred thousand values only once. */
export function distribution(values: Numbers): Distribution {
  const sorted = ascending(values);
  return {
    min: sorted[0] ?? Number.NaN,
    mean: mean(sorted),
    sd: standardDeviation(sorted),
    median: median(sorted),
    p99: rank(sorted, 99),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

function rank(sorted: Float64Array, percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

function ascending(values: Numbers): Float64Array {
  return Float64Array.from(values).sort();
}
