/**
 * A connection over TLS, on a node socket that has done its handshake. Its state lives in this process, so
 * it cannot be handed over. Bytes are counted in plain text: those received when they are read, those sent
 * when the socket below has taken them encrypted.
 */
import type { TLSSocket } from 'node:tls';
import type {
  Connection,
  ConnectionHandler,
  FilePart,
  OpenFile,
  Peer,
  SendFileOutcome,
  TransportCounters,
  WorkerTransport,
} from '../connection.js';
import type { FilePump } from '../file-pump.js';
import { FlushWaiter } from '../flush-waiter.js';
import { ChunkWriter } from './chunk-writer.js';

/** What secure connections of a worker share. */
export interface SecureServices {
  readonly transport: Pick<WorkerTransport, 'afterCommit'>;
  readonly counters: Pick<TransportCounters, 'received' | 'sent'>;
  readonly pump: FilePump;
}

export class SecureConnection implements Connection {
  readonly peer: Peer;
  readonly returned = false;
  readonly isDirected = false;
  readonly isBound = true;
  readonly #socket: TLSSocket;
  readonly #services: SecureServices;
  readonly #writer: ChunkWriter;
  #handler: ConnectionHandler | undefined;
  #queued = 0;
  #ending = false;
  #flushScheduled = false;
  #closed = false;
  #error: Error | undefined;
  readonly #flush = new FlushWaiter();

  constructor(socket: TLSSocket, peer: Peer, services: SecureServices) {
    this.peer = peer;
    this.#socket = socket;
    this.#services = services;
    this.#writer = new ChunkWriter(socket, (bytes) => this.#taken(bytes));
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => this.#onClose());
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  get unsentBytes(): number {
    return this.#writer.unsentBytes;
  }

  /** Begins to read. */
  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#socket.on('data', (bytes: Buffer) => {
      this.#services.counters.received(bytes.length);
      handler.onData(bytes, bytes.length);
    });
    this.#socket.on('end', () => handler.onEnd());
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#closed) return;
    this.#writer.add(bytes);
    this.#queued += bytes.length;
    this.#schedule();
  }

  sendFile(file: OpenFile, parts: readonly FilePart[]): Promise<SendFileOutcome> {
    return this.#services.pump.send(this, file, parts);
  }

  /** Resolves when all that was written has left, or the connection is gone (false). For the file pump. */
  async flushed(): Promise<boolean> {
    if (this.#closed) return false;
    if (this.unsentBytes === 0) return true;
    await this.#flush.wait();
    return !this.#closed;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#closed) this.#socket.resume();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    this.#schedule();
  }

  /** As `end`: TLS says so to the peer, and node closes the rest when the peer has answered that. */
  close(): void {
    this.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  probePeer(idleSeconds: number): void {
    this.#socket.setKeepAlive(true, idleSeconds * 1000);
  }

  reset(): void {
    this.destroy();
  }

  handBack(): boolean {
    return false;
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#services.transport.afterCommit(() => {
      this.#flushScheduled = false;
      if (this.#closed) return;
      this.#writer.flush();
      this.#endIfDone();
    });
  }

  #taken(bytes: number): void {
    if (this.#closed) return;
    this.#services.counters.sent(bytes);
    // On record at the end of this turn.
    this.#services.transport.afterCommit(() => undefined);
    if (this.unsentBytes > 0) return;
    this.#handler?.onFlushed();
    this.#flush.settle();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#ending && this.unsentBytes === 0) this.#socket.end();
  }

  #onClose(): void {
    this.#closed = true;
    this.#flush.settle();
    this.#handler?.onClose(this.#error);
  }
}
