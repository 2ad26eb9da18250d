/**
 * The master's half of the portable transport: node:net listeners that accept without reading, and a
 * channel to each worker over its IPC pipe.
 */
import type { ChildProcess } from 'node:child_process';
import net from 'node:net';
import { hostOfSocket, socketPathOf } from '../../config/socket-path.js';
import { pathOfSocket } from '../../posix/unix-table.js';
import type { Protocol } from '../connection.js';
import type { ChannelEvents, ListenAddress, MasterTransport, Waiting, WorkerChannel } from '../handover.js';
import { withoutMapping } from '../peer.js';
import {
  type ConnectionMessage,
  decodeUnused,
  encodeUnused,
  isConnectionMessage,
  VERSION,
} from './protocol.js';
import { acceptHandles, HandleSender, type RawHandle, socketOf } from './raw-handle.js';

/**
 * Node sends one descriptor at a time and keeps the rest until it was answered. What it keeps could still
 * go to another worker, should this one be stopped: so it gets one more to go on with, and no others.
 */
const MAX_UNDELIVERED = 2;
/** Delivered, but not yet on the worker's record. */
const MAX_IN_FLIGHT = 256;

/** How long a refused client may take to read why, before its connection is cut. */
const REFUSE_LINGER_MS = 2000;

const NOTHING = new Uint8Array(0);

/** Where a connection came from: a listener, or a worker. */
type Origin = Pick<ConnectionMessage, 'listener' | 'protocol' | 'returned' | 'place'>;

/** A connection held by the master. */
class HeldConnection implements Waiting {
  readonly listener: number;
  readonly protocol: Protocol;
  readonly unused: Uint8Array;
  readonly returned: boolean;
  readonly place: number | undefined;
  readonly handle: RawHandle;

  constructor(handle: RawHandle, from: Origin, unused: Uint8Array) {
    this.handle = handle;
    this.listener = from.listener;
    this.protocol = from.protocol;
    this.returned = from.returned;
    this.place = from.place;
    this.unused = unused;
  }

  release(): void {
    this.handle.close();
  }

  refuse(response: Uint8Array, gone?: () => void): number {
    if (this.protocol === 'https') {
      this.handle.close();
      gone?.();
      return 0;
    }
    const socket = socketOf(this.handle);
    socket.on('error', () => socket.destroy());
    if (gone === undefined) {
      socket.write(response);
      socket.destroy();
      return response.length;
    }
    // Closing with unread bytes would reset the connection, and the client never see the response.
    const deadline = setTimeout(() => socket.destroy(), REFUSE_LINGER_MS);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(deadline);
      gone();
    });
    socket.resume();
    socket.end(response);
    return response.length;
  }
}

class PortableChannel implements WorkerChannel {
  readonly stopped = false;
  readonly #child: ChildProcess;
  readonly #sender: HandleSender;
  readonly #events: ChannelEvents;
  /**
   * Handed over and not counted as taken, oldest first; the first has the number #acknowledged + 1. Undefined
   * for those that did not arrive.
   */
  #unacknowledged: (HeldConnection | undefined)[] = [];
  #acknowledged = 0;
  #inFlight = 0;
  #undelivered = 0;

  constructor(child: ChildProcess, events: ChannelEvents) {
    this.#child = child;
    this.#sender = new HandleSender(child);
    this.#events = events;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  handOver(connection: Waiting): boolean {
    const held = connection as HeldConnection;
    const isFull = this.#undelivered >= MAX_UNDELIVERED || this.#inFlight >= MAX_IN_FLIGHT;
    if (isFull || !this.#child.connected) return false;
    const unused = encodeUnused(held.unused);
    const id = this.#acknowledged + this.#unacknowledged.push(held);
    this.#inFlight++;
    this.#undelivered++;
    const { listener, protocol, returned, place } = held;
    const message = { v: VERSION, kind: 'connection', id, listener, protocol, returned, place, unused };
    this.#sender.send(message, held.handle, (delivery) => {
      this.#undelivered--;
      // When the channel failed the worker is gone: `reclaim` takes care of what it had not taken.
      if (delivery === 'lost') this.#lost(id);
      else if (delivery === 'arrived') this.#events.onRoom();
    });
    return true;
  }

  acknowledge(taken: number): void {
    const count = taken - this.#acknowledged;
    if (count <= 0) return;
    this.#acknowledged = taken;
    for (const held of this.#unacknowledged.splice(0, count)) this.#forget(held)?.release();
  }

  /** Node keeps what it has not sent yet to itself: that is why it is given so little. */
  takeBack(): Waiting[] {
    return [];
  }

  reclaim(taken: number): Waiting[] {
    this.acknowledge(taken);
    const untaken = this.#unacknowledged;
    this.#unacknowledged = [];
    return untaken.flatMap((held) => this.#forget(held) ?? []);
  }

  /** Node sends what comes after this one only now, so the worker cannot have counted past it. */
  #lost(id: number): void {
    const position = id - this.#acknowledged - 1;
    const held = this.#unacknowledged[position];
    if (held === undefined) return;
    this.#unacknowledged[position] = undefined;
    while (this.#unacknowledged.length > 0 && this.#unacknowledged[0] === undefined) {
      this.#unacknowledged.shift();
      this.#acknowledged++;
    }
    this.#forget(held);
    this.#events.onUntaken(held);
  }

  #forget(held: HeldConnection | undefined): HeldConnection | undefined {
    if (held !== undefined) this.#inFlight--;
    return held;
  }
}

export class PortableMasterTransport implements MasterTransport {
  readonly name = 'portable';
  #receive: (connection: Waiting) => void = () => undefined;
  #report: (text: string) => void = () => undefined;
  readonly #listeners: { address: ListenAddress; server: net.Server }[] = [];
  #listenerCount = 0;

  onConnection(receive: (connection: Waiting) => void): void {
    this.#receive = receive;
  }

  onTrouble(report: (text: string) => void): void {
    this.#report = report;
  }

  /** Node accepts whatever comes, as long as it listens. */
  holdBack(): boolean {
    return false;
  }

  async listen(address: ListenAddress, backlog: number): Promise<ListenAddress> {
    const { host, fd, protocol = 'http' } = address;
    const from: Origin = { listener: this.#listenerCount++, protocol, returned: false };
    const server = net.createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const path = socketPathOf(host);
      const where = path === undefined ? { host, port: address.port } : { path };
      server.listen(fd === undefined ? where : { fd }, backlog, () => {
        server.off('error', reject);
        resolve();
      });
    });
    acceptHandles(
      server,
      (client) => this.#receive(new HeldConnection(client, from, NOTHING)),
      // Mostly EMFILE: libuv turns the client away, and accepting goes on.
      (error) => this.#report(`cannot accept a connection: ${error.message}`),
    );
    const name = server.address();
    const where = typeof name === 'object' && name !== null ? name : undefined;
    const bound = {
      host:
        fd === undefined
          ? host
          : where === undefined
            ? hostOfSocket(pathOfSocket(fd))
            : withoutMapping(where.address),
      port: where?.port ?? 0,
      ...(fd !== undefined && { fd }),
      ...(protocol !== 'http' && { protocol }),
    };
    this.#listeners.push({ address: bound, server });
    return bound;
  }

  unlisten(address?: ListenAddress): void {
    for (const listener of [...this.#listeners]) {
      if (address !== undefined && address !== listener.address) continue;
      // libuv removes the file of a socket that it has bound itself.
      listener.server.close();
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    }
  }

  /** The channel to a worker; connections it hands back are received like accepted ones. */
  channelTo(start: (inherited: readonly number[]) => ChildProcess, events: ChannelEvents): WorkerChannel {
    const child = start([]);
    child.on('message', (message: unknown, handle: unknown) => {
      if (!isConnectionMessage(message)) return;
      const unused = decodeUnused(message.unused);
      this.#receive(new HeldConnection(handle as RawHandle, { ...message, returned: true }, unused));
    });
    return new PortableChannel(child, events);
  }

  close(): void {
    this.unlisten();
  }
}
