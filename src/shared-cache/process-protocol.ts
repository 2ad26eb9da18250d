/**
 * Messages between the master and the cache process, on node's IPC channel. The end of the channel is the end of the
 * process: it removes everything that it has made.
 *
 *     master                        cache process
 *       │ ── start ────────────────► │  at once: nothing is lost before it listens to messages
 *       │ ◄─ ready │ failed ───────  │
 *       │ ◄─ report ───────────────  │  at any time: one line for the server's own log
 */
export const VERSION = 1;

interface Versioned {
  readonly v: typeof VERSION;
}

export interface CacheStartMessage extends Versioned {
  readonly kind: 'start';
  readonly socketPath: string;
  readonly maxBytes: number;
}

export type CacheProcessMessage =
  | (Versioned & { readonly kind: 'ready' })
  | (Versioned & { readonly kind: 'failed'; readonly reason: string })
  | (Versioned & { readonly kind: 'report'; readonly text: string });
