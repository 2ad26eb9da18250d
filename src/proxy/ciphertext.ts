/**
 * What TLS reads and writes, on its way from and to the socket below. Node says the same of a TLS connection that
 * ended in order (close_notify, RFC 8446 section 6.1) and of one that was only closed; from here it is seen which
 * of the two ends came first.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export class Ciphertext extends Duplex {
  readonly #socket: Socket;
  #hasEnded = false;

  /** @param socket connected, and nothing read of it */
  constructor(socket: Socket) {
    super({ highWaterMark: 64 * 1024 });
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    // Before TLS hears of it, which listens later.
    this.once('end', () => {
      this.#hasEnded = true;
    });
  }

  /** No more bytes come, and TLS has had all of them. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
