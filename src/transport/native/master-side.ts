/**
 * The master's half of the native transport: listening descriptors that are drained in batches, and a
 * channel to each worker.
 *
 *     listener ready ─► accept4 until there is no more ─► receive ─► handOver ─► end of turn: one sendmsg a worker
 */
import type { ChildProcess } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { rmSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { hostOfSocket, socketPathOf } from '../../config/socket-path.js';
import { messageOf } from '../../errors.js';
import { EAGAIN, ECONNABORTED, EINTR, EPOLLIN } from '../../posix/constants.js';
import { MessageBuffer, socketPair } from '../../posix/fd-passing.js';
import { scheduleInBatches } from '../../posix/scheduling.js';
import { accept, close, listenOn, listenOnInherited, listenOnPath, localName } from '../../posix/sockets.js';
import type { ChannelEvents, ListenAddress, MasterTransport, Waiting, WorkerChannel } from '../handover.js';
import { type ChannelOwner, NativeChannel } from './channel.js';
import { HeldConnection } from './held-connection.js';
import { type ConnectionRecord, MESSAGE_BYTES, NOTHING } from './protocol.js';
import { Readiness, type Ready } from './readiness.js';

/** Connections that one listener gives in one turn; the others are there in the next. */
const ACCEPTS_PER_TURN = 256;
/** How long nothing is accepted after the kernel had no descriptor or memory for it. */
const SHORTAGE_MS = 50;
/** What may be under way in a channel; the kernel takes less where wmem_max is less. */
const CHANNEL_BUFFER_BYTES = 512 * 1024;

export class NativeMasterTransport implements MasterTransport, ChannelOwner {
  readonly name = 'native';
  readonly readiness = new Readiness(() => this.#endTurn());
  readonly message = new MessageBuffer(MESSAGE_BYTES);
  #receive: (connection: Waiting) => void = () => undefined;
  #report: (text: string) => void = () => undefined;
  readonly #listeners: Listener[] = [];
  #listenerCount = 0;
  #dirty: NativeChannel[] = [];
  #scheduled = false;
  #holding = false;

  readonly #deferAccept: boolean;

  /** @param deferAccept connections come when their first bytes are there: see posix/sockets.ts */
  constructor(deferAccept: boolean) {
    this.#deferAccept = deferAccept;
    scheduleInBatches();
    this.readiness.start();
  }

  onConnection(receive: (connection: Waiting) => void): void {
    this.#receive = receive;
  }

  onTrouble(report: (text: string) => void): void {
    this.#report = report;
  }

  holdBack(hold: boolean): boolean {
    this.#holding = hold;
    for (const listener of this.#listeners) listener.hold(hold);
    return true;
  }

  async listen(address: ListenAddress, backlog: number): Promise<ListenAddress> {
    const { protocol = 'http' } = address;
    const { fd, ...where } = await this.#open(address, backlog);
    const inherited = address.fd;
    const bound = {
      ...where,
      ...(inherited !== undefined && { fd: inherited }),
      ...(protocol !== 'http' && { protocol }),
    };
    const number = this.#listenerCount++;
    const record = { listener: number, returned: false, protocol, place: undefined, unused: NOTHING };
    const take = (client: number): void => this.received(client, record);
    const listener = new Listener(this.readiness, fd, bound, take, (text) => this.#report(text));
    listener.hold(this.#holding);
    this.#listeners.push(listener);
    return bound;
  }

  unlisten(address?: ListenAddress): void {
    for (const listener of [...this.#listeners]) {
      if (address !== undefined && address !== listener.address) continue;
      listener.close();
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    }
  }

  channelTo(start: (inherited: readonly number[]) => ChildProcess, events: ChannelEvents): WorkerChannel {
    const [ours, theirs] = socketPair(CHANNEL_BUFFER_BYTES);
    try {
      return new NativeChannel(this, ours, () => start([theirs]), events);
    } finally {
      // The worker has its own by now.
      close(theirs);
    }
  }

  close(): void {
    this.unlisten();
    this.readiness.close();
  }

  scheduleFlush(channel: NativeChannel): void {
    this.#dirty.push(channel);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#endTurn);
  }

  received(fd: number, record: ConnectionRecord): void {
    this.#receive(new HeldConnection(this.readiness, fd, record));
  }

  /** A descriptor that listens, and what it is bound to. */
  async #open({ host, port, fd }: ListenAddress, backlog: number): Promise<ListenAddress & { fd: number }> {
    if (fd !== undefined) {
      const name = listenOnInherited(fd, backlog);
      const isPath = name.port === 0;
      return { host: isPath ? hostOfSocket(name.address) : name.address, port: name.port, fd };
    }
    const path = socketPathOf(host);
    if (path !== undefined) return { host, port: 0, fd: listenOnPath(path, backlog) };
    const { address } = await lookup(host);
    const opened = listenOn({ address, port, backlog, deferAccept: this.#deferAccept });
    return { host, port: localName(opened).port, fd: opened };
  }

  readonly #endTurn = (): void => {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const channel of dirty) channel.flush();
  };
}

class Listener implements Ready {
  readonly address: ListenAddress;
  readonly #readiness: Readiness;
  readonly #fd: number;
  readonly #take: (fd: number) => void;
  readonly #report: (text: string) => void;
  /** Running while the kernel has no descriptor or memory for a connection. */
  #shortage: NodeJS.Timeout | undefined;
  #holding = false;

  constructor(
    readiness: Readiness,
    fd: number,
    address: ListenAddress,
    take: (fd: number) => void,
    report: (text: string) => void,
  ) {
    this.#readiness = readiness;
    this.#fd = fd;
    this.address = address;
    this.#take = take;
    this.#report = report;
    readiness.add(fd, EPOLLIN, this);
  }

  onReady(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN && !this.#holding; i++) {
      const client = accept(this.#fd);
      if (client >= 0) this.#take(client);
      else if (client === -EAGAIN) return;
      // The client was faster, or a signal came.
      else if (client !== -ECONNABORTED && client !== -EINTR) {
        this.#waitOut(client);
        return;
      }
    }
  }

  /** Leaves what comes with the kernel. */
  hold(hold: boolean): void {
    if (hold === this.#holding) return;
    this.#holding = hold;
    this.#listen();
  }

  close(): void {
    clearTimeout(this.#shortage);
    this.#readiness.remove(this.#fd);
    // While it is still ours: from then on another server may put its own there.
    const path = this.address.fd === undefined ? socketPathOf(this.address.host) : undefined;
    try {
      if (path !== undefined) rmSync(path, { force: true });
    } catch (error) {
      this.#report(`cannot remove ${path}: ${messageOf(error)}`);
    }
    close(this.#fd);
  }

  /** Mostly EMFILE: the clients wait in the kernel. */
  #waitOut(errno: number): void {
    this.#report(`cannot accept a connection: ${getSystemErrorName(errno)}`);
    this.#shortage = setTimeout(() => {
      this.#shortage = undefined;
      this.#listen();
    }, SHORTAGE_MS);
    this.#listen();
  }

  #listen(): void {
    const isOff = this.#holding || this.#shortage !== undefined;
    this.#readiness.modify(this.#fd, isOff ? 0 : EPOLLIN);
  }
}
