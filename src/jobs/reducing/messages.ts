/**
 * What a worker and its reducer threads say to each other. `run` is the number of a reduction in a thread: one that begins
 * again, in another thread, has another number.
 *
 *     worker ── begin ── add* ── finish ──►  thread
 *            ── cancel (at any time) ─────►
 *            ◄── progress* ── done | failed | gone
 *
 * `gone` answers `cancel`, unless the end was on its way already. Nothing follows the end.
 */
import type { MessagePort } from 'node:worker_threads';
import type { JobErrorCode, JobResult } from '../api.js';
import type { ReductionOptions, StoredPart } from '../reduction.js';

/** What a thread must know of a reduction. */
export interface RunOptions extends Omit<ReductionOptions, 'resultPath' | 'onProgress' | 'onFailed'> {
  /** Where the result is written; the worker puts it in its place. */
  readonly unfinishedPath: string;
}

export type ToThread =
  | { readonly op: 'begin'; readonly run: number; readonly options: RunOptions }
  | { readonly op: 'add'; readonly run: number; readonly parts: readonly StoredPart[] }
  | { readonly op: 'finish'; readonly run: number }
  | { readonly op: 'cancel'; readonly run: number };

export type FromThread =
  /** So many bytes more, since it began in this thread. */
  | { readonly op: 'progress'; readonly run: number; readonly bytes: number }
  /** The result is whole and durable, where it was written. */
  | { readonly op: 'done'; readonly run: number; readonly result: JobResult }
  | { readonly op: 'failed'; readonly run: number; readonly code: JobErrorCode; readonly message: string }
  /** What there was of the result is removed. */
  | { readonly op: 'gone'; readonly run: number };

/** What a thread is given when it starts. */
export interface ReducerThreadData {
  /** Memory of a Watch. */
  readonly watch: SharedArrayBuffer;
  /** For these messages. The thread's parentPort is for the user's module, which may send, or close, whatever it likes. */
  readonly port: MessagePort;
}
