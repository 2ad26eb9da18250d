/**
 * What the boss and its threads say to each other.
 *
 *     boss ── { job } ──►  thread   at most two at a time: the one it does, and the next
 *     boss ◄─ { outcome } ─ thread   for each job, in their order
 *     boss ── { end } ──►  thread   no more jobs: it ends when it has done what it has
 *     boss ── { stop } ──► thread   it breaks off what it does, and ends
 */
import type { LookupAddress } from 'node:dns';
import type { GetFileStatus } from '../wire.js';

/** What a thread is started with. */
export interface ThreadOptions {
  readonly host: string;
  /** What the host's name stands for, looked up once; never empty. */
  readonly addresses: readonly LookupAddress[];
  readonly port: number;
  /** How long a server may say nothing. */
  readonly timeoutMs: number;
  /** Digests of what comes are wanted. */
  readonly hashes: boolean;
}

/** One transfer to be done. */
export interface Job {
  /** As it goes over the wire. */
  readonly path: string;
  /** Absolute path of the file that it is kept in; undefined: nothing is kept. */
  readonly file: string | undefined;
  /** SHA-256 that it must have, where that is known. */
  readonly expected: string | undefined;
}

/** What came of it. */
export interface Outcome {
  /** What the server said; undefined when it said nothing that could be understood. */
  readonly status: GetFileStatus | undefined;
  /** Bytes of the file that came. */
  readonly bytes: number;
  /** From connecting to the last byte. */
  readonly durationUs: number;
  /** SHA-256 of a whole transfer, where it was wanted. */
  readonly digest: string | undefined;
  /** Why the file was not had whole, for a person; undefined when it was. */
  readonly problem: string | undefined;
}

/** The problem of a transfer that was broken off because somebody wanted it so. */
export const INTERRUPTED = 'interrupted';

export type ToThread =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'end' }
  | { readonly kind: 'stop' };
