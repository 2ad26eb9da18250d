/**
 * A connection that is a descriptor. It is read into one buffer that all connections of the worker share;
 * what is written is gathered until the transport's flush and goes out in one call where that is possible.
 */
import { constants } from 'node:os';
import { EAGAIN, ECONNRESET, EINTR, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from '../../posix/constants.js';
import { systemError } from '../../posix/libc.js';
import { sendFile } from '../../posix/send-file.js';
import {
  close,
  peerName,
  probePeer,
  receive,
  reset,
  shutdownBoth,
  shutdownWrite,
} from '../../posix/sockets.js';
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
import { FlushWaiter } from '../flush-waiter.js';
import { sendParts } from './file-sender.js';
import type { ConnectionRecord } from './protocol.js';
import type { Readiness, Ready } from './readiness.js';
import { SendQueue } from './send-queue.js';

/** What a connection asks of the transport that made it. */
export interface Owner {
  readonly readBuffer: Buffer;
  /** Where small writes are joined. */
  readonly joinBuffer: Buffer;
  readonly counters: TransportCounters;
  readonly readiness: Readiness;
  /** Calls `flush` of the connection at the end of this turn of the loop. */
  scheduleFlush(connection: NativeConnection): void;
  /** Puts the counters on record at the end of this turn. */
  scheduleCommit(): void;
  /** Calls `tellClosed` of the connection at the end of this turn. */
  scheduleClosed(connection: NativeConnection): void;
  sendBack(connection: NativeConnection, record: ConnectionRecord): boolean;
}

/** A write up to this size is taken whole, unless the client has stopped reading: tcp(7), tcp_wmem. */
const SURE_BYTES = 16 * 1024;
/** Errors of sendfile(2) that are the file's and not the connection's. */
const { EINVAL, EIO, ENOMEM, EOVERFLOW, ESTALE } = constants.errno;
const DISK_ERRORS = [EINVAL, EIO, ENOMEM, EOVERFLOW, ESTALE];
/** Of a file, in one turn of the loop: then others have theirs. */
const SLICE_BYTES = 1024 * 1024;

/** A slice of a file on its way. */
interface Slice {
  readonly fd: number;
  position: number;
  readonly end: number;
  /** Called once: with what became of it. */
  readonly done: (outcome: SendFileOutcome | Error) => void;
}

export class NativeConnection implements Connection, Ready {
  readonly fd: number;
  readonly listener: number;
  readonly returned: boolean;
  readonly isDirected: boolean;
  readonly protocol: Protocol;
  readonly #owner: Owner;
  #handler: ConnectionHandler | undefined;
  #peer: Peer | undefined;
  /** Written and not taken by the kernel. */
  readonly #unsent: SendQueue;
  #queued = 0;
  /** The kernel takes no more: it is waited for, and what is sent from now on is counted when it is taken. */
  #blocked = false;
  #reading = true;
  #peerEnded = false;
  #ending: 'no' | 'half' | 'whole' = 'no';
  #finSent = false;
  #flushScheduled = false;
  /** Events that are waited for; undefined: not in the epoll set. */
  #interest: number | undefined;
  #givenAway = false;
  #closed = false;
  #error: Error | undefined;
  #slice: Slice | undefined;
  #sendingFile = false;
  /** More of the same response follows what is gathered: the kernel may keep the last of it for up to 200 ms. */
  #moreFollows = false;
  readonly #flush = new FlushWaiter();

  constructor(owner: Owner, fd: number, from: ConnectionRecord) {
    this.#owner = owner;
    this.fd = fd;
    this.#unsent = new SendQueue(owner.joinBuffer);
    this.listener = from.listener;
    this.protocol = from.protocol;
    this.returned = from.returned;
    this.isDirected = from.place !== undefined;
  }

  /** Asked of the kernel when it is first wanted. */
  get peer(): Peer {
    if (this.#peer === undefined) {
      const { address, port } = this.#closed ? { address: '', port: 0 } : peerName(this.fd);
      this.#peer = { address, port, listener: this.listener };
    }
    return this.#peer;
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  get unsentBytes(): number {
    return this.#unsent.bytes;
  }

  /** Bytes that the next flush writes, if they are so many that the kernel may not take them all at once. */
  get leavingBytes(): number {
    return !this.#blocked && !this.#closed && this.unsentBytes > SURE_BYTES ? this.unsentBytes : 0;
  }

  /** Begins to read; bytes that an earlier owner read come first. */
  start(handler: ConnectionHandler, unused: Buffer): void {
    this.#handler = handler;
    if (unused.length > 0) handler.onData(unused, unused.length);
    // The request is nearly always there already: many connections are answered without ever waiting.
    if (this.#isReading()) this.#read();
  }

  /** At the end of the turn in which it came: from now on it is waited for. */
  settle(): void {
    if (this.#interest === undefined && !this.#closed && !this.#givenAway) this.#watch();
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#closed) return;
    this.#unsent.push(bytes);
    this.#queued += bytes.length;
    if (this.#blocked) return;
    // Counted before the flush, which puts the counters on record before the client can see the bytes.
    this.#owner.counters.sent(bytes.length);
    this.#schedule();
  }

  async sendFile(file: OpenFile, parts: readonly FilePart[]): Promise<SendFileOutcome> {
    this.#sendingFile = true;
    this.#moreFollows = true;
    try {
      return await sendParts(this, file, parts);
    } finally {
      this.#sendingFile = false;
      this.#moreFollows = false;
      file.close();
    }
  }

  /** Resolves when all that was written has left, or the connection is gone (false). For the file sender. */
  async flushed(): Promise<boolean> {
    if (this.#closed) return false;
    if (this.unsentBytes === 0) return true;
    await this.#flush.wait();
    return !this.#closed;
  }

  /** All of a response with a file is written: as `flushed`. For the file sender. */
  finished(): Promise<boolean> {
    this.#moreFollows = false;
    return this.flushed();
  }

  /** Sends part of a file, with nothing else unsent. Rejects when the disk fails. For the file sender. */
  sendSlice(fd: number, position: number, end: number): Promise<SendFileOutcome> {
    if (this.#closed) return Promise.resolve('closed');
    return new Promise((resolve, reject) => {
      const done = (outcome: SendFileOutcome | Error): void => {
        this.#slice = undefined;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      this.#slice = { fd, position, end, done };
      this.#sendOfSlice(this.#slice);
    });
  }

  pause(): void {
    this.#reading = false;
    this.#updateInterest();
  }

  resume(): void {
    this.#reading = true;
    this.#updateInterest();
  }

  end(): void {
    if (this.#ending !== 'no' || this.#closed) return;
    this.#ending = 'half';
    this.#schedule();
  }

  close(): void {
    if (this.#closed) return;
    this.#ending = 'whole';
    this.#schedule();
  }

  destroy(): void {
    // Once it was given away, its end is for the next owner to decide.
    if (this.#closed || this.#givenAway) return;
    // Not close(2) alone: another process may still have a copy, on its way to a worker that is stopped.
    shutdownBoth(this.fd);
    this.#close(undefined);
  }

  probePeer(idleSeconds: number): void {
    if (!this.#closed && !this.#givenAway) probePeer(this.fd, idleSeconds);
  }

  reset(): void {
    if (this.#closed || this.#givenAway) return;
    reset(this.fd);
    this.#close(undefined);
  }

  handBack(unused: Uint8Array, place?: number): boolean {
    if (this.#closed || this.#ending !== 'no' || this.unsentBytes > 0 || this.#sendingFile) return false;
    const { listener, protocol } = this;
    if (!this.#owner.sendBack(this, { listener, returned: true, protocol, place, unused })) return false;
    this.#givenAway = true;
    this.#unwatch();
    return true;
  }

  /** The next owner has it: our copy goes. */
  release(): void {
    this.#close(undefined);
  }

  onReady(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.#onWritable();
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) === 0 || this.#closed || this.#givenAway) return;
    if (this.#isReading()) this.#read();
    // Nobody reads, so nobody would learn that it is gone; and epoll would tell it again and again.
    else if ((events & (EPOLLERR | EPOLLHUP)) !== 0) this.#close(systemError('read', -ECONNRESET));
  }

  /** Gives what was gathered to the kernel. Called by the transport, after counters are committed. */
  flush(): void {
    this.#flushScheduled = false;
    if (this.#closed || this.#blocked) return;
    if (this.unsentBytes > 0) {
      const error = this.#send();
      this.#owner.counters.sent(-this.unsentBytes);
      if (error !== undefined) {
        this.#close(error);
        return;
      }
      if (this.unsentBytes > 0) {
        this.#block();
        return;
      }
      this.#onAllSent();
    }
    // The handler may have destroyed it: the number of its descriptor is another's by now.
    if (this.#ending !== 'no' && this.unsentBytes === 0 && !this.#closed) this.#finish();
  }

  /** Tells the handler that it is over. Called by the transport, outside of anything the handler does. */
  tellClosed(): void {
    this.#owner.counters.closed();
    this.#flush.settle();
    this.#slice?.done('closed');
    if (!this.#givenAway) this.#handler?.onClose(this.#error);
  }

  #isReading(): boolean {
    return this.#reading && !this.#peerEnded && !this.#closed && !this.#givenAway;
  }

  #read(): void {
    const { readBuffer, counters } = this.#owner;
    const length = receive(this.fd, readBuffer, readBuffer.length);
    if (length > 0) {
      counters.received(length);
      this.#handler!.onData(readBuffer, length);
    } else if (length === 0) this.#onPeerEnd();
    else if (length !== -EAGAIN && length !== -EINTR) this.#close(systemError('read', length));
  }

  #onPeerEnd(): void {
    this.#peerEnded = true;
    this.#updateInterest();
    this.#handler!.onEnd();
    if (this.#finSent) this.#close(undefined);
  }

  #onWritable(): void {
    if (this.#slice !== undefined) {
      this.#sendOfSlice(this.#slice);
      return;
    }
    if (!this.#blocked) return;
    const before = this.unsentBytes;
    const error = this.#send();
    if (this.unsentBytes < before) {
      this.#owner.counters.sent(before - this.unsentBytes);
      this.#owner.scheduleCommit();
    }
    if (error !== undefined) {
      this.#close(error);
      return;
    }
    if (this.unsentBytes > 0) return;
    this.#unblock();
    this.#onAllSent();
    if (this.#ending !== 'no') this.#schedule();
  }

  #onAllSent(): void {
    this.#handler!.onFlushed();
    this.#flush.settle();
  }

  /** As much as the kernel takes. Our end may go out with the last bytes, in one packet. */
  #send(): Error | undefined {
    const errno = this.#unsent.send(this.fd, this.#moreFollows || this.#ending !== 'no');
    return errno === 0 ? undefined : systemError('write', errno);
  }

  #sendOfSlice(slice: Slice): void {
    const wanted = Math.min(SLICE_BYTES, slice.end - slice.position);
    const sent = wanted === 0 ? 0 : sendFile(this.fd, slice.fd, slice.position, wanted);
    if (sent > 0) {
      slice.position += sent;
      this.#queued += sent;
      this.#owner.counters.sent(sent);
      this.#owner.scheduleCommit();
    } else if (sent === 0 && wanted > 0) {
      this.#unblock();
      slice.done('changed');
      return;
    } else if (sent < 0 && sent !== -EAGAIN && sent !== -EINTR) {
      this.#sliceFailed(slice, sent);
      return;
    }
    if (slice.position < slice.end) this.#block();
    else {
      this.#unblock();
      slice.done('sent');
    }
  }

  /** The disk's fault is told; all else means that the client is gone. */
  #sliceFailed(slice: Slice, errno: number): void {
    const error = systemError('sendfile', errno);
    if (!DISK_ERRORS.includes(-errno)) {
      this.#close(error);
      return;
    }
    this.#unblock();
    slice.done(error);
  }

  #block(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.#updateInterest();
  }

  #unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#updateInterest();
  }

  /** All has left: closes what is to be closed. */
  #finish(): void {
    if (this.#ending === 'whole') {
      // Not close(2) alone: the master may still have its copy.
      shutdownBoth(this.fd);
      this.#close(undefined);
      return;
    }
    if (this.#finSent) return;
    this.#finSent = true;
    shutdownWrite(this.fd);
    if (this.#peerEnded) this.#close(undefined);
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#owner.scheduleFlush(this);
  }

  #wanted(): number {
    const isReading = this.#reading && !this.#peerEnded;
    return (isReading ? EPOLLIN : 0) | (this.#blocked ? EPOLLOUT : 0);
  }

  #updateInterest(): void {
    if (this.#closed || this.#givenAway) return;
    // Not in the set yet: it is added when its first turn ends, unless it has to wait before.
    if (this.#interest === undefined) {
      if (this.#blocked) this.#watch();
      return;
    }
    const wanted = this.#wanted();
    if (wanted === this.#interest) return;
    this.#interest = wanted;
    this.#owner.readiness.modify(this.fd, wanted);
  }

  #watch(): void {
    const wanted = this.#wanted();
    this.#interest = wanted;
    if (!this.#owner.readiness.add(this.fd, wanted, this)) this.#close(new Error('epoll_ctl refused it'));
  }

  #unwatch(): void {
    if (this.#interest === undefined) return;
    this.#interest = undefined;
    this.#owner.readiness.remove(this.fd);
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    const { counters } = this.#owner;
    // Gathered in this turn, and counted for a flush that will not come.
    if (!this.#blocked && this.#flushScheduled) counters.sent(-this.unsentBytes);
    this.#unsent.forget();
    this.#unwatch();
    close(this.fd);
    this.#owner.scheduleClosed(this);
  }
}
