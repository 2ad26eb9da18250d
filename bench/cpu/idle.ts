/** Connections that are used once, kept, and closed at the end. */
import { connect, type Socket } from 'node:net';
import { askOn, keep } from './ask.js';

/** Connections that are opened at once: fewer than wait in any server's backlog. */
const WAVE = 100;

export class IdleConnections {
  readonly #sockets: Socket[] = [];

  /** Opens connections until there are `count`, with one request on each. Rejects when one of them fails. */
  async open(count: number, port: number, path: string, signal: AbortSignal): Promise<void> {
    while (this.#sockets.length < count) {
      signal.throwIfAborted();
      const wave = Array.from({ length: Math.min(WAVE, count - this.#sockets.length) }, async () => {
        const socket = keep(connect(port, '127.0.0.1'));
        this.#sockets.push(socket);
        await askOn(socket, port, path, []);
      });
      await Promise.all(wave);
    }
  }

  /** Connections that the server has not closed. */
  get standing(): number {
    return this.#sockets.filter((socket) => socket.readyState === 'open').length;
  }

  /** Closes all. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.length = 0;
  }
}
