/**
 * The worker's half of the portable transport: takes connections out of the IPC channel and runs the
 * flush, once per turn of the event loop:
 *
 *     poll phase: messages, reads ──► gathered ──► check phase: commit counters, start new, write
 */
import type { Accept, AcceptSecure, TransportCounters, WorkerTransport } from '../connection.js';
import { FilePump } from '../file-pump.js';
import { startSecure } from '../secure/start.js';
import { type Owner, PortableConnection } from './connection.js';
import { decodeUnused, encodeUnused, isConnectionMessage, VERSION } from './protocol.js';
import { HandleSender, type RawHandle, socketOf } from './raw-handle.js';

const READ_BUFFER_BYTES = 64 * 1024;
/** How soon a connection is handed back again that did not arrive. */
const RESEND_MS = 50;

export class PortableWorkerTransport implements WorkerTransport, Owner {
  readonly name = 'portable';
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly pump = new FilePump();
  readonly #channel: NodeJS.Process;
  readonly #sender: HandleSender;
  readonly counters: TransportCounters;
  #commit: () => void = () => undefined;
  #dirty: PortableConnection[] = [];
  #starting: (() => void)[] = [];
  #afterCommit: (() => void)[] = [];
  #scheduled = false;
  #listener: ((message: unknown, handle: unknown) => void) | undefined;

  constructor(channel: NodeJS.Process, counters: TransportCounters) {
    this.#channel = channel;
    this.#sender = new HandleSender(channel);
    this.counters = counters;
  }

  onBeforeFlush(commit: () => void): void {
    this.#commit = commit;
  }

  start(accept: Accept, acceptSecure?: AcceptSecure): void {
    this.#listener = (message, handle) => {
      if (!isConnectionMessage(message)) return;
      this.counters.taken(message.id);
      this.counters.opened();
      this.#schedule();
      const { protocol } = message;
      if (protocol === 'https') {
        const socket = socketOf(handle as RawHandle);
        this.#starting.push(() => startSecure(socket, message.listener, acceptSecure, () => this.closed()));
        return;
      }
      const connection = new PortableConnection(this, handle as RawHandle, message);
      this.#starting.push(() => {
        connection.start(accept(connection, protocol), decodeUnused(message.unused));
      });
    };
    this.#channel.on('message', this.#listener);
  }

  close(): void {
    if (this.#listener !== undefined) this.#channel.off('message', this.#listener);
  }

  scheduleFlush(connection: PortableConnection): void {
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

  sendBack(
    connection: PortableConnection,
    handle: RawHandle,
    unused: Uint8Array,
    place: number | undefined,
  ): boolean {
    if (!this.#channel.connected) return false;
    const { listener, protocol } = connection;
    const message = {
      v: VERSION,
      kind: 'hand-back',
      id: 0,
      listener,
      protocol,
      returned: true,
      place,
      unused: encodeUnused(unused),
    };
    const send = (): void => {
      this.#sender.send(message, handle, (delivery) => {
        // The master is out of descriptors: until it has one, our copy keeps the connection alive.
        if (delivery === 'lost') setTimeout(send, RESEND_MS);
        else {
          this.counters.handedBack();
          connection.destroy();
        }
      });
    };
    send();
    return true;
  }

  closed(): void {
    this.counters.closed();
    this.scheduleCommit();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    const leaving = dirty.reduce((bytes, connection) => bytes + connection.leavingBytes, 0);
    this.counters.leaving(leaving);
    this.#commit();
    const starting = this.#starting;
    if (starting.length > 0) {
      this.#starting = [];
      for (const start of starting) start();
    }
    for (const connection of dirty) connection.flush();
    const flushes = this.#afterCommit;
    if (flushes.length > 0) {
      this.#afterCommit = [];
      for (const flush of flushes) flush();
    }
    if (leaving > 0) {
      this.counters.leaving(0);
      this.#commit();
    }
  };
}
