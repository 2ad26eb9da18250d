/** Requests that are answered by somebody else than the file layer, as a session sees them. */
import type { Asker } from './asker.js';
import type { Reply } from './reply.js';
import type { RequestHead } from './request-head.js';

/** What becomes of a request that is not for this server's files, and whose body is passed on as it comes. */
export interface Forwarded {
  /** Bytes that its body may have. */
  readonly maxBodyBytes: number;
  /** How long no byte of its body may come, in milliseconds; undefined: as long as of any other. */
  readonly idleMs?: number | undefined;
  /**
   * The place of the worker that should answer it: the connection is handed over to it, unless that cannot be.
   * Undefined: any may.
   */
  readonly place?: number | undefined;
  /**
   * Answers it here. To be called at once: the head is only borrowed, and what outlives the call, and the first
   * byte of the body, is retained.
   */
  readonly answer: (asker: Asker) => Reply | Promise<Reply>;
}

/** Knows which requests are not for this server's files. */
export interface Forwarder {
  /** What answers a request; undefined: a file. The head is only borrowed. */
  find(head: RequestHead): Forwarded | undefined;
}
