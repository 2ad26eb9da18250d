/** What `handover tokens`, the dashboard and HTTP tell of the tokens of a node. Plain data. */
import type { Mode } from './token.js';

export interface TokenHolder {
  /** `worker 2`, `lock 5f3a… (make deploy)`, or `another node`. */
  readonly who: string;
  readonly mode: Mode;
  readonly fence: number;
  /** For how long, in milliseconds. */
  readonly heldMs: number;
}

export interface TokenWaiter {
  readonly who: string;
  readonly mode: Mode;
  readonly waitedMs: number;
}

export interface TokenRow {
  /** Path of the file below the document root, beginning with `/`; of a directory it ends with `/`. */
  readonly file: string;
  readonly holders: readonly TokenHolder[];
  /** In the order in which they will be granted. */
  readonly queue: readonly TokenWaiter[];
}

export interface TokenCounters {
  /** Tokens held now by sessions of this node. */
  readonly read: number;
  readonly write: number;
  readonly waiting: number;
  /** Since the start. */
  readonly grants: number;
  readonly revokes: number;
  readonly downgrades: number;
  readonly timeouts: number;
  readonly commits: number;
  readonly staleCommits: number;
  /** Sessions that ended without giving up what they held. */
  readonly expiredSessions: number;
}

export interface TokenListing {
  readonly engine: 'embedded' | 'etcd';
  /** False: the arbiter cannot be reached; nothing new is granted. */
  readonly isAvailable: boolean;
  readonly counters: TokenCounters;
  readonly files: readonly TokenRow[];
}

/** A lock that somebody outside holds by its name: `handover lock`, or over HTTP. */
export interface LockStatus {
  /** 128 random bits, in hexadecimal. */
  readonly lock: string;
  readonly file: string;
  readonly mode: Mode;
  readonly fence: number;
  /** It ends so long after it was last refreshed, in seconds. */
  readonly ttlSeconds: number;
}

/** What is asked of the master's lock desk, by a worker on behalf of a client. */
export type LockRequest =
  /** Waits up to `waitMs` for it. `who`: what others are told of the holder. */
  | {
      readonly op: 'lock';
      readonly file: string;
      readonly mode: Mode;
      readonly waitMs: number;
      readonly ttlSeconds: number;
      readonly who: string;
    }
  | { readonly op: 'refresh'; readonly lock: string }
  | { readonly op: 'unlock'; readonly lock: string }
  | { readonly op: 'list' };

export type LockAnswer =
  | { readonly ok: 'lock'; readonly status: LockStatus }
  | { readonly ok: 'unlocked' }
  | { readonly ok: 'list'; readonly listing: TokenListing }
  /** `no-such-lock`: it has expired, or never was. */
  | {
      readonly ok: false;
      readonly code: 'timeout' | 'no-such-lock' | 'unavailable' | 'too-many';
      readonly message: string;
    };

/** How a worker reaches the lock desk. Rejects with TokenError `unavailable` when there is no master. */
export interface LockDeskLink {
  /** @param signal what is asked is not wanted any more; a lock that was granted meanwhile is given back */
  ask(request: LockRequest, signal?: AbortSignal): Promise<LockAnswer>;
}
