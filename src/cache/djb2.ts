/**
 * Daniel J. Bernstein's string hash, `hash * 33 + byte` from 5381, over 32 bits. A hash is not a key:
 * whoever finds an entry by it compares the whole path.
 */

export const DJB2_SEED = 5381;

/** Hash of `bytes[start..end)`, as an unsigned 32-bit number. */
export function djb2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = DJB2_SEED;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 33) + bytes[i]!) | 0;
  return hash >>> 0;
}
