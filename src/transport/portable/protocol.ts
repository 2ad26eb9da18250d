/**
 * The portable transport's messages, on node:cluster's IPC channel (JSON, one line each; the descriptor
 * travels beside its message as SCM_RIGHTS).
 *
 *     master ── { v, kind: 'connection', id, listener, protocol, returned, place, unused } + descriptor ──► worker
 *     master ◄─ { v, kind: 'hand-back',  id, listener, protocol, returned, place, unused } + descriptor ─── worker
 *
 * Connections are numbered from 1 in each channel. There is no acknowledgement message: the worker notes
 * the last number it received in its scoreboard slot (`taken`) before it reads a byte of that connection,
 * and the master keeps its copy of the descriptor until then.
 */

import type { Protocol } from '../connection.js';

export const VERSION = 1;

/** A connection changes hands. `unused`: base64 of bytes read and not used, `''` usually. */
export interface ConnectionMessage {
  readonly v: typeof VERSION;
  readonly kind: 'connection' | 'hand-back';
  readonly id: number;
  readonly listener: number;
  /** One of `https` is never handed back. */
  readonly protocol: Protocol;
  /** True when a worker had it before. */
  readonly returned: boolean;
  /** The place of the worker that it is for; absent: any. */
  readonly place?: number | undefined;
  readonly unused: string;
}

export function isConnectionMessage(message: unknown): message is ConnectionMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    'v' in message &&
    message.v === VERSION &&
    'kind' in message &&
    (message.kind === 'connection' || message.kind === 'hand-back')
  );
}

export function encodeUnused(bytes: Uint8Array): string {
  return bytes.length === 0 ? '' : Buffer.from(bytes).toString('base64');
}

export function decodeUnused(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
