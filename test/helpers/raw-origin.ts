/**
 * A server behind the proxy that does exactly what a test says, byte by byte, and keeps every byte that it
 * got. What comes is read as requests only when the test asks for one.
 *
 *     const origin = await RawOrigin.start();
 *     const connection = await origin.connection();
 *     await connection.request();
 *     connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { pem } from './certificates.js';
import { eventually } from './eventually.js';
import { type RawRequest, readHead, readRequest } from './raw-request.js';

/** What a test lets every request be answered with: bytes, latin1 where they are text. */
export type Answer = (request: RawRequest, connection: OriginConnection) => string | Buffer | undefined;

/** How long an end that nobody answers is waited for. */
const LEAVE_MS = 5000;

export class RawOrigin {
  /** All connections that came, in their order. */
  readonly connections: OriginConnection[] = [];
  readonly #server: net.Server;
  readonly #isSecure: boolean;
  /** Those on which something came, in that order: undici may make others to have them. */
  readonly #asked: OriginConnection[] = [];
  #taken = 0;
  #answer: Answer | undefined;

  private constructor(server: net.Server, isSecure: boolean) {
    this.#server = server;
    this.#isSecure = isSecure;
    const secureContext = createSecureContext({ cert: pem('first', 'cert'), key: pem('first', 'key') });
    server.on('connection', (below) => {
      const socket = isSecure ? new TLSSocket(below, { isServer: true, secureContext }) : below;
      const connection = new OriginConnection(socket, below, () => this.#answer);
      this.connections.push(connection);
      socket.once('data', () => {
        if (this.connections.includes(connection)) this.#asked.push(connection);
      });
    });
  }

  static start(answer?: Answer): Promise<RawOrigin> {
    return RawOrigin.#start(false, answer);
  }

  /** One that speaks TLS, with the first certificate. */
  static startSecure(answer?: Answer): Promise<RawOrigin> {
    return RawOrigin.#start(true, answer);
  }

  static async #start(isSecure: boolean, answer?: Answer): Promise<RawOrigin> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    const origin = new RawOrigin(server, isSecure);
    origin.#answer = answer;
    await origin.listen(0);
    return origin;
  }

  /** Listens, again where it had stopped. */
  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#isSecure ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Answers every request from now on, on its own; without an argument the test does it again. */
  answers(answer?: Answer): void {
    this.#answer = answer;
  }

  /** The next connection on which something came, and that no test has asked for yet. */
  async connection(): Promise<OriginConnection> {
    const at = this.#taken++;
    return eventually(
      () => this.#asked[at],
      () => `something on connection ${at + 1} to the origin`,
    );
  }

  /**
   * Forgets all that was before: `connection` gives only newer ones. Those there are get closed, and it waits until
   * the other side knows: a request that was sent on one of them would be lost.
   */
  async reset(): Promise<void> {
    const before = this.connections.splice(0);
    this.#asked.length = 0;
    this.#taken = 0;
    this.#answer = undefined;
    await Promise.all(before.map((connection) => connection.leave()));
  }

  /** Every request that was read whole, on all connections. */
  get requests(): RawRequest[] {
    return this.connections.flatMap(({ requests }) => requests);
  }

  /** Refuses connections from now on, and cuts those there are. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.connections) connection.cut();
    await closed;
  }
}

export class OriginConnection {
  readonly socket: net.Socket;
  /** Requests that were read whole. */
  readonly requests: RawRequest[] = [];
  /** What is wrong with what came; undefined: nothing. */
  malformed: Error | undefined;
  /** How the other side ended it. */
  end: 'fin' | 'reset' | undefined;
  receivedBytes = 0;
  /** What carries it: the same, or the connection below TLS. */
  readonly #below: net.Socket;
  readonly #answer: () => Answer | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  #isRaw = false;

  constructor(socket: net.Socket, below: net.Socket, answer: () => Answer | undefined) {
    this.socket = socket;
    this.#below = below;
    this.#answer = answer;
    below.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => {
      this.end ??= 'fin';
    });
    socket.on('error', () => {
      this.end = 'reset';
    });
    socket.on('close', () => {
      this.end ??= 'reset';
    });
  }

  /** What came and was not read as a request. */
  get unread(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** What comes from now on is kept as it is. */
  becomesRaw(): this {
    this.#isRaw = true;
    return this;
  }

  /** Request number `index` of this connection, once it is whole. */
  request(index = 0): Promise<RawRequest> {
    const read = (): RawRequest | undefined => {
      if (this.malformed !== undefined) throw this.malformed;
      return this.requests[index];
    };
    return eventually(read, () => `request ${index + 1}; there is ${this.unread.toString('latin1', 0, 500)}`);
  }

  /** The head of a request whose body has not come to its end. */
  head(): Promise<Omit<RawRequest, 'body'>> {
    return eventually(
      () => readHead(this.unread),
      () => `the head of a request; there is ${this.unread.toString('latin1', 0, 500)}`,
    );
  }

  /** Resolves when so many bytes have come that were not read as a request. */
  async bytes(count: number): Promise<Buffer> {
    await eventually(
      () => this.#length >= count || undefined,
      () => `${count} bytes at the origin; there are ${this.#length}`,
    );
    return this.#take(count);
  }

  /** A string stands for its latin1 bytes. */
  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  finish(): this {
    this.socket.end();
    return this;
  }

  /** Ends, and resolves when the other side has. One that is in the midst of a response may never, and is cut. */
  async leave(): Promise<void> {
    if (this.end === undefined) this.socket.end();
    const known = eventually(
      () => this.end,
      () => 'the other end',
      LEAVE_MS,
    );
    await known.catch(() => undefined);
    this.socket.destroy();
  }

  /** Leaves with RST. */
  cut(): void {
    this.#below.resetAndDestroy();
    this.socket.destroy();
  }

  /** Ends its direction, and TLS does not say so. */
  breakOff(): void {
    this.socket.write('', () => this.#below.end());
  }

  /** Resolves when the other side has ended the connection, and tells how. */
  ended(): Promise<'fin' | 'reset'> {
    return eventually(
      () => this.end,
      () => 'the end of the connection at the origin',
    );
  }

  #onData(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    while (!this.#isRaw && this.malformed === undefined) {
      const request = this.#next();
      if (request === undefined) return;
      this.requests.push(request);
      const answer = this.#answer()?.(request, this);
      if (answer !== undefined) this.send(answer);
    }
  }

  #take(count: number): Buffer {
    const all = this.unread;
    this.#chunks = count < all.length ? [all.subarray(count)] : [];
    this.#length -= count;
    return all.subarray(0, count);
  }

  #next(): RawRequest | undefined {
    try {
      const read = readRequest(this.unread);
      if (read === undefined) return undefined;
      this.#take(read.end);
      return read.request;
    } catch (error) {
      this.malformed = error as Error;
      return undefined;
    }
  }
}

/** A whole response that nobody stores. */
export function response(body: string, fields = '', status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nCache-Control: no-store\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}
