/**
 * Evening out what workers have to do: which of them should hand connections back, and how many. Pure.
 * New connections are given to whoever has the fewest, but they live on: after a while those of one worker
 * may be gone, or idle, and all that work may be with another.
 */

/** What a worker has to do. */
export interface Burden {
  /** Connections it holds. */
  readonly open: number;
  /** Those of them that have asked something lately. */
  readonly active: number;
  /** Share of the last interval that its event loop was busy, 0 to 1. */
  readonly busy: number;
}

/** How many connections a worker is to hand back; `active`: only such that have asked something lately. */
export interface Excess {
  readonly count: number;
  readonly active: boolean;
}

/** More than its share, and worth the trouble. */
const MIN_EXCESS = 1;
const EXCESS_SHARE = 0.25;
/** Busy times that differ by less are taken for the same. */
const BUSY_DIFFERENCE = 0.3;
/** Connections that one worker hands back at once. */
const MAX_EXCESS = 512;

const NONE: Excess = { count: 0, active: false };

/** The excess of each worker, by position. */
export function excessOf(burdens: readonly Burden[]): readonly Excess[] {
  if (burdens.length < 2) return burdens.map(() => NONE);
  const mean = burdens.reduce((sum, { open }) => sum + open, 0) / burdens.length;
  const tolerated = Math.max(MIN_EXCESS, mean * EXCESS_SHARE);
  const excess = burdens.map(({ open }): Excess => {
    if (open - mean <= tolerated) return NONE;
    return { count: Math.min(MAX_EXCESS, Math.floor(open - mean)), active: false };
  });
  return excess.some(({ count }) => count > 0) ? excess : byBusyTime(burdens);
}

/** Equal in number, but one has the busy ones: it gives half of what it has more of them. */
function byBusyTime(burdens: readonly Burden[]): readonly Excess[] {
  const byBusy = [...burdens].sort((a, b) => a.busy - b.busy);
  const least = byBusy[0]!;
  const most = byBusy.at(-1)!;
  const count = Math.floor((most.active - least.active) / 2);
  if (most.busy - least.busy < BUSY_DIFFERENCE || count < 1) return burdens.map(() => NONE);
  return burdens.map((burden) =>
    burden === most ? { count: Math.min(MAX_EXCESS, count), active: true } : NONE,
  );
}
