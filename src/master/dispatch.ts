/**
 * Which worker gets a connection. Pure.
 */

/** A worker as the choice sees it. */
export interface Candidate {
  /** Connections it holds or that are on their way to it. */
  readonly load: number;
  /** What is compared: the lightest is chosen. */
  readonly weight: number;
  /** Connections it may hold. */
  readonly capacity: number;
  /** It has not taken for a while what it was handed: stopped, or very busy. */
  readonly stalled: boolean;
}

/**
 * The position of the worker with the least weight; among equals the next in turn after
 * `last`. Workers that are full get none, and stalled ones only when there are no others. Undefined when
 * there is no room anywhere.
 */
export function chooseWorker(candidates: readonly Candidate[], last: number): number | undefined {
  return choose(candidates, last, false) ?? choose(candidates, last, true);
}

function choose(candidates: readonly Candidate[], last: number, stalled: boolean): number | undefined {
  const count = candidates.length;
  let best: number | undefined;
  for (let step = 1; step <= count; step++) {
    const position = (((last + step) % count) + count) % count;
    const candidate = candidates[position]!;
    if (candidate.stalled !== stalled || candidate.load >= candidate.capacity) continue;
    if (best === undefined || candidate.weight < candidates[best]!.weight) best = position;
  }
  return best;
}
