/** What the sessions of a worker share, whatever protocol they speak. */
import type { Forwarder } from '../http/forwarded.js';
import type { ParserLimits } from '../http/head-parser.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import type { Connection, DrainMode } from '../transport/connection.js';
import type { Deadlines } from './deadlines.js';
import type { OutboxOptions } from './outbox.js';

export interface SessionLimits extends ParserLimits {
  readonly maxBodyBytes: number;
  readonly keepAliveMs: number;
  readonly headerMs: number;
  readonly bodyMs: number;
  readonly writeMs: number;
}

/** A client's connection, as the worker that holds it sees it. */
export interface Session {
  /** Where it stands among the sessions of its worker, which keeps it there. */
  place: number;
  /** Ends the session at its next boundary between requests. */
  drain(mode: DrainMode): void;
  /** Ends the session now. */
  destroy(): void;
}

/** What the sessions of a worker share. */
export interface SessionContext extends OutboxOptions {
  /** The place of this worker among all, from 1. */
  readonly place: number;
  readonly limits: SessionLimits;
  readonly deadlines: Deadlines;
  /** Brings `clock` up to date. */
  readonly tick: () => void;
  readonly respond: (head: RequestHead, from: Pick<Connection, 'peer'>) => Reply | Promise<Reply>;
  /** Undefined when every request is answered from here. */
  readonly forwarder: Forwarder | undefined;
  readonly report: (problem: string) => void;
  readonly gone: (session: Session) => void;
}
