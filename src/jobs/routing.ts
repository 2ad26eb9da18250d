/**
 * Which worker owns a job: rendezvous hashing (Thaler and Ravishankar, 1998). Each place draws a number for the job,
 * the highest wins; so when a place comes or goes, only the jobs move that it wins or had won. Pure.
 */

/** The place that owns a job, among `places`; undefined when there are none. */
export function ownerOf(job: string, places: readonly number[]): number | undefined {
  const hash = fnv1a(job);
  let owner: number | undefined;
  let highest = -1;
  for (const place of places) {
    const drawn = mixed(hash ^ Math.imul(place, 0x9e37_79b1));
    if (owner === undefined || drawn > highest || (drawn === highest && place < owner)) {
      owner = place;
      highest = drawn;
    }
  }
  return owner;
}

/** FNV-1a, 32 bits, over the code units. */
function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash;
}

/** The finaliser of MurmurHash3: each bit of the result depends on all of the argument. Not negative. */
function mixed(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
