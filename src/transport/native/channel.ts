/**
 * The master's end of the channel to one worker. Connections are gathered and go out together at the end
 * of the turn; the claims (claims.ts) say what has become of each.
 */
import type { ChildProcess } from 'node:child_process';
import { EAGAIN, ECONNRESET, ENOMEM, EPOLLIN, EPOLLOUT } from '../../posix/constants.js';
import { largestMessage, MAX_DESCRIPTORS, type MessageBuffer } from '../../posix/fd-passing.js';
import { systemError } from '../../posix/libc.js';
import { close } from '../../posix/sockets.js';
import type { ChannelEvents, Waiting, WorkerChannel } from '../handover.js';
import { MAX_CLAIMS, MasterClaims } from './claims.js';
import type { HeldConnection } from './held-connection.js';
import type { ConnectionRecord } from './protocol.js';
import { KIND, MessageWriter, readHeader, readRecords, writeHeader } from './protocol.js';
import type { Readiness, Ready } from './readiness.js';

/** What a channel asks of the transport that made it. */
export interface ChannelOwner {
  readonly readiness: Readiness;
  readonly message: MessageBuffer;
  /** Calls `flush` of the channel at the end of this turn. */
  scheduleFlush(channel: NativeChannel): void;
  /** A connection came: a worker has handed it back. */
  received(fd: number, record: ConnectionRecord): void;
}

/** How soon it is tried again when the kernel could not take a message. */
const PAUSE_MS = 50;
/** Ids are counted modulo this in messages. */
const IDS = 2 ** 32;

export class NativeChannel implements WorkerChannel, Ready {
  readonly #owner: ChannelOwner;
  readonly #fd: number;
  readonly #events: ChannelEvents;
  readonly #claims: MasterClaims;
  readonly #writer: MessageWriter;
  /** By the place of their number; undefined where the worker has it, or it was taken back. */
  readonly #offered: (HeldConnection | undefined)[] = Array.from({ length: MAX_CLAIMS });
  /** Numbers of the oldest that may be unsettled, of the first that is not sent, and of the next. */
  #oldest = 0;
  #unsent = 0;
  #next = 0;
  #inFlight = 0;
  #lastRevoked: number | undefined;
  #flushScheduled = false;
  #blocked = false;
  #closed = false;
  #child: ChildProcess | undefined;
  /** How many of each handed-back message arrived: to be told. */
  #confirmations: number[] = [];

  /**
   * @param fd our end of the channel, which is closed in the end, and when this throws
   * @throws the system's error, or what `start` throws
   */
  constructor(owner: ChannelOwner, fd: number, start: () => ChildProcess, events: ChannelEvents) {
    this.#owner = owner;
    this.#fd = fd;
    this.#events = events;
    try {
      this.#writer = new MessageWriter(owner.message.bytes, largestMessage(fd));
      this.#claims = MasterClaims.create();
    } catch (error) {
      close(fd);
      throw error;
    }
    try {
      this.#greet();
      this.#child = start();
    } catch (error) {
      this.reclaim();
      throw error;
    }
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  handOver(connection: Waiting): boolean {
    if (this.#closed || this.#blocked || this.#child?.connected !== true) return false;
    if (!this.#writer.fits(connection as HeldConnection)) return false;
    if (!this.#claims.offer(this.#next % IDS)) return false;
    this.#offered[this.#next % MAX_CLAIMS] = connection as HeldConnection;
    this.#next++;
    this.#inFlight++;
    this.#schedule();
    return true;
  }

  get stopped(): boolean {
    if (this.#closed || this.#lastRevoked === undefined) return false;
    if (this.#claims.isRevoked(this.#lastRevoked % IDS)) return true;
    this.#lastRevoked = undefined;
    return false;
  }

  acknowledge(): void {
    // Without the claims' memory there is nothing to be looked at, and looking would end the process.
    if (!this.#closed) this.#settle();
  }

  takeBack(): Waiting[] {
    if (this.#closed) return [];
    this.#settle();
    const revoked: Waiting[] = [];
    for (let id = this.#oldest; id < this.#unsent; id++) {
      const held = this.#offered[id % MAX_CLAIMS];
      if (held === undefined || !this.#claims.revoke(id % IDS)) continue;
      this.#forget(id);
      this.#lastRevoked = id;
      revoked.push(held);
    }
    return [...revoked, ...this.#withdrawUnsent()];
  }

  reclaim(): Waiting[] {
    if (this.#closed) return [];
    // What it had handed back before it died is still there.
    while (this.#receive() === 'some');
    this.#closed = true;
    this.#owner.readiness.remove(this.#fd);
    this.#settle();
    const left: Waiting[] = [];
    for (let id = this.#oldest; id < this.#next; id++) {
      const held = this.#offered[id % MAX_CLAIMS];
      if (held === undefined) continue;
      this.#forget(id);
      // It may have died in the midst of a turn: those it had taken are lost with it, others are not.
      if (this.#claims.settle(id % IDS) === 'taken') held.release();
      else left.push(held);
    }
    close(this.#fd);
    this.#claims.close();
    return left;
  }

  onReady(events: number): void {
    if ((events & EPOLLOUT) !== 0) {
      this.#owner.readiness.modify(this.#fd, EPOLLIN);
      this.#unblock();
    }
    // The worker is gone, or about to be: its exit is told by other means.
    if ((events & ~EPOLLOUT) !== 0 && this.#receive() === 'gone') this.#owner.readiness.remove(this.#fd);
  }

  /** Sends what was gathered. Called by the transport at the end of the turn. */
  flush(): void {
    this.#flushScheduled = false;
    if (this.#closed || this.#blocked) return;
    this.#confirm();
    while (this.#unsent < this.#next && !this.#blocked) this.#sendBatch();
  }

  /** Lets go of what the worker has answered. */
  #settle(): void {
    const untaken: Waiting[] = [];
    while (this.#oldest < this.#unsent) {
      const id = this.#oldest;
      const held = this.#offered[id % MAX_CLAIMS];
      if (held !== undefined) {
        const outcome = this.#claims.settle(id % IDS);
        if (outcome === 'pending') break;
        this.#forget(id);
        if (outcome === 'taken') held.release();
        else untaken.push(held);
      }
      this.#oldest++;
    }
    for (const connection of untaken) this.#events.onUntaken(connection);
  }

  /** Begins to listen, and leaves the claims in the channel for the worker that is to be started. */
  #greet(): void {
    const { message, readiness } = this.#owner;
    message.descriptors[0] = this.#claims.fd;
    const result = message.send(this.#fd, writeHeader(message.bytes, KIND.hello, 0), 1);
    if (result < 0) throw systemError('sendmsg', result);
    if (!readiness.add(this.#fd, EPOLLIN, this)) throw systemError('epoll_ctl', -ENOMEM);
  }

  /** One message from the worker, if there is one, or may still come. */
  #receive(): 'some' | 'none' | 'gone' {
    const { message } = this.#owner;
    let length = message.receive(this.#fd);
    // A worker that died with messages unread leaves an error, before what it has sent.
    if (length === -ECONNRESET) length = message.receive(this.#fd);
    if (length === -EAGAIN) return 'none';
    if (length <= 0) return 'gone';
    const header = readHeader(message.bytes, length);
    if (header?.kind === KIND.return) this.#takeReturned(header.count);
    return 'some';
  }

  #takeReturned(count: number): void {
    const { message } = this.#owner;
    const arrived = message.count;
    const records = readRecords(message.bytes, count).slice(0, arrived);
    const fds = message.descriptors.slice(0, arrived);
    this.#confirmations.push(arrived);
    this.#schedule();
    records.forEach((record, i) => {
      this.#owner.received(fds[i]!, record);
    });
  }

  #confirm(): void {
    const { message } = this.#owner;
    while (this.#confirmations.length > 0) {
      const result = message.send(
        this.#fd,
        writeHeader(message.bytes, KIND.returned, this.#confirmations[0]!),
        0,
      );
      if (result < 0) {
        this.#wait(result);
        return;
      }
      this.#confirmations.shift();
    }
  }

  #sendBatch(): void {
    const { message } = this.#owner;
    const first = this.#unsent;
    let count = 0;
    while (count < MAX_DESCRIPTORS && first + count < this.#next) {
      const held = this.#offered[(first + count) % MAX_CLAIMS]!;
      if (!this.#writer.add(held)) break;
      message.descriptors[count++] = held.fd;
    }
    const result = message.send(this.#fd, this.#writer.finish(KIND.connections, first % IDS), count);
    if (result === 0) this.#unsent += count;
    else this.#wait(result);
  }

  #wait(errno: number): void {
    this.#blocked = true;
    // The worker does not take what was sent before: it is busy or stopped.
    if (errno === -EAGAIN) this.#owner.readiness.modify(this.#fd, EPOLLIN | EPOLLOUT);
    // The kernel is out of memory, or this user has too many descriptors under way (unix(7)); or the worker is
    // gone, and `reclaim` follows.
    else setTimeout(() => this.#unblock(), PAUSE_MS);
  }

  #unblock(): void {
    if (this.#closed) return;
    this.#blocked = false;
    this.#schedule();
    this.#events.onRoom();
  }

  #withdrawUnsent(): Waiting[] {
    const left: Waiting[] = [];
    for (let id = this.#unsent; id < this.#next; id++) {
      left.push(this.#offered[id % MAX_CLAIMS]!);
      this.#claims.withdraw(id % IDS);
      this.#forget(id);
    }
    this.#next = this.#unsent;
    return left;
  }

  #forget(id: number): void {
    this.#offered[id % MAX_CLAIMS] = undefined;
    this.#inFlight--;
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#owner.scheduleFlush(this);
  }
}
