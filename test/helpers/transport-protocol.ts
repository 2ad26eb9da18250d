/**
 * What a transport's contract tests and their worker process say to each other. On a connection the
 * client sends commands, one a line, to the handler in the worker; what the handler sees goes back over
 * the process's channel.
 *
 *     echo TEXT                   writes TEXT and a line end
 *     who                         writes a line of JSON: Who
 *     hash N                      reads N bytes, writes their SHA-256 in hexadecimal
 *     big N                       writes N bytes of `pattern` at once
 *     file PATH OFFSET LENGTH     sends `<`, a slice of the file, and `>`
 *     pause | end | close | destroy   does so
 *     hand-back                   gives the connection back, with the bytes behind this line
 *     hand-to PLACE               the same, for the worker at this place
 *     hop TEXT                    writes TEXT, and gives the connection back when that has left
 */
import { createHash } from 'node:crypto';
import type { Protocol } from '../../src/transport/connection.js';

export interface Who {
  readonly address: string;
  readonly port: number;
  readonly listener: number;
  readonly returned: boolean;
  readonly isDirected: boolean;
  readonly pid: number;
  readonly protocol: Protocol;
}

/** What happened to a connection in the worker. */
export type ConnectionEvent =
  | { readonly kind: 'paused' | 'end' | 'close' | 'flushed' }
  | { readonly kind: 'written'; readonly queuedBytes: number; readonly unsentBytes: number }
  | { readonly kind: 'file'; readonly outcome: string }
  | { readonly kind: 'handed-back'; readonly accepted: boolean };

/** Answer to `{ ask: 'state' }`. */
export interface WorkerState {
  /** `commit N` for each commit with the number taken, `accept`, and `data` for the first bytes of each connection. */
  readonly log: readonly string[];
  readonly receivedBytes: number;
  /** At each commit: bytes on record as sent that no later commit may take back. */
  readonly certainBytes: readonly number[];
  /** Descriptors of each kind of target: paths, `socket`, … */
  readonly descriptors: Readonly<Record<string, number>>;
}

export type FromWorker =
  | { readonly ready: true }
  | { readonly event: ConnectionEvent }
  | { readonly state: WorkerState };

export type ToWorker = { readonly ask: 'state' } | { readonly ask: 'resume' };

const PATTERN = Buffer.from(Uint8Array.from({ length: 65_521 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

/** Bytes that repeat only after a prime number of them, so that what is lost or doubled shows. */
export function pattern(length: number): Buffer {
  return Buffer.alloc(length, PATTERN);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
