/** A server of the GetFile protocol that does what a test says, right or wrong. */
import { once } from 'node:events';
import net from 'node:net';
import { END } from '../../src/getfile/wire.js';

/** What is done on a connection when a whole request has come. */
export type Answer = (socket: net.Socket, path: string) => void;

export class GetFileServer {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  /** Paths, in the order in which they were asked for. */
  readonly asked: string[] = [];

  private constructor(answer: Answer) {
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      // Clients that leave early are what some tests are about.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('end', () => socket.end());
      let request = '';
      socket.on('data', (bytes) => {
        request += bytes.toString('latin1');
        if (!request.endsWith(END)) return;
        const path = request.slice('GETFILE GET '.length, -END.length);
        this.asked.push(path);
        answer(socket, path);
      });
    });
  }

  static async start(answer: Answer): Promise<GetFileServer> {
    const server = new GetFileServer(answer);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  /** `127.0.0.1:PORT`, as `handover get` wants it. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A whole reply. */
export function ok(bytes: string | Uint8Array): Buffer {
  const body = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`GETFILE OK ${body.length}${END}`), body]);
}
