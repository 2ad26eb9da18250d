/**
 * Control messages between the master and a worker, on node:cluster's IPC channel. Connections travel
 * with messages of their transport's own (protocol.ts there): on this channel too, or on one of their own.
 *
 *     master                                 worker
 *       │ ◄─ listening ─────────────────────  │  its modules are loaded; earlier messages would be lost
 *       │ ── start { settings, slot } ─────►  │  boots
 *       │ ◄─ ready │ failed { reason } ─────  │
 *       │ ── reopen-logs ───────────────────► │
 *       │ ── shed { count } ────────────────► │  hands so many connections back between requests
 *       │ ── drain { mode, timeoutMs } ─────► │  serves its connections to their boundaries, exits
 *       │ ◄─ report { text } ───────────────  │  at any time: one line for the server's own log
 *       │ ◄─ forget { id, keys } ───────────  │  what is stored under these keys has changed
 *       │ ── forgotten { id, wasStored } ───► │  all others have forgotten it
 *       │ ── forget { id, keys } ───────────► │  the same from another worker
 *       │ ◄─ forgotten { id, wasStored } ───  │
 *       │ ◄─ jobs { about } ────────────────► │  in both directions: jobs/messages.ts
 *       │ ◄─ tokens { about } ──────────────► │  in both directions: tokens/messages.ts
 */
import type { Settings } from '../config/settings.js';
import type { JobsToMaster, JobsToWorker } from '../jobs/messages.js';
import type { TokensToMaster, TokensToWorker } from '../tokens/messages.js';
import type { DrainMode, TransportName } from '../transport/connection.js';

export const VERSION = 1;

interface Versioned {
  readonly v: typeof VERSION;
}

/** What a worker needs for TLS. All workers of a generation have the same. */
export interface TlsIdentity {
  /** PEM: the certificate, and those between it and a root. */
  readonly cert: string;
  /** PEM. Kept in memory, and written nowhere. */
  readonly key: string;
  /** What session tickets are sealed with (48 bytes, base64), so that any worker can resume a session. */
  readonly ticketKeys: string;
  /** Where clients reach the secure listener. */
  readonly port: number;
}

/** What a worker needs to boot. */
export interface StartMessage extends Versioned {
  readonly kind: 'start';
  readonly settings: Settings;
  /** Its place among all, from 1. */
  readonly place: number;
  /** Its slot in the scoreboard, whose descriptor is SCOREBOARD_FD. */
  readonly slot: number;
  /** Absolute path of the statistics file, wherever the settings put it. */
  readonly statsFile: string;
  /** How connections come to it. The native one has its channel at CHANNEL_FD. */
  readonly transport: TransportName;
  /** Socket of the cache process; absent when there is none. */
  readonly cacheSocket?: string;
  /** Absent when TLS is off. */
  readonly tls?: TlsIdentity;
}

/** What is stored under these keys has changed. `id`: how the sender calls it. */
export interface ForgetMessage extends Versioned {
  readonly kind: 'forget';
  readonly id: number;
  readonly keys: readonly string[];
}

/** It is forgotten. `id`: as of the message that asked for it. */
export interface ForgottenMessage extends Versioned {
  readonly kind: 'forgotten';
  readonly id: number;
  /** Something of it was stored. */
  readonly wasStored: boolean;
}

export type MasterMessage =
  | StartMessage
  | (Versioned & { readonly kind: 'reopen-logs' })
  | ForgetMessage
  | ForgottenMessage
  | (Versioned & { readonly kind: 'jobs'; readonly about: JobsToWorker })
  | (Versioned & { readonly kind: 'tokens'; readonly about: TokensToWorker })
  | (Versioned & { readonly kind: 'shed'; readonly count: number; readonly active: boolean })
  | (Versioned & { readonly kind: 'drain'; readonly mode: DrainMode; readonly timeoutMs: number });

export type WorkerMessage =
  | (Versioned & { readonly kind: 'listening' })
  | (Versioned & { readonly kind: 'ready' })
  | ForgetMessage
  | ForgottenMessage
  | (Versioned & { readonly kind: 'jobs'; readonly about: JobsToMaster })
  | (Versioned & { readonly kind: 'tokens'; readonly about: TokensToMaster })
  | (Versioned & { readonly kind: 'failed'; readonly reason: string })
  | (Versioned & { readonly kind: 'report'; readonly text: string });

/** Descriptor under which a worker inherits the scoreboard: behind stdin, stdout, stderr and the channel. */
export const SCOREBOARD_FD = 4;

/** Descriptor under which a worker inherits its end of the native transport's channel. */
export const CHANNEL_FD = 5;

/** Exit code of a worker that could not boot: respawning it would only repeat that. */
export const BOOT_FAILED = 3;

const KINDS = new Set([
  'listening',
  'start',
  'reopen-logs',
  'shed',
  'drain',
  'ready',
  'failed',
  'report',
  'forget',
  'forgotten',
  'jobs',
  'tokens',
]);

function isOurs(message: unknown): message is MasterMessage | WorkerMessage {
  if (typeof message !== 'object' || message === null) return false;
  const { v, kind } = message as { v?: unknown; kind?: unknown };
  return v === VERSION && typeof kind === 'string' && KINDS.has(kind);
}

/** Narrows what a worker received. */
export function asMasterMessage(message: unknown): MasterMessage | undefined {
  return isOurs(message) ? (message as MasterMessage) : undefined;
}

/** Narrows what the master received. */
export function asWorkerMessage(message: unknown): WorkerMessage | undefined {
  return isOurs(message) ? (message as WorkerMessage) : undefined;
}
