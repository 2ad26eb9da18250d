/** Finds what somebody meant by a misspelt word. Pure. */
import { distance } from 'fastest-levenshtein';

/** Longer words are no slips of the pen, and comparing them costs their product. */
const LONGEST = 64;

const plain = (word: string): string => word.toLowerCase().replaceAll('_', '-').replace(/^-+/, '');

/**
 * The candidate that `word` was most likely meant to be: the same but for case and `_` or `-`, one
 * letter off, the only one it begins or is a part of (`WORKERS` for `NUM_WORKERS`), or a few letters off.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  if (wanted === '' || wanted.length > LONGEST) return undefined;
  const ranked = [...candidates]
    .map((candidate) => ({ candidate, text: plain(candidate), off: distance(wanted, plain(candidate)) }))
    .sort((a, b) => a.off - b.off);
  const best = ranked[0];
  if (best === undefined) return undefined;
  if (best.off <= 1 && wanted.length > 2) return best.candidate;
  if (wanted.length >= 3) {
    const begun = ranked.filter(({ text }) => text.startsWith(wanted));
    if (begun.length === 1) return begun[0]?.candidate;
    const parts = ranked.filter(({ text }) => `-${text}-`.includes(`-${wanted}-`));
    if (parts.length === 1) return parts[0]?.candidate;
  }
  const limit = wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 3));
  return best.off <= limit ? best.candidate : undefined;
}

/** The candidate that differs from `word` by a slip of the pen: two letters at most. */
export function slipOf(word: string, candidates: Iterable<string>): string | undefined {
  const found = nearest(word, candidates);
  return found !== undefined && distance(plain(word), plain(found)) <= 2 ? found : undefined;
}

/** `did you mean X?`, or undefined when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const found = nearest(word, candidates);
  return found === undefined ? undefined : `did you mean ${found}?`;
}
