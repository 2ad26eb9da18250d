/** Stands between a client and a server, so that a test can hold up what either of them sends. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import net from 'node:net';

export class Relay {
  readonly port: number;
  readonly #server: net.Server;
  /** Connections to the server, each with that of its client. */
  readonly #clients: ReadonlyMap<net.Socket, net.Socket>;

  private constructor(server: net.Server, clients: ReadonlyMap<net.Socket, net.Socket>) {
    this.#server = server;
    this.#clients = clients;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param port of the server, on this machine */
  static async to(port: number): Promise<Relay> {
    const clients = new Map<net.Socket, net.Socket>();
    const server = net.createServer((client) => {
      const upstream = net.connect(port, '127.0.0.1');
      clients.set(upstream, client);
      client.pipe(upstream).pipe(client);
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(server, clients);
  }

  /** Takes nothing more from the server, which sees a client that has stopped to read. */
  stopReading(): void {
    for (const socket of this.#clients.keys()) socket.unpipe().pause();
  }

  readAgain(): void {
    for (const [socket, client] of this.#clients) socket.pipe(client);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#clients.keys()) socket.destroy();
  }
}
