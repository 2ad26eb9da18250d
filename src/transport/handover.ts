/**
 * The master's half of the seam: listeners that accept, and one channel to each worker over which
 * accepted connections are handed over.
 */

import type { ChildProcess } from 'node:child_process';
import type { Protocol, TransportName } from './connection.js';

/** Where to listen. */
export interface ListenAddress {
  /** An address or a name; or `unix:` and the path of a Unix-domain socket. */
  readonly host: string;
  /** 0 picks a free one. Stays 0 on a Unix-domain socket. */
  readonly port: number;
  /** A descriptor that this process has inherited: it is what it is bound to, and not to `host` and `port`. */
  readonly fd?: number;
  /** What clients speak there; `http` where it is not said. */
  readonly protocol?: Protocol;
}

/**
 * A connection in the master's hands: just accepted, or handed back by a worker. It holds a descriptor
 * and must end in exactly one of `release` (a worker has it) or `refuse`.
 */
export interface Waiting {
  readonly protocol: Protocol;
  /** Bytes read by an earlier owner and not used; empty for a new connection. */
  readonly unused: Uint8Array;
  /** True when a worker handed it back. */
  readonly returned: boolean;
  /** The place of the worker that it was handed back for; undefined: it is for any. */
  readonly place: number | undefined;
  /** Closes the master's copy of the descriptor; the connection itself lives on in the worker. */
  release(): void;
  /**
   * Sends a last response and closes: after a while, so that the client can read it, and then calls `gone`.
   * Without `gone` it closes at once, and the client may see a reset. Returns the number of bytes sent: none
   * where the client expects TLS, which is closed at once.
   */
  refuse(response: Uint8Array, gone?: () => void): number;
}

/** The master's end of the channel to one worker. */
export interface WorkerChannel {
  /**
   * Hands a connection over; false when the channel cannot take it now (worker stopped or busy, or
   * gone): choose another worker. The master's copy is kept until the worker has counted it as taken.
   */
  handOver(connection: Waiting): boolean;
  /** Connections handed over that the worker has not counted as taken. */
  readonly inFlight: number;
  /**
   * Releases the copies of what the worker has taken: by its record, the first `taken` connections ever
   * handed over.
   */
  acknowledge(taken: number): void;
  /** Takes back what the worker has not begun to take, as far as this transport can. */
  takeBack(): Waiting[];
  /** True until the worker has come upon what was taken back from it: it is stopped. */
  readonly stopped: boolean;
  /** The worker is dead: gives up the channel and returns what it had not taken when it died. */
  reclaim(taken: number): Waiting[];
}

/** What becomes of hand-overs while their worker lives. */
export interface ChannelEvents {
  /** The worker could not take this connection, because it was out of descriptors. */
  readonly onUntaken: (connection: Waiting) => void;
  /** The channel can take another one. */
  readonly onRoom: () => void;
}

/** The master's half of a transport. */
export interface MasterTransport {
  readonly name: TransportName;
  /**
   * Binds and listens; rejects with the system's error. Resolves to the address bound.
   *
   * @param backlog connections that the kernel may keep until they are accepted; it takes less where
   * somaxconn is less
   */
  listen(address: ListenAddress, backlog: number): Promise<ListenAddress>;
  /**
   * Stops accepting on one address that `listen` has resolved to, or on all. Connections already accepted are
   * not touched. The file of a Unix-domain socket is removed, but not that of an inherited one.
   */
  unlisten(address?: ListenAddress): void;
  /** Where connections go: those accepted and those that workers hand back. */
  onConnection(receive: (connection: Waiting) => void): void;
  /** Leaves new connections with the kernel, or takes them again; false when this transport cannot. */
  holdBack(hold: boolean): boolean;
  /** Where to report what goes wrong with accepting, such as running out of descriptors. */
  onTrouble(report: (text: string) => void): void;
  /**
   * Opens the channel to a worker, which `start` starts: with these descriptors inherited behind those that
   * every worker has. Throws what `start` throws, or the system's error.
   */
  channelTo(start: (inherited: readonly number[]) => ChildProcess, events: ChannelEvents): WorkerChannel;
  /** Gives up everything but the channels. */
  close(): void;
}
