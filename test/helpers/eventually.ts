/** Waiting for what happens in another process: until a condition holds, never for a time, and never for ever. */
import { statSync } from 'node:fs';

/** Nothing takes so long, also on a machine that has much else to do: what is not there then does not come. */
const BOUND_MS = 30_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;
const STAMPS_SETTLE_MS = 50;

/**
 * Asks again and again, at short and growing intervals, until the answer is there.
 *
 * @param ask the answer, or undefined while there is none
 * @param what for the error: what was waited for; called then, so that it can tell how far things got
 */
export async function eventually<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  what: () => string,
  boundMs = BOUND_MS,
): Promise<T> {
  const end = performance.now() + boundMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${boundMs / 1000} s in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** The promise's value; rejects when it takes longer than the bound. */
export async function within<T>(promise: Promise<T>, what: () => string, boundMs = BOUND_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${boundMs / 1000} s in vain: ${what()}`)), boundMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a file is old enough for its stamps to tell its state for good: see files/identity.ts. */
export async function settled(path: string): Promise<void> {
  const isOld = (): true | undefined => Date.now() - statSync(path).ctimeMs > STAMPS_SETTLE_MS || undefined;
  await eventually(isOld, () => `${path} settles`);
}
