/**
 * The worker's half of the native transport in this process, with the test as its master: what comes in one
 * turn, and what the kernel does, is then the test's to decide. Connections are pairs of sockets, whose bytes
 * are there at once.
 */
import { EAGAIN } from '../../src/posix/constants.js';
import { MessageBuffer, socketPair } from '../../src/posix/fd-passing.js';
import { checked } from '../../src/posix/libc.js';
import { close, receive, send } from '../../src/posix/sockets.js';
import type { Connection, ConnectionHandler } from '../../src/transport/connection.js';
import { MasterClaims } from '../../src/transport/native/claims.js';
import {
  type ConnectionRecord,
  KIND,
  MESSAGE_BYTES,
  MessageWriter,
  NOTHING,
  readHeader,
  readRecords,
  writeHeader,
} from '../../src/transport/native/protocol.js';
import { NativeWorkerTransport } from '../../src/transport/native/worker-side.js';

/** Another descriptor of the same file, as a process has it that was sent one. */
export function copyOf(fd: number): number {
  const [one, other] = socketPair(65_536);
  const message = new MessageBuffer(16);
  message.descriptors[0] = fd;
  message.send(one, 1, 1);
  message.receive(other);
  close(one);
  close(other);
  return message.descriptors[0]!;
}

/** What one handler does, and what it was told. */
export interface Handling {
  readonly onData?: (connection: Connection, text: string) => void;
  readonly onFlushed?: (connection: Connection) => void;
}

/** What came back from the worker. */
export interface Returned {
  readonly fds: readonly number[];
  readonly records: readonly ConnectionRecord[];
}

export class NativeBench {
  readonly claims = MasterClaims.create();
  readonly transport: NativeWorkerTransport;
  /** Counted as sent, and of that leaving, now. */
  readonly counts = { taken: 0, open: 0, handedBack: 0, received: 0, sent: 0, leaving: 0 };
  /** At each commit: bytes that no later commit may take back. */
  readonly certain: number[] = [];
  readonly connections: Connection[] = [];
  readonly events: string[] = [];
  readonly #ours: number;
  readonly #theirs: number;
  readonly #message = new MessageBuffer(MESSAGE_BYTES);
  #nextId = 0;

  constructor(handling: Handling = {}, channelBytes = 512 * 1024) {
    [this.#ours, this.#theirs] = socketPair(channelBytes);
    this.#message.descriptors[0] = this.claims.fd;
    this.#message.send(this.#ours, writeHeader(this.#message.bytes, KIND.hello, 0), 1);
    const { counts } = this;
    this.transport = new NativeWorkerTransport(this.#theirs, {
      taken: (upTo) => {
        counts.taken = upTo;
      },
      opened: () => counts.open++,
      closed: () => counts.open--,
      handedBack: () => counts.handedBack++,
      received: (bytes) => {
        counts.received += bytes;
      },
      sent: (bytes) => {
        counts.sent += bytes;
      },
      leaving: (bytes) => {
        counts.leaving = bytes;
      },
    });
    this.transport.onBeforeFlush(() => this.certain.push(counts.sent - counts.leaving));
    this.transport.start((connection) => this.#handler(connection, handling));
  }

  /** Hands these descriptors over, in one message. They stay open here too. Returns the first id. */
  give(fds: readonly number[], unused: Uint8Array = NOTHING): number {
    const first = this.#nextId;
    const writer = new MessageWriter(this.#message.bytes, MESSAGE_BYTES);
    fds.forEach((fd, i) => {
      this.claims.offer(this.#nextId++);
      writer.add({ listener: 0, returned: false, protocol: 'http', place: undefined, unused });
      this.#message.descriptors[i] = fd;
    });
    this.#message.send(this.#ours, writer.finish(KIND.connections, first), fds.length);
    return first;
  }

  /** What the worker sent back, if anything; the descriptors are the caller's. */
  returned(): Returned | undefined {
    const length = this.#message.receive(this.#ours);
    if (length === -EAGAIN) return undefined;
    const header = readHeader(this.#message.bytes, length);
    if (header?.kind !== KIND.return) throw new Error(`a message of ${length} bytes`);
    const fds = [...this.#message.descriptors.subarray(0, this.#message.count)];
    return { fds, records: readRecords(this.#message.bytes, header.count) };
  }

  /** Tells how many of a message that came back have arrived. */
  confirm(count: number): void {
    this.#message.send(this.#ours, writeHeader(this.#message.bytes, KIND.returned, count), 0);
  }

  close(): void {
    this.transport.readiness.close();
    close(this.#ours);
    close(this.#theirs);
    this.claims.close();
  }

  #handler(connection: Connection, { onData, onFlushed }: Handling): ConnectionHandler {
    const number = this.connections.push(connection) - 1;
    const note = (what: string): number => this.events.push(`${number} ${what}`);
    return {
      onData: (bytes, length) => {
        note('data');
        onData?.(connection, bytes.toString('latin1', 0, length));
      },
      onFlushed: () => {
        note('flushed');
        onFlushed?.(connection);
      },
      onEnd: () => note('end'),
      onClose: () => note('close'),
    };
  }
}

/** What can be read now: undefined when there is nothing yet, and `''` at the end. */
export function readNow(fd: number): string | undefined {
  const buffer = Buffer.alloc(64 * 1024);
  const length = receive(fd, buffer, buffer.length);
  return length === -EAGAIN ? undefined : buffer.toString('latin1', 0, Math.max(0, length));
}

export function sendText(fd: number, text: string): void {
  checked('send', send(fd, Buffer.from(text), text.length, false));
}
