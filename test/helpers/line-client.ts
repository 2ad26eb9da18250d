/** A client that sends what it is given, and takes what comes by the line or by the byte. */
import { once } from 'node:events';
import net from 'node:net';
import { eventually } from './eventually.js';

export class LineClient {
  readonly socket: net.Socket;
  receivedBytes = 0;
  sentBytes = 0;
  /** How the connection ended. */
  end: 'fin' | 'reset' | undefined;
  #chunks: Buffer[] = [];

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      this.#chunks.push(chunk);
    });
    socket.on('end', () => {
      this.end ??= 'fin';
    });
    socket.on('error', () => {
      this.end ??= 'reset';
    });
  }

  /** @param where a port, or the path of a Unix-domain socket */
  static async open(where: number | string, host = '127.0.0.1'): Promise<LineClient> {
    const to = typeof where === 'number' ? { port: where, host, noDelay: true } : { path: where };
    const socket = net.connect({ ...to, allowHalfOpen: true });
    await once(socket, 'connect');
    return new LineClient(socket);
  }

  get port(): number {
    return this.socket.localPort!;
  }

  send(bytes: string | Uint8Array): this {
    const buffer = Buffer.from(bytes);
    this.sentBytes += buffer.length;
    this.socket.write(buffer);
    return this;
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    const end = await eventually(
      () => {
        const at = this.#joined().indexOf('\n');
        return at < 0 ? undefined : at;
      },
      () => `a line; have ${this.#joined().toString('latin1', 0, 200)} (${this.end ?? 'open'})`,
    );
    const line = this.take(end + 1);
    return line.toString('utf8', 0, end);
  }

  /** The next bytes. */
  async bytes(count: number): Promise<Buffer> {
    await eventually(
      () => this.#length >= count || undefined,
      () => `${count} bytes, have ${this.#length}`,
    );
    return this.take(count);
  }

  /** What came until the server closed its direction, or the connection broke. */
  async rest(): Promise<Buffer> {
    await eventually(
      () => this.end,
      () => 'the end of the connection',
    );
    return this.take(this.#length);
  }

  take(count: number): Buffer {
    const all = this.#joined();
    this.#chunks = count < all.length ? [all.subarray(count)] : [];
    return all.subarray(0, count);
  }

  /** Leaves with a reset: the server's end of the connection is gone too. */
  break(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  get #length(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }
}
