/**
 * A connection over node:net. Reads go into one buffer shared by all connections of the worker; writes
 * are gathered until the transport's flush, and at most one is under way in the socket.
 */

import { UNIX_CLIENT } from '../../config/socket-path.js';
import type {
  Connection,
  ConnectionHandler,
  FilePart,
  OpenFile,
  Peer,
  Protocol,
  SendFileOutcome,
  TransportCounters,
} from '../connection.js';
import type { FilePump } from '../file-pump.js';
import { FlushWaiter } from '../flush-waiter.js';
import { peerOf } from '../peer.js';
import type { ConnectionMessage } from './protocol.js';
import { type HandleSocket, handleOf, type RawHandle, socketOf } from './raw-handle.js';

/** What a connection asks of the transport that made it. */
export interface Owner {
  readonly readBuffer: Buffer;
  readonly pump: FilePump;
  readonly counters: TransportCounters;
  /** Calls `flush` of the connection at the end of this turn of the loop. */
  scheduleFlush(connection: PortableConnection): void;
  /** Puts the counters on record at the end of this turn. */
  scheduleCommit(): void;
  sendBack(
    connection: PortableConnection,
    handle: RawHandle,
    unused: Uint8Array,
    place: number | undefined,
  ): boolean;
  closed(): void;
}

/** Small writes are joined into one buffer up to this size; larger ones go out as they are (writev). */
const JOIN_BYTES = 64 * 1024;

/** A write up to this size is taken whole, unless the client has stopped reading: tcp(7), tcp_wmem. */
const SURE_BYTES = 16 * 1024;

export class PortableConnection implements Connection {
  readonly listener: number;
  readonly returned: boolean;
  readonly isDirected: boolean;
  readonly protocol: Protocol;
  readonly #owner: Owner;
  readonly #socket: HandleSocket;
  readonly #isUnix: boolean;
  #handler: ConnectionHandler | undefined;
  #peer: Peer | undefined;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #queued = 0;
  /** Bytes gathered while a write was under way: counted as sent when their own turn comes. */
  #uncountedBytes = 0;
  /** Bytes in the write under way. */
  #writing = 0;
  /** Those of them that the kernel had not taken at once. */
  #pendingBytes = 0;
  /** The write under way has failed: the handle no longer knows what of it was not taken. */
  #writeFailed = false;
  #ending = false;
  /** Both directions are to be closed at the end. */
  #closing = false;
  #flushScheduled = false;
  #givenAway = false;
  #closed = false;
  #error: Error | undefined;
  readonly #flush = new FlushWaiter();

  constructor(
    owner: Owner,
    handle: RawHandle,
    from: Pick<ConnectionMessage, 'listener' | 'protocol' | 'returned' | 'place'>,
  ) {
    this.#owner = owner;
    this.listener = from.listener;
    this.returned = from.returned;
    this.isDirected = from.place !== undefined;
    this.protocol = from.protocol;
    this.#isUnix = handle.setNoDelay === undefined;
    this.#socket = socketOf(handle, {
      buffer: owner.readBuffer,
      callback: (length, buffer) => {
        owner.counters.received(length);
        this.#handler?.onData(buffer, length);
        return true;
      },
    });
    this.#socket.beforeDestroy = () => this.#recountPending();
    this.#socket.on('end', () => {
      // A write that fails from now on does not tell how much of it was taken.
      this.#recountPending();
      this.#tellOfEnd();
    });
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('close', () => this.#onClose());
  }

  /** Asked of the kernel when it is first wanted. */
  get peer(): Peer {
    this.#peer ??= this.#isUnix
      ? { address: UNIX_CLIENT, port: 0, listener: this.listener }
      : peerOf(this.#socket, this.listener);
    return this.#peer;
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  get unsentBytes(): number {
    if (this.#writing === 0) return this.#gatheredBytes;
    return this.#gatheredBytes + Math.min(this.#queuedInHandle, this.#writing);
  }

  /** Bytes that the next flush writes, if they are so many that the kernel may not take them all at once. */
  get leavingBytes(): number {
    return this.#writing === 0 && this.#gatheredBytes > SURE_BYTES ? this.#gatheredBytes : 0;
  }

  /** Begins to read; bytes that an earlier owner read come first. */
  start(handler: ConnectionHandler, unused: Buffer): void {
    this.#handler = handler;
    if (unused.length > 0) handler.onData(unused, unused.length);
    if (!this.#closed && !this.#givenAway) this.#socket.resume();
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#closed) return;
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    this.#queued += bytes.length;
    if (this.#writing > 0) {
      this.#uncountedBytes += bytes.length;
      return;
    }
    // Counted before the flush, which puts the counters on record before the client can see the bytes.
    this.#owner.counters.sent(bytes.length);
    this.#schedule();
  }

  sendFile(file: OpenFile, parts: readonly FilePart[]): Promise<SendFileOutcome> {
    return this.#owner.pump.send(this, file, parts);
  }

  /** Resolves when all that was written has left, or the connection is gone (false). For the file pump. */
  async flushed(): Promise<boolean> {
    if (this.#closed) return false;
    if (this.#gatheredBytes + this.#writing === 0) return true;
    await this.#flush.wait();
    return !this.#closed;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#closed && !this.#givenAway) this.#socket.resume();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    this.#schedule();
  }

  close(): void {
    if (this.#closed) return;
    this.#closing = true;
    this.#ending = true;
    this.#schedule();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  probePeer(idleSeconds: number): void {
    this.#socket.setKeepAlive(true, idleSeconds * 1000);
  }

  reset(): void {
    // Node throws for what is no TCP.
    if (this.#socket.remotePort === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  handBack(unused: Uint8Array, place?: number): boolean {
    const handle = handleOf(this.#socket);
    if (handle === undefined || this.#closed || this.#ending || this.unsentBytes > 0) return false;
    this.#socket.pause();
    if (!this.#owner.sendBack(this, handle, unused, place)) {
      this.#socket.resume();
      return false;
    }
    this.#givenAway = true;
    return true;
  }

  /** Gives what was gathered to the socket. Called by the transport, after counters are committed. */
  flush(): void {
    this.#flushScheduled = false;
    if (this.#closed) return;
    if (this.#writing === 0 && this.#gatheredBytes > 0) this.#writeGathered();
    // The socket itself waits for the write under way before it sends FIN.
    if (!this.#ending || this.#gatheredBytes > 0) return;
    if (this.#closing) this.#socket.destroySoon();
    else this.#socket.end();
  }

  /**
   * Where a reset came together with bytes, libuv tells of an end; to write nothing tells the two apart. Where there
   * is something to write that does the same.
   */
  #tellOfEnd(): void {
    if (this.#isUnix || this.#ending || this.unsentBytes > 0) this.#handler?.onEnd();
    else {
      this.#socket.write('', (error) => {
        if (!error && !this.#closed && !this.#givenAway) this.#handler?.onEnd();
      });
    }
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#owner.scheduleFlush(this);
  }

  #writeGathered(): void {
    const buffers = this.#gathered;
    this.#gathered = [];
    this.#writing = this.#gatheredBytes;
    this.#gatheredBytes = 0;
    if (buffers.length > 1 && this.#writing > JOIN_BYTES) {
      this.#socket.cork();
      const last = buffers.length - 1;
      buffers.forEach((bytes, i) => {
        if (i < last) this.#socket.write(bytes);
        else this.#socket.write(bytes, this.#written);
      });
      this.#socket.uncork();
    } else {
      const bytes = buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers);
      this.#socket.write(bytes, this.#written);
    }
    this.#takeBackUnsent();
  }

  /** What is still to be taken of the write under way, as far as it is known. */
  get #queuedInHandle(): number {
    const handle = this.#writeFailed ? undefined : handleOf(this.#socket);
    return handle?.writeQueueSize ?? this.#pendingBytes;
  }

  /** What the kernel did not take at once is not sent yet; nearly always there is no such rest. */
  #takeBackUnsent(): void {
    if (this.#socket.writableLength === 0) return;
    this.#pendingBytes = Math.min(handleOf(this.#socket)?.writeQueueSize ?? 0, this.#writing);
    this.#countLate(-this.#pendingBytes);
  }

  /** What of the write under way has left since it was last looked. */
  #recountPending(): void {
    if (this.#pendingBytes === 0) return;
    const pending = Math.min(this.#queuedInHandle, this.#pendingBytes);
    this.#countLate(this.#pendingBytes - pending);
    this.#pendingBytes = pending;
  }

  readonly #written = (error?: Error | null): void => {
    if (error != null) {
      this.#writeFailed = true;
      // Without a rest that was taken back it failed at once, and nothing of it left. 'close' follows.
      if (this.#pendingBytes === 0) {
        this.#owner.counters.sent(-this.#writing);
        this.#pendingBytes = this.#writing;
      }
      return;
    }
    // Node says that a pending write is done, without an error, when its socket was destroyed instead.
    if (this.#closed || this.#socket.destroyed) return;
    this.#writing = 0;
    this.#countLate(this.#pendingBytes + this.#uncountedBytes);
    this.#pendingBytes = 0;
    this.#uncountedBytes = 0;
    if (this.#gatheredBytes > 0) {
      this.#schedule();
      return;
    }
    this.#handler?.onFlushed();
    this.#flush.settle();
  };

  #countLate(bytes: number): void {
    if (bytes === 0) return;
    this.#owner.counters.sent(bytes);
    this.#owner.scheduleCommit();
  }

  #onClose(): void {
    this.#closed = true;
    this.#gathered = [];
    // Gathered in this turn, and counted for a flush that will not come.
    this.#owner.counters.sent(this.#uncountedBytes - this.#gatheredBytes);
    this.#owner.closed();
    this.#flush.settle();
    if (!this.#givenAway) this.#handler?.onClose(this.#error);
  }
}
