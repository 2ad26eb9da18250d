/**
 * When a worker that died is started again. Pure.
 */

/** A worker that lived this long was healthy: its death starts no series. */
const HEALTHY_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

/** Deaths in a row of the workers in one place, none of which lived long. */
export type DeathSeries = number;

/** What to do about a death: how long to wait, and the series to go on with. */
export interface RespawnDecision {
  readonly delayMs: number;
  readonly series: DeathSeries;
}

/**
 * The first death is made good at once; each further one of a short-lived worker waits twice as long as
 * the one before.
 *
 * @param livedMs how long the worker had been ready
 */
export function decideRespawn(series: DeathSeries, livedMs: number): RespawnDecision {
  if (livedMs >= HEALTHY_MS) return { delayMs: 0, series: 0 };
  if (series === 0) return { delayMs: 0, series: 1 };
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (series - 1), LONGEST_DELAY_MS);
  return { delayMs, series: series + 1 };
}
