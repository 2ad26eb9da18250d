/**
 * The worker's half of the portable transport: takes connections out of the IPC channel and runs the
 * flush, once per turn of the event loop:
 *
 *     poll phase: messages, reads ──► gathered ──► check phase: commit counters, start new, write
 */
import type { Connection, ConnectionHandler, TransportCounters, WorkerTransport } from '../connection.js';
import { type Owner, PortableConnection } from './connection.js';
import { decodeUnused, encodeUnused, isConnectionMessage, VERSION } from './protocol.js';
import { type RawHandle, sendHandle } from './raw-handle.js';

const READ_BUFFER_BYTES = 64 * 1024;

export class PortableWorkerTransport implements WorkerTransport, Owner {
  readonly name = 'portable';
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly #channel: NodeJS.Process;
  readonly counters: TransportCounters;
  #commit: () => void = () => undefined;
  #dirty: PortableConnection[] = [];
  #starting: (() => void)[] = [];
  #scheduled = false;
  #listener: ((message: unknown, handle: unknown) => void) | undefined;

  constructor(channel: NodeJS.Process, counters: TransportCounters) {
    this.#channel = channel;
    this.counters = counters;
  }

  onBeforeFlush(commit: () => void): void {
    this.#commit = commit;
  }

  start(accept: (connection: Connection) => ConnectionHandler): void {
    this.#listener = (message, handle) => {
      if (!isConnectionMessage(message)) return;
      this.counters.taken(message.id);
      // Nothing comes along when this process is out of descriptors. The master then lets go too.
      if (handle === undefined || handle === null) return;
      this.counters.opened();
      const connection = new PortableConnection(this, handle as RawHandle, message);
      this.#starting.push(() => {
        connection.start(accept(connection), decodeUnused(message.unused));
      });
      this.#schedule();
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

  sendBack(connection: PortableConnection, handle: RawHandle, unused: Uint8Array): boolean {
    if (!this.#channel.connected) return false;
    const { listener } = connection;
    const message = {
      v: VERSION,
      kind: 'hand-back',
      id: 0,
      listener,
      returned: true,
      unused: encodeUnused(unused),
    };
    sendHandle(this.#channel, message, handle, () => {
      // Written: the descriptor is in the channel, and our copy only keeps the connection from closing.
      this.counters.handedBack();
      connection.destroy();
    });
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
    this.#commit();
    const starting = this.#starting;
    if (starting.length > 0) {
      this.#starting = [];
      for (const start of starting) start();
    }
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  };
}
