/** Paths whose djb2 hashes are the same: found by search, not made up. */

/** From a list of 216,000 plausible paths, with hash 1856401194. */
export const COLLIDING_PAIR = ['/team/media-14.txt', '/media/about-7.json'] as const;

/** A character one higher and the next one 33 lower give the same hash; hash 3860085118. */
export const COLLIDING_THREE = ['/news/Az.html', '/news/BY.html', '/news/C8.html'] as const;
