/**
 * The seam between the transports and everything above: a connection is a thing that can be written
 * to, paused, ended and handed over. Which system calls do that is the transport's business; nothing
 * above this file knows of sockets or descriptors, but for what speaks TLS on top of a node socket.
 *
 * Life of a connection in a worker:
 *
 *     transport ──onData──► handler ──write──► (gathered) ──flush──► kernel
 *                                                  │
 *                                     beforeFlush: counters are committed
 *
 * Writes are gathered and go out together once per turn of the event loop, after `beforeFlush`. So
 * what a worker has counted is on record before the client can see it, whatever kills the worker.
 */

import type net from 'node:net';

/** What clients speak on a listener. `https` is TLS, within which they choose HTTP/2 or HTTP/1.1. */
export const PROTOCOLS = ['http', 'https', 'getfile', 'jobs'] as const;

export type Protocol = (typeof PROTOCOLS)[number];

/** The other end of a connection, and the listener it came in by. */
export interface Peer {
  /** IPv4 or IPv6 address in text form; `unix:` on a Unix-domain socket; `''` when it was gone already. */
  readonly address: string;
  readonly port: number;
  /** Position of the listener in the master's list. */
  readonly listener: number;
}

/** Part of an open file, sent as it lies on disk. */
export interface FileSlice {
  readonly offset: number;
  readonly length: number;
}

/** A piece of a body that lies partly on disk. */
export type FilePart = Uint8Array | FileSlice;

/** A file held open for one response. Whoever sends it closes it, in every outcome. */
export interface OpenFile {
  readonly fd: number;
  /** True while the file is still the one that was opened: same inode, size, mtime and ctime. */
  unchanged(): boolean;
  close(): void;
}

/** What came of sending file slices. */
export type SendFileOutcome = 'sent' | 'changed' | 'closed';

/** One client connection in a worker. */
export interface Connection {
  readonly peer: Peer;
  /** True when another worker had it before. */
  readonly returned: boolean;
  /** True when the worker that had it before handed it back for another one, because of what is asked first. */
  readonly isDirected: boolean;
  /** True when it keeps state in this process (TLS), so that `handBack` never takes it. */
  readonly isBound?: boolean;
  /** Bytes accepted by `write` and `sendFile` since the connection was made. */
  readonly queuedBytes: number;
  /** Those of them that the kernel has not taken. Stands still once the connection is closed. */
  readonly unsentBytes: number;
  /** Queues bytes; they leave at the next flush, in order. The buffer must not change afterwards. */
  write(bytes: Uint8Array): void;
  /**
   * Sends slices of a file, and bytes between them, after all that was written before: with
   * back-pressure and in bounded memory. Ends in `changed`, with the last bytes withheld, when the file is no longer what it was:
   * the caller must then destroy the connection, so that the response cannot look whole. Rejects when
   * the disk fails, with the same duty. Closes the file in every outcome. Nothing may be written until it is done.
   */
  sendFile(file: OpenFile, parts: readonly FilePart[]): Promise<SendFileOutcome>;
  /** Stops reading at once: no byte is taken from the kernel until `resume`. */
  pause(): void;
  resume(): void;
  /**
   * Asks the other side whether it is still there when nothing has come from it for so long (keep-alive, tcp(7)); the
   * connection ends when it does not answer. For those on which silence means nothing.
   */
  probePeer(idleSeconds: number): void;
  /** Flushes, then closes our direction (FIN); the peer's bytes are still delivered. */
  end(): void;
  /**
   * Flushes, then closes both directions: for a client that has said it sends no more. What it sends all the
   * same is answered with a reset.
   */
  close(): void;
  /** Closes both directions at once. */
  destroy(): void;
  /**
   * As `destroy`, and so that the peer cannot take it for an end in order (RST; TLS without close_notify): for what
   * only the end of the connection ends.
   */
  reset(): void;
  /**
   * Gives the connection back to the master, with bytes that were read and not used; the next worker
   * continues exactly there. Only between requests, with nothing unsent. False when this transport or
   * this connection cannot: the caller goes on owning it.
   *
   * @param unused must not change afterwards
   * @param place of the worker that it is for; the master gives it to any other when that one is gone. Undefined:
   * for any
   */
  handBack(unused: Uint8Array, place?: number): boolean;
}

/** What a connection tells its owner. */
export interface ConnectionHandler {
  /**
   * Bytes arrived: `bytes[0..length)`. The buffer belongs to the transport and is reused as soon as
   * this returns: copy what is kept.
   */
  onData(bytes: Buffer, length: number): void;
  /** All that was queued has been given to the kernel. */
  onFlushed(): void;
  /** The peer closed its direction; ours may still be used. */
  onEnd(): void;
  /** The connection is gone, whoever closed it; not called when it was handed back. Called once. */
  onClose(error: Error | undefined): void;
}

/** How connections leave a worker that ends: given back to go on elsewhere, or closed between requests. */
export type DrainMode = 'hand-back' | 'close';

/** What a worker's transport counts for the scoreboard. */
export interface TransportCounters {
  /** Connections up to this number were received; on record before anything of the last is read. */
  taken(upTo: number): void;
  opened(): void;
  closed(): void;
  handedBack(): void;
  received(bytes: number): void;
  /** Bytes given to the kernel; a negative number takes back what it did not take. */
  sent(bytes: number): void;
  /** Of what was counted as sent: in writes that begin now, and of which the kernel may take less. */
  leaving(bytes: number): void;
}

/** Makes the handler of a connection, whose client speaks this protocol. */
export type Accept = (connection: Connection, protocol: Exclude<Protocol, 'https'>) => ConnectionHandler;

/** The transports there are. */
export type TransportName = 'native' | 'portable';

/**
 * Takes a connection of an `https` listener: a paused socket, half-open allowed, on which the client speaks TLS. The
 * transport counts it as opened and closed; its bytes are counted by whoever takes it, in plain text.
 */
export type AcceptSecure = (socket: net.Socket, peer: Peer) => void;

/** A worker's half of a transport. */
export interface WorkerTransport {
  readonly name: TransportName;
  /**
   * Begins to receive connections. `accept` makes the handler of each. Those of an `https` listener go to
   * `acceptSecure` as sockets of which nothing is read; without it they are closed.
   */
  start(accept: Accept, acceptSecure?: AcceptSecure): void;
  /** Runs once per turn of the loop before gathered bytes and hand-over acknowledgements take effect. */
  onBeforeFlush(commit: () => void): void;
  /** Runs `flush` once at the end of this turn of the loop, when the counters are on record. */
  afterCommit(flush: () => void): void;
  close(): void;
}
