/**
 * A connection that speaks another protocol from here on (RFC 9110 section 7.8): bytes go both ways as
 * they come, each side no faster than the other takes them.
 */
import type { Duplex } from 'node:stream';
import type { Connection } from '../transport/connection.js';

/**
 * A peer that says nothing for so long is asked whether it is still there: a tunnel may be quiet for days, and one whose
 * other end has lost its power would stay for ever. The upstream's end is asked as often, by undici's own setting.
 */
const PROBE_AFTER_SECONDS = 60;

/** So much may wait for the client before the upstream is paused. */
const HIGH_WATER_BYTES = 128 * 1024;

export class Tunnel {
  readonly #connection: Connection;
  readonly #socket: Duplex;
  readonly #wrote: () => void;
  #isOver = false;

  /**
   * @param socket the upstream's end, of which nothing is read yet
   * @param wrote called when bytes wait to be taken by the client
   */
  constructor(connection: Connection, socket: Duplex, wrote: () => void) {
    this.#connection = connection;
    this.#socket = socket;
    this.#wrote = wrote;
    connection.probePeer(PROBE_AFTER_SECONDS);
    socket.on('data', (bytes: Buffer) => this.#toClient(bytes));
    socket.on('drain', () => connection.resume());
    socket.on('end', () => connection.end());
    socket.on('close', () => this.#end(() => connection.close()));
    // What was broken off must not look as if it had come to its end.
    socket.on('error', () => this.#end(() => connection.reset()));
  }

  /** The client has sent these bytes; they are copied. */
  toUpstream(bytes: Buffer, length: number): void {
    if (length > 0 && !this.#socket.write(Buffer.from(bytes.subarray(0, length)))) this.#connection.pause();
  }

  onFlushed(): void {
    this.#socket.resume();
  }

  onEnd(): void {
    this.#socket.end();
  }

  /** The client is gone. */
  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #toClient(bytes: Buffer): void {
    this.#connection.write(bytes);
    this.#wrote();
    if (this.#connection.unsentBytes > HIGH_WATER_BYTES) this.#socket.pause();
  }

  #end(how: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    how();
  }
}
