/**
 * Log-linear histogram of durations, in the manner of HdrHistogram with three bits of mantissa: eight
 * buckets for each power of two of microseconds, so a value is known to within 12.5 %. Histograms of
 * several workers are merged by adding buckets; percentiles are never averaged.
 */

const SUB_BITS = 3;
const SUB = 1 << SUB_BITS;
/** Largest power of two that has buckets of its own: 2^26 us is 67 s. What is longer is counted in the last. */
const MAX_EXPONENT = 26;

/** Number of buckets. */
export const BUCKETS = SUB + (MAX_EXPONENT - SUB_BITS + 1) * SUB;

/** The bucket of a duration in microseconds. Pure; negative and NaN count as 0. */
export function bucketOf(us: number): number {
  if (!(us >= 1)) return 0;
  if (us < SUB) return us | 0;
  if (us >= 2 ** (MAX_EXPONENT + 1)) return BUCKETS - 1;
  const exponent = 31 - Math.clz32(us | 0);
  const mantissa = ((us | 0) >>> (exponent - SUB_BITS)) & (SUB - 1);
  return SUB + (exponent - SUB_BITS) * SUB + mantissa;
}

/** The upper edge of a bucket in microseconds, exclusive. */
export function upperEdgeUs(bucket: number): number {
  if (bucket < SUB) return bucket + 1;
  const exponent = Math.floor((bucket - SUB) / SUB) + SUB_BITS;
  const mantissa = (bucket - SUB) % SUB;
  return (SUB + mantissa + 1) * 2 ** (exponent - SUB_BITS);
}
