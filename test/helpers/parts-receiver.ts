/**
 * A receiver of parts as the protocols have it, for tests of their clients: over HTTP and raw TCP, in memory.
 * It keeps of each part what it needs to say whether the same comes again.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { ContentDigest } from './job-content.js';

type Verdict = ContentDigest & { readonly status: 200 | 201 | 401 | 409 };

export class PartsReceiver {
  /** What is here, by `job/part`. */
  readonly parts = new Map<string, ContentDigest>();
  /** Connections, of both kinds, and those of them that ended in the middle of a part. */
  connections = 0;
  broken = 0;
  /** With how many bytes the connection of a part is ended without an answer; by `job/part`. */
  readonly cutAfter = new Map<string, number>();
  /** Parts of which it loses the first byte; by `job/part`. */
  readonly flaws = new Set<string>();
  readonly #token: string | undefined;
  readonly #http = http.createServer((request, response) => void this.#put(request, response));
  readonly #tcp = net.createServer({ allowHalfOpen: true }, (socket) => void this.#read(socket));

  constructor(token?: string) {
    this.#token = token;
    for (const server of [this.#http, this.#tcp]) server.on('connection', () => this.connections++);
  }

  async start(): Promise<void> {
    for (const server of [this.#http, this.#tcp]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
  }

  get httpPort(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get tcpPort(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#http.closeAllConnections();
    for (const server of [this.#http, this.#tcp]) {
      server.close();
      await once(server, 'close');
    }
  }

  async #put(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const [, jobs, job = '', , part = ''] = request.url!.split('/');
    const name = `${decodeURIComponent(job)}/${decodeURIComponent(part)}`;
    const isKnown = request.headers.authorization === (this.#token && `Bearer ${this.#token}`);
    const verdict = await this.#take(request, name, isKnown && jobs === 'jobs');
    if (verdict === undefined) return void response.destroy();
    const { status, bytes, sha256 } = verdict;
    const body =
      status < 300
        ? { part: decodeURIComponent(part), bytes, sha256, isNew: status === 201 }
        : { error: status === 401 ? 'unauthorized' : 'part-differs', message: 'no' };
    const text = JSON.stringify(body);
    const type = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    response.writeHead(status, type).end(text);
  }

  async #read(socket: net.Socket): Promise<void> {
    // A client that resets its connection is counted where its part is read.
    socket.on('error', () => undefined);
    const line = await firstLine(socket);
    const [, job = '', part = '', token] = /^JOB (\S+) (\S+?)(?: token=(\S+))?$/.exec(line ?? '') ?? [];
    const name = `${decodeURIComponent(job)}/${decodeURIComponent(part)}`;
    // Its other direction is needed for the reply.
    const verdict = await this.#take(untilFinished(socket), name, token === this.#token);
    if (verdict === undefined) return void socket.destroy();
    const { status, bytes, sha256 } = verdict;
    if (status < 300) socket.end(`OK ${bytes} ${sha256}\n`);
    else socket.end(`ERR ${status === 401 ? 'unauthorized' : 'part-differs'} no\n`);
  }

  /** Undefined when the part does not come to its end. */
  async #take(
    source: AsyncIterable<unknown>,
    name: string,
    isAllowed: boolean,
  ): Promise<Verdict | undefined> {
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      for await (const chunk of source) {
        const isFlawed = bytes === 0 && this.flaws.has(name);
        bytes += (chunk as Buffer).length;
        hash.update((chunk as Buffer).subarray(isFlawed ? 1 : 0));
        if (bytes > (this.cutAfter.get(name) ?? Number.POSITIVE_INFINITY)) return undefined;
      }
    } catch {
      this.broken++; // What the client has sent of it is not kept.
      return undefined;
    }
    const came = { bytes, sha256: hash.digest('hex') };
    if (!isAllowed) return { ...came, status: 401 };
    const here = this.parts.get(name);
    this.parts.set(name, here ?? came);
    return { ...came, status: here === undefined ? 201 : here.sha256 === came.sha256 ? 200 : 409 };
  }
}

/** Without its line end; undefined when the connection ends before. What follows it is put back. */
async function firstLine(socket: net.Socket): Promise<string | undefined> {
  let text = Buffer.alloc(0);
  while (!text.includes('\n')) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) text = Buffer.concat([text, chunk]);
    else if (socket.readableEnded || socket.destroyed) return undefined;
    else await new Promise((resolve) => socket.once('readable', resolve).once('close', resolve));
  }
  const end = text.indexOf('\n');
  if (end + 1 < text.length) socket.unshift(text.subarray(end + 1));
  return text.toString('latin1', 0, end);
}

/** Throws when the client has reset its connection. What is to be replied can be written afterwards. */
async function* untilFinished(socket: net.Socket): AsyncGenerator<Buffer> {
  yield* socket.iterator({ destroyOnReturn: false });
  // Where bytes came before a reset, libuv tells of an end; to write nothing tells the two apart.
  const reset = await new Promise<Error | null | undefined>((resolve) => void socket.write('', resolve));
  if (reset) throw reset;
}
