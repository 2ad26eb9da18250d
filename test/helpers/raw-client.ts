/**
 * A client that sends exactly the bytes it is given, and reads responses strictly. `fetch` will not do:
 * it tidies up paths and fields, and hides how a connection ends.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { within } from './eventually.js';
import { endOfHead, RawResponse } from './raw-response.js';

export type SecureOptions = Pick<tls.ConnectionOptions, 'ALPNProtocols' | 'session' | 'maxVersion'>;

export class RawClient {
  readonly socket: net.Socket;
  /** Bytes that came, whether they were looked at or not. */
  receivedBytes = 0;
  #chunks: Buffer[] = [];
  #length = 0;
  #end: 'fin' | Error | undefined;
  #wake: (() => void) | undefined;

  readonly #boundMs: number | undefined;

  private constructor(socket: net.Socket, boundMs?: number) {
    this.socket = socket;
    this.#boundMs = boundMs;
    const isTcp = socket.remotePort !== undefined;
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake?.();
    });
    socket.on('end', () => {
      // Where bytes came before a reset, libuv tells of an end; to write nothing tells the two apart.
      // (A Unix-domain socket knows no reset, and says the same of an end.)
      if (!socket.writable || !isTcp) this.#ended(socket.errored ?? 'fin');
      else socket.write('', (error) => this.#ended(error ?? socket.errored ?? 'fin'));
    });
    socket.on('error', (error) => this.#ended(error));
    socket.on('close', () => this.#ended(new Error('closed on this side')));
  }

  /**
   * @param where a port, or the path of a Unix-domain socket
   * @param boundMs how long to wait for the next bytes, where that is longer than usual
   */
  static async open(where: number | string, host = '127.0.0.1', boundMs?: number): Promise<RawClient> {
    const to = typeof where === 'number' ? { port: where, host, noDelay: true } : { path: where };
    const socket = net.connect({ ...to, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket, boundMs);
  }

  /** Speaks HTTP/1.1 over TLS; every certificate is good enough. */
  static async openSecure(port: number, options: SecureOptions = {}): Promise<RawClient> {
    const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const socket = tls.connect({
      socket: raw,
      servername: 'localhost',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...options,
    });
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  /** Sends bytes; a string stands for its latin1 bytes. */
  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Says that no more will come (FIN), and goes on reading. */
  finish(): this {
    this.socket.end();
    return this;
  }

  /** The next response; an interim one (1xx) counts. Rejects when the connection ends before it is whole. */
  async response(method = 'GET'): Promise<RawResponse> {
    const response = new RawResponse(await this.head(), method);
    response.body = await this.bytes(response.bodyLength);
    return response;
  }

  /** All up to the next blank line, latin1: the head of a response. */
  async head(): Promise<string> {
    while (endOfHead(this.#joined()) === undefined) await this.#more('the head of a response');
    return this.#take(endOfHead(this.#joined())!).toString('latin1');
  }

  /** The next line with its CRLF, latin1. */
  async line(): Promise<string> {
    while (this.#joined().indexOf('\r\n') < 0) await this.#more('a line');
    return this.#take(this.#joined().indexOf('\r\n') + 2).toString('latin1');
  }

  /** The next so many bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#length < count) await this.#more(`${this.#length} of ${count} bytes of a body`);
    return this.#take(count);
  }

  /** Sends a request and reads its response. */
  exchange(request: string | Uint8Array, method?: string): Promise<RawResponse> {
    this.send(request);
    return this.response(method ?? methodOf(request));
  }

  /** Resolves when the server has closed its direction in order, and nothing came but what was read. */
  async closed(): Promise<void> {
    while (this.#end === undefined && this.#length === 0) await this.#more('the end of the connection');
    if (this.#length > 0) throw new Error(`bytes nobody asked for: ${this.#joined().toString('latin1')}`);
    if (this.#end instanceof Error) throw this.#end;
    this.socket.destroy();
  }

  /** Resolves when the connection has ended, in order or not, with what came and was not read as a response. */
  async rest(): Promise<{ readonly bytes: Buffer; readonly reset: boolean }> {
    while (this.#end === undefined) await this.#more('the end of the connection');
    this.socket.destroy();
    return { bytes: this.#take(this.#length), reset: this.#end instanceof Error };
  }

  /** Leaves at once; unread bytes turn that into a reset. */
  destroy(): void {
    this.socket.destroy();
  }

  #ended(how: 'fin' | Error): void {
    this.#end ??= how;
    this.#wake?.();
  }

  async #more(what: string): Promise<void> {
    if (this.#end !== undefined) {
      const how = this.#end === 'fin' ? 'the server closed the connection' : this.#end.message;
      throw new Error(`${how}; expected ${what}, have ${this.#joined().toString('latin1').slice(0, 500)}`);
    }
    const news = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await within(news, () => what, this.#boundMs);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    this.#chunks = count < all.length ? [all.subarray(count)] : [];
    this.#length -= count;
    return all.subarray(0, count);
  }
}

/**
 * Sends bytes on a connection of their own, says that no more will come, and returns all responses until
 * the server closes.
 *
 * @param methods of the requests, where not all of them are what the first says
 */
export async function rawRequest(
  port: number,
  bytes: string | Uint8Array,
  methods: readonly string[] = [methodOf(bytes)],
): Promise<RawResponse[]> {
  const client = await RawClient.open(port);
  client.send(bytes).finish();
  const responses: RawResponse[] = [];
  for (const method of methods) responses.push(await client.response(method));
  await client.closed();
  return responses;
}

function methodOf(request: string | Uint8Array): string {
  const text = typeof request === 'string' ? request : Buffer.from(request).toString('latin1');
  return text.slice(0, Math.max(0, text.indexOf(' ')));
}
