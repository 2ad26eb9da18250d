/**
 * What the benchmark and its load generators say to each other, over node's IPC channel with `advanced`
 * serialization. The benchmark sends a LoadJob, one at a time; the generator answers with any number of
 * `progress` and then `done` or `failed`. A generator ends when the channel does.
 */

export interface LoadJob {
  readonly url: string;
  readonly connections: number;
  /** At least as many as connections. */
  readonly requests: number;
  /** False: each request has a connection of its own, and asks for it to be closed. */
  readonly keepAlive: boolean;
  /** A response with fewer bytes than this is an error. */
  readonly sizeBytes: number;
  /** How long a client waits for a response. */
  readonly timeoutSeconds: number;
}

export interface LoadOutcome {
  /** On the system's monotonic clock, which all its processes share. */
  readonly startedNs: bigint;
  /** When the last response was complete; `startedNs` when there was none. */
  readonly endedNs: bigint;
  /** One for each response, in the order they came. */
  readonly timesMs: Float64Array;
  readonly non2xx: number;
  readonly socketErrors: number;
  readonly timeouts: number;
  readonly short: number;
  readonly connectionsOpened: number;
  /** What the generator itself used. */
  readonly cpuUs: number;
}

export type GeneratorMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly responses: number }
  | { readonly type: 'done'; readonly outcome: LoadOutcome }
  | { readonly type: 'failed'; readonly reason: string };
