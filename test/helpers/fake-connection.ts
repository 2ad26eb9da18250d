/**
 * A connection without a network: the test plays the client and the kernel. Nothing is flushed before
 * the test says so, and what a real transport does later is done in a microtask.
 */
import type {
  Connection,
  ConnectionHandler,
  FilePart,
  OpenFile,
  Peer,
  SendFileOutcome,
} from '../../src/transport/connection.js';

/** A file that only counts how often it was closed. */
export class FakeFile implements OpenFile {
  readonly fd = -1;
  closed = 0;

  unchanged(): boolean {
    return true;
  }

  close(): void {
    this.closed++;
  }
}

/** A `sendFile` under way; the test decides how it goes. */
export interface SendingFile {
  readonly file: OpenFile;
  readonly parts: readonly FilePart[];
  /** Gives bytes of the file to the kernel. */
  progress(bytes: number): void;
  end(outcome: SendFileOutcome): void;
  fail(error: Error): void;
}

export class FakeConnection implements Connection {
  readonly peer: Peer = { address: '192.0.2.1', port: 1234, listener: 0 };
  readonly returned: boolean;
  readonly isDirected: boolean;
  isBound = false;
  handler!: ConnectionHandler;
  queuedBytes = 0;
  unsentBytes = 0;
  paused = false;
  /** Our direction is closed. */
  ended = false;
  closing = false;
  destroyed = false;
  wasReset = false;
  probesAfterSeconds: number | undefined;
  /** The place it was handed back for. */
  handedTo: number | undefined;
  takesHandBack = true;
  sending: SendingFile | undefined;
  #written: Uint8Array[] = [];
  #handedBack: Uint8Array | undefined;

  constructor(returned = false, isDirected = false) {
    this.returned = returned;
    this.isDirected = isDirected;
  }

  write(bytes: Uint8Array): void {
    if (this.destroyed) return;
    if (this.ended || this.#handedBack !== undefined) throw new Error('written behind the end');
    if (this.sending !== undefined) throw new Error('written while a file is sent');
    this.#written.push(bytes);
    this.queuedBytes += bytes.length;
    this.unsentBytes += bytes.length;
  }

  sendFile(file: OpenFile, parts: readonly FilePart[]): Promise<SendFileOutcome> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.sending = undefined;
        file.close();
      };
      this.sending = {
        file,
        parts,
        progress: (bytes) => {
          this.queuedBytes += bytes;
        },
        end: (outcome) => {
          settle();
          resolve(outcome);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
    });
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  /** Both directions are closed as soon as everything has left. */
  close(): void {
    this.ended = true;
    this.closing = true;
    if (this.unsentBytes === 0) this.destroy();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => {
      this.sending?.end('closed');
      this.handler.onClose(undefined);
    });
  }

  probePeer(idleSeconds: number): void {
    this.probesAfterSeconds = idleSeconds;
  }

  reset(): void {
    this.wasReset = true;
    this.destroy();
  }

  handBack(unused: Uint8Array, place?: number): boolean {
    if (this.unsentBytes > 0) throw new Error('handed back with bytes unsent');
    if (!this.takesHandBack) return false;
    this.#handedBack = unused;
    this.handedTo = place;
    return true;
  }

  /** Bytes given back with the connection, as they are when they leave; undefined while it was not. */
  get handedBack(): Buffer | undefined {
    return this.#handedBack && Buffer.from(this.#handedBack);
  }

  /** The client sends; the buffer is overwritten as soon as it was looked at. */
  receive(text: string): void {
    if (this.paused || this.destroyed) throw new Error('nobody reads');
    const bytes = Buffer.from(text, 'latin1');
    this.handler.onData(bytes, bytes.length);
    bytes.fill('!');
  }

  /** The kernel takes bytes; all of them when no number is given. */
  flush(count = this.unsentBytes): void {
    this.unsentBytes -= count;
    if (this.unsentBytes > 0) return;
    this.handler.onFlushed();
    if (this.closing) this.destroy();
  }

  /** Everything written so far, sent or not. */
  get written(): Buffer {
    return Buffer.concat(this.#written);
  }
}
