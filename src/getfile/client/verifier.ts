/**
 * Whether what came is what should have come. Against a directory: each path has the bytes of its file there.
 * Without one: every transfer of a path has the bytes of the first.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Outcome } from './job.js';

/** The problem of a transfer whose length is right, and whose bytes are not. */
export const WRONG_BYTES = 'other bytes came than it should have';

export class Verifier {
  readonly #digests: Map<string, string>;

  /** @param digests SHA-256 by path, as far as they are known */
  constructor(digests: ReadonlyMap<string, string> = new Map()) {
    this.#digests = new Map(digests);
  }

  /** The digest that a transfer must have; undefined while it is not known. */
  expectedOf(path: string): string | undefined {
    return this.#digests.get(path);
  }

  /** The outcome of a transfer, judged against what is known by now: several may have begun before the first ended. */
  judge(path: string, outcome: Outcome): Outcome {
    const { digest } = outcome;
    if (digest === undefined) return outcome;
    const expected = this.#digests.get(path);
    if (expected === undefined) this.#digests.set(path, digest);
    return expected === undefined || digest === expected ? outcome : { ...outcome, problem: WRONG_BYTES };
  }
}

/** SHA-256 of a file, in hexadecimal. Rejects with the system's error. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
