/** Connections whose server side is a bare descriptor, as the native transport has them. */
import { once } from 'node:events';
import net from 'node:net';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '../../src/posix/constants.js';
import { checked, libc } from '../../src/posix/libc.js';
import { accept, close, listenOn, localName } from '../../src/posix/sockets.js';
import { eventually } from './eventually.js';

/** A connection without a network, whose bytes are there at once: `[server's end, client's end]`. */
export function streamPair(): [number, number] {
  const fds = new Int32Array(2);
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  checked('socketpair', libc().socketpair(AF_UNIX, type, 0, fds));
  return [fds[0]!, fds[1]!];
}

export class TestListener {
  readonly fd: number;
  readonly port: number;
  readonly #clients: net.Socket[] = [];

  constructor(address = '127.0.0.1', deferAccept = false) {
    this.fd = listenOn({ address, port: 0, backlog: 512, deferAccept });
    this.port = localName(this.fd).port;
  }

  /** A client, and the descriptor of the other end, which is the caller's to close. */
  async connect(host = '127.0.0.1'): Promise<{ readonly client: net.Socket; readonly fd: number }> {
    const client = net.connect({ port: this.port, host, allowHalfOpen: true, noDelay: true });
    client.on('error', () => undefined);
    this.#clients.push(client);
    await once(client, 'connect');
    const take = (): number | undefined => {
      const fd = accept(this.fd);
      return fd < 0 ? undefined : fd;
    };
    return { client, fd: await eventually(take, () => 'a connection') };
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
    close(this.fd);
  }
}
