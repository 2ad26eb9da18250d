/**
 * A worker process for the contract tests of transports: the worker's half of one, and handlers that do
 * what the client says (transport-protocol.ts).
 *
 * Arguments: name of the transport, slot in the scoreboard. The scoreboard is descriptor SCOREBOARD_FD.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { identityOf } from '../../src/files/identity.js';
import { openSame } from '../../src/files/open-file.js';
import { CHANNEL_FD, SCOREBOARD_FD } from '../../src/master/protocol.js';
import { FIELD } from '../../src/stats/schema.js';
import { SlotWriter } from '../../src/stats/scoreboard.js';
import type {
  Connection,
  ConnectionHandler,
  Protocol,
  TransportCounters,
  WorkerTransport,
} from '../../src/transport/connection.js';
import { NativeWorkerTransport } from '../../src/transport/native/worker-side.js';
import { PortableWorkerTransport } from '../../src/transport/portable/worker-side.js';
import {
  type ConnectionEvent,
  type FromWorker,
  pattern,
  type ToWorker,
  type Who,
} from './transport-protocol.js';

const TRANSPORTS: Readonly<Record<string, () => WorkerTransport>> = {
  native: () => new NativeWorkerTransport(CHANNEL_FD, counters),
  portable: () => new PortableWorkerTransport(process, counters),
};

const [name = '', slotText = ''] = process.argv.slice(2);
const slot = new SlotWriter(SCOREBOARD_FD, Number(slotText), name === 'native' ? 'map' : 'file');
const log: string[] = [];
const certainBytes: number[] = [];
const paused = new Set<Connection>();
const counters: TransportCounters = {
  taken: (upTo) => slot.set('taken', upTo),
  opened: () => slot.add('open', 1),
  closed: () => slot.add('open', -1),
  handedBack: () => slot.add('handedBack', 1),
  received: (bytes) => slot.add('bytesReceived', bytes),
  sent: (bytes) => slot.add('bytesSent', bytes),
  leaving: (bytes) => slot.set('bytesLeaving', bytes),
};

function tell(message: FromWorker): void {
  process.send!(message);
}

function note(event: ConnectionEvent): void {
  tell({ event });
}

class Handler implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #protocol: Protocol;
  #unread = Buffer.alloc(0);
  #heard = false;
  /** Set while a command needs bytes, or time, before the next may be read. */
  #hash: { readonly hash: ReturnType<typeof createHash>; left: number } | undefined;
  #busy = false;
  #hopping = false;

  constructor(connection: Connection, protocol: Protocol) {
    this.#connection = connection;
    this.#protocol = protocol;
  }

  onData(bytes: Buffer, length: number): void {
    if (!this.#heard) log.push('data');
    this.#heard = true;
    this.#unread = Buffer.concat([this.#unread, bytes.subarray(0, length)]);
    this.#advance();
  }

  onFlushed(): void {
    note({ kind: 'flushed' });
    if (!this.#hopping) return;
    this.#hopping = false;
    this.#handBack();
  }

  onEnd(): void {
    note({ kind: 'end' });
  }

  onClose(): void {
    paused.delete(this.#connection);
    note({ kind: 'close' });
  }

  #advance(): void {
    while (!this.#busy) {
      if (this.#hash !== undefined) {
        if (!this.#hashMore(this.#hash)) return;
        continue;
      }
      const end = this.#unread.indexOf('\n');
      if (end < 0) return;
      const line = this.#unread.toString('utf8', 0, end);
      this.#unread = this.#unread.subarray(end + 1);
      this.#command(line);
    }
  }

  #command(line: string): void {
    const connection = this.#connection;
    const [, verb, rest = ''] = /^(\S*) ?(.*)$/.exec(line)!;
    switch (verb) {
      case 'echo':
        connection.write(Buffer.from(`${rest}\n`));
        break;
      case 'who':
        connection.write(Buffer.from(`${JSON.stringify(this.#who())}\n`));
        break;
      case 'hash':
        this.#hash = { hash: createHash('sha256'), left: Number(rest) };
        break;
      case 'big': {
        connection.write(pattern(Number(rest)));
        const { queuedBytes, unsentBytes } = connection;
        note({ kind: 'written', queuedBytes, unsentBytes });
        break;
      }
      case 'file':
        this.#busy = true;
        void this.#sendFile(rest);
        break;
      case 'pause':
        connection.pause();
        paused.add(connection);
        note({ kind: 'paused' });
        break;
      case 'end':
        connection.end();
        break;
      case 'close':
        connection.close();
        break;
      case 'destroy':
        connection.destroy();
        break;
      case 'reset':
        connection.reset();
        break;
      case 'hand-back':
        this.#handBack();
        break;
      case 'hand-to':
        this.#handBack(Number(rest));
        break;
      case 'hop':
        this.#busy = true;
        this.#hopping = true;
        connection.write(Buffer.from(`${rest}\n`));
        break;
      default:
        throw new Error(`no such command: ${line}`);
    }
  }

  #who(): Who {
    const { peer, returned, isDirected } = this.#connection;
    return { ...peer, returned, isDirected, pid: process.pid, protocol: this.#protocol };
  }

  #hashMore(state: { readonly hash: ReturnType<typeof createHash>; left: number }): boolean {
    const part = this.#unread.subarray(0, state.left);
    this.#unread = this.#unread.subarray(part.length);
    state.hash.update(part);
    state.left -= part.length;
    if (state.left > 0) return false;
    this.#hash = undefined;
    this.#connection.write(Buffer.from(`${state.hash.digest('hex')}\n`));
    return true;
  }

  #handBack(place?: number): void {
    const accepted = this.#connection.handBack(this.#unread, place);
    // What comes now belongs to another.
    this.#busy = accepted;
    note({ kind: 'handed-back', accepted });
  }

  async #sendFile(text: string): Promise<void> {
    const [path = '', offset, length] = text.split(' ');
    const file = await openSame(path, identityOf(statSync(path, { bigint: true })));
    if (file === undefined) throw new Error(`${path} is not at rest`);
    const slice = { offset: Number(offset), length: Number(length) };
    let outcome: string;
    try {
      outcome = await this.#connection.sendFile(file, [Buffer.from('<'), slice, Buffer.from('>')]);
    } catch (error) {
      outcome = `rejected: ${(error as Error).message}`;
    }
    note({ kind: 'file', outcome });
    if (outcome !== 'sent') {
      this.#connection.destroy();
      return;
    }
    this.#busy = false;
    this.#advance();
  }
}

function descriptors(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '');
      counts[target] = (counts[target] ?? 0) + 1;
    } catch {
      // The descriptor that reads the directory, which is closed by now.
    }
  }
  return counts;
}

process.on('message', (message: ToWorker) => {
  if (message.ask === 'state') {
    const receivedBytes = slot.counters[FIELD.bytesReceived]!;
    tell({ state: { log, receivedBytes, certainBytes, descriptors: descriptors() } });
  } else if (message.ask === 'resume') {
    for (const connection of paused) connection.resume();
    paused.clear();
  }
});
process.on('disconnect', () => process.exit(0));

const make = TRANSPORTS[name];
if (make === undefined) throw new Error(`no transport ${name}`);
const transport = make();
transport.onBeforeFlush(() => {
  log.push(`commit ${slot.counters[FIELD.taken]}`);
  certainBytes.push(slot.counters[FIELD.bytesSent]! - slot.counters[FIELD.bytesLeaving]!);
  slot.commit();
});
transport.start(
  (connection, protocol) => {
    log.push('accept');
    return new Handler(connection, protocol);
  },
  (socket, peer) => {
    log.push('accept');
    socket.on('error', () => undefined);
    // The client's first bytes are ours to read.
    socket.once('data', (bytes: Buffer) => {
      log.push('data');
      transport.afterCommit(() => socket.end(`${JSON.stringify({ ...peer, heard: String(bytes) })}\n`));
    });
    socket.resume();
  },
);
tell({ ready: true });
