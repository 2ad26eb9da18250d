/**
 * The worker's half of the native transport: takes connections out of the channel and runs the turn:
 *
 *     ready descriptors: reads ──► gathered ─┐
 *     channel: new connections, claimed ─────┴─► commit ─► new ones: taken, read ─► commit ─► write
 */
import net from 'node:net';
import { EAGAIN, ECONNRESET, EPIPE, EPOLLIN, EPOLLOUT } from '../../posix/constants.js';
import { largestMessage, MessageBuffer } from '../../posix/fd-passing.js';
import { close } from '../../posix/sockets.js';
import type { Accept, AcceptSecure, TransportCounters, WorkerTransport } from '../connection.js';
import { startSecure } from '../secure/start.js';
import { WorkerClaims } from './claims.js';
import { NativeConnection, type Owner } from './connection.js';
import {
  type ConnectionRecord,
  KIND,
  MESSAGE_BYTES,
  type MessageHeader,
  MessageWriter,
  type ReceivedRecord,
  readHeader,
  readRecords,
} from './protocol.js';
import { Readiness, type Ready } from './readiness.js';

const READ_BUFFER_BYTES = 64 * 1024;
const JOIN_BUFFER_BYTES = 64 * 1024;
/** Messages that are taken in one turn. */
const MESSAGES_PER_TURN = 4;
/** New connections that are begun with before they are answered. */
const STARTS_PER_FLUSH = 4;
/** How soon a connection is handed back again that could not be sent, or did not arrive. */
const RESEND_MS = 50;

const NONE: readonly NativeConnection[] = [];

/** A connection that was claimed in this turn. */
interface Arrival {
  readonly id: number;
  readonly fd: number;
  readonly record: ReceivedRecord;
}

/** A connection on its way back. */
interface Return {
  readonly connection: NativeConnection;
  readonly record: ConnectionRecord;
}

export class NativeWorkerTransport implements WorkerTransport, Owner, Ready {
  readonly name = 'native';
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly joinBuffer = Buffer.allocUnsafeSlow(JOIN_BUFFER_BYTES);
  readonly readiness = new Readiness(() => this.#endTurn());
  readonly counters: TransportCounters;
  readonly #channel: number;
  readonly #message = new MessageBuffer(MESSAGE_BYTES);
  readonly #writer: MessageWriter;
  readonly #claims: WorkerClaims;
  #accept: Accept | undefined;
  #acceptSecure: AcceptSecure | undefined;
  #commit: () => void = () => undefined;
  #afterCommit: (() => void)[] = [];
  #taken = 0;
  #arrivals: Arrival[] = [];
  #dirty: NativeConnection[] = [];
  #closedNow: NativeConnection[] = [];
  #returns: Return[] = [];
  /** Sent back, and not known to have arrived; a list for each message. */
  #unconfirmed: Return[][] = [];
  #channelBlocked = false;
  #scheduled = false;
  #closing = false;

  /**
   * @param channel the inherited end of the channel
   * @throws the system's error when the claims cannot be mapped
   */
  constructor(channel: number, counters: TransportCounters) {
    this.#channel = channel;
    this.#writer = new MessageWriter(this.#message.bytes, largestMessage(channel));
    this.counters = counters;
    const length = this.#message.receive(channel);
    const header = readHeader(this.#message.bytes, length);
    if (header?.kind !== KIND.hello || this.#message.count !== 1) {
      throw new Error(`the channel to the master is not what it should be (${length})`);
    }
    this.#claims = new WorkerClaims(this.#message.descriptors[0]!);
  }

  onBeforeFlush(commit: () => void): void {
    this.#commit = commit;
  }

  start(accept: Accept, acceptSecure?: AcceptSecure): void {
    this.#accept = accept;
    this.#acceptSecure = acceptSecure;
    this.readiness.add(this.#channel, EPOLLIN, this);
    this.readiness.start();
  }

  close(): void {
    this.#closing = true;
  }

  onReady(events: number): void {
    if ((events & EPOLLOUT) !== 0) {
      this.#channelBlocked = false;
      this.readiness.modify(this.#channel, EPOLLIN);
    }
    for (let i = 0; i < MESSAGES_PER_TURN; i++) if (!this.#receive()) return;
  }

  scheduleFlush(connection: NativeConnection): void {
    this.#dirty.push(connection);
    this.#schedule();
  }

  scheduleCommit(): void {
    this.#schedule();
  }

  afterCommit(flush: () => void): void {
    this.#afterCommit.push(flush);
    this.#schedule();
  }

  scheduleClosed(connection: NativeConnection): void {
    this.#closedNow.push(connection);
    this.#schedule();
  }

  sendBack(connection: NativeConnection, record: ConnectionRecord): boolean {
    if (!this.#writer.fits(record)) return false;
    this.#returns.push({ connection, record });
    this.#schedule();
    return true;
  }

  /** One message from the master; false when there is none. */
  #receive(): boolean {
    const length = this.#message.receive(this.#channel);
    // Without a master this process ends by itself; until then there is nothing more to hear.
    if (length === 0) this.readiness.remove(this.#channel);
    if (length <= 0) return false;
    const header = readHeader(this.#message.bytes, length);
    if (header?.kind === KIND.connections) this.#arrive(header);
    else if (header?.kind === KIND.returned) this.#confirm(header.count);
    return true;
  }

  #arrive({ firstId, count }: MessageHeader): void {
    const { descriptors, bytes } = this.#message;
    const came = this.#message.count;
    const records = readRecords(bytes, count);
    for (let i = 0; i < count; i++) {
      const id = (firstId + i) >>> 0;
      // Out of descriptors, the kernel gives us as many as we may have: the first ones.
      if (i >= came) this.#claims.giveUp(id);
      else if (this.#closing || !this.#claims.claim(id)) close(descriptors[i]!);
      else this.#arrivals.push({ id, fd: descriptors[i]!, record: records[i]! });
    }
    this.#schedule();
  }

  #confirm(arrived: number): void {
    const returns = this.#unconfirmed.shift() ?? [];
    for (const { connection } of returns.slice(0, arrived)) {
      this.counters.handedBack();
      connection.release();
    }
    const lost = returns.slice(arrived);
    // The master is out of descriptors: until it has one, our copy keeps the connection alive.
    if (lost.length > 0) {
      setTimeout(() => {
        this.#returns.push(...lost);
        this.#schedule();
      }, RESEND_MS);
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#scheduled = false;
    const started = this.#arrivals.length > 0 ? this.#startAll() : NONE;
    this.#flush();
    if (this.#afterCommit.length > 0) this.#runAfterCommit();
    for (const connection of started) connection.settle();
    if (this.#returns.length > 0) this.#sendReturns();
    if (this.#closedNow.length > 0) this.#tellClosed();
  };

  /** Commits the counters. Returns how many bytes, counted as sent, the kernel may not take at the next flush. */
  #putOnRecord(): number {
    const leaving = this.#dirty.reduce((bytes, connection) => bytes + connection.leavingBytes, 0);
    this.counters.leaving(leaving);
    this.#commit();
    return leaving;
  }

  /** Gives the kernel what was gathered, after the counters are on record. */
  #flush(): void {
    const leaving = this.#putOnRecord();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
    if (leaving > 0) this.#putOnRecord();
  }

  /** Begins with new connections, once it is on record that they are here. */
  #startAll(): readonly NativeConnection[] {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    this.#taken += arrivals.length;
    this.counters.taken(this.#taken);
    for (let i = 0; i < arrivals.length; i++) this.counters.opened();
    this.#putOnRecord();
    const started: NativeConnection[] = [];
    arrivals.forEach((arrival, i) => {
      // What has begun is lost when this process is killed, what only waits here is not: so little at a time.
      if (i > 0 && i % STARTS_PER_FLUSH === 0) this.#flush();
      this.#start(arrival, started);
    });
    return started;
  }

  #start({ id, fd, record }: Arrival, started: NativeConnection[]): void {
    this.#claims.take(id);
    const { protocol } = record;
    if (protocol === 'https') {
      startSecure(socketOf(fd), record.listener, this.#acceptSecure, () => {
        this.counters.closed();
        this.#schedule();
      });
      return;
    }
    const connection = new NativeConnection(this, fd, record);
    started.push(connection);
    connection.start(this.#accept!(connection, protocol), record.unused);
  }

  #runAfterCommit(): void {
    const flushes = this.#afterCommit;
    this.#afterCommit = [];
    for (const flush of flushes) flush();
  }

  #tellClosed(): void {
    const closed = this.#closedNow;
    this.#closedNow = [];
    for (const connection of closed) connection.tellClosed();
    // What that has counted, and that they are gone.
    this.#schedule();
  }

  #sendReturns(): void {
    while (this.#returns.length > 0 && !this.#channelBlocked) {
      const { descriptors } = this.#message;
      let count = 0;
      for (const { connection, record } of this.#returns) {
        if (!this.#writer.add(record)) break;
        descriptors[count++] = connection.fd;
      }
      const length = this.#writer.finish(KIND.return, 0);
      const result = this.#message.send(this.#channel, length, count);
      if (result === 0) this.#unconfirmed.push(this.#returns.splice(0, count));
      else if (result === -EAGAIN) this.#waitForChannel();
      // The master is gone, and so are we soon.
      else if (result === -EPIPE || result === -ECONNRESET) this.#returns = [];
      else this.#pauseReturns();
    }
  }

  /** The kernel is out of memory for messages, or this user has too many descriptors under way (unix(7)). */
  #pauseReturns(): void {
    this.#channelBlocked = true;
    setTimeout(() => {
      this.#channelBlocked = false;
      this.#schedule();
    }, RESEND_MS);
  }

  #waitForChannel(): void {
    this.#channelBlocked = true;
    this.readiness.modify(this.#channel, EPOLLIN | EPOLLOUT);
  }
}

/** A node socket of a descriptor, which reads nothing before `resume()`: TLS is node's. */
function socketOf(fd: number): net.Socket {
  const options = { fd, allowHalfOpen: true, pauseOnCreate: true, readable: true, writable: true };
  return new net.Socket(options as net.SocketConstructorOpts);
}
