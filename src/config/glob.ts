/** The patterns of rules: globs against the whole URL path. One place, so that what was checked is what matches. */
import picomatch from 'picomatch';
import type { Refusal } from './value-type.js';

/** Names that begin with a dot match like all others: which of them are served is for DOTFILES to say. */
const OPTIONS = { dot: true, strictBrackets: true } as const;

/** Longest pattern: what it compiles to is tried against the path of each request. */
const LONGEST = 500;

/** True for the URL paths (with their leading `/`) that match a pattern that `refusePattern` let pass. */
export function compilePattern(pattern: string): (urlPath: string) => boolean {
  const whole = picomatch(pattern, OPTIONS);
  if (pattern === '/') return whole;
  // picomatch wants no leading slash: its `/**/*.js` does not match `/app.js`.
  const below = picomatch(pattern.slice(1), OPTIONS);
  return (urlPath) => (urlPath === '/' ? whole(urlPath) : below(urlPath.slice(1)));
}

/** Why `pattern` is none, or undefined when it is one. */
export function refusePattern(pattern: string): Refusal | undefined {
  if (!pattern.startsWith('/')) {
    return {
      problem: `the pattern ${pattern} must begin with /`,
      hint: `write /**/${pattern.replace(/^[*/]*\//, '')}`,
    };
  }
  if (pattern.length > LONGEST) return { problem: `the pattern is longer than ${LONGEST} characters` };
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    const bracket = /"(.)"/.exec(error instanceof Error ? error.message : '')?.[1];
    const problem = `the pattern ${pattern} cannot be read`;
    return bracket === undefined
      ? { problem }
      : { problem, hint: `its brackets do not pair: "${bracket}" is missing` };
  }
}
