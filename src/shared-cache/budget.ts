/** How much memory the cache takes, and for what. Pure. */

const MB = 1024 * 1024;
/** The rest is for the segments of the workers, and for whoever else needs shared memory. */
const PART_OF_FREE = 3 / 4;
/** Of less, nothing useful can be made. */
export const LEAST_BYTES = 2 * MB;

export interface Budget {
  /** The index and the objects that workers read themselves; 0: there is no room for a cache. */
  readonly arenaBytes: number;
  /** Bodies that lie apart. */
  readonly largeBytes: number;
}

/**
 * One half for small objects, one for large ones. Where there is less shared memory than was wanted (64 MB in a
 * container of Docker), less is taken.
 */
export function budgetOf(wantedBytes: number, freeBytes: number): Budget {
  const bytes = Math.min(wantedBytes, Math.floor(freeBytes * PART_OF_FREE));
  if (bytes < LEAST_BYTES) return { arenaBytes: 0, largeBytes: 0 };
  const half = Math.floor(bytes / 2 / 4096) * 4096;
  return { arenaBytes: half, largeBytes: half };
}
