/** A server of jobs over HTTP that keeps parts in memory, and fails as a test says. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { digestIn, reprDigest } from '../../src/jobs/repr-digest.js';
import { eventually } from './eventually.js';

/** What becomes of a PUT: the connection breaks when it has so many bytes of it, or it is answered with an error. */
export type Trouble =
  | { readonly breakAfter: number }
  | { readonly status: number; readonly error: string; readonly fields?: Readonly<Record<string, string>> };

export class FakeJobsServer {
  /** Parts that are durable. */
  readonly parts = new Map<string, Buffer>();
  /** Parts of which a beginning is here. */
  readonly kept = new Map<string, Buffer>();
  /** For the next PUTs, one after the other. */
  readonly troubles: Trouble[] = [];
  /** For the next other requests, one after the other. */
  readonly refusals: Extract<Trouble, { readonly status: number }>[] = [];
  /** What is answered to a GET of a path. */
  readonly answers = new Map<string, { readonly status: number; readonly body: string | Buffer }>();
  /** Method, target and range of each request. */
  readonly requests: string[] = [];
  readonly tokens = new Set<string | undefined>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeJobsServer> {
    const server = new FakeJobsServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  /** Resolves when such a request has come. */
  received(request: string): Promise<true> {
    return eventually(
      () => this.requests.includes(request) || undefined,
      () => request,
    );
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push(
      [method, url, headers['content-range']].filter((each) => each !== undefined).join(' '),
    );
    this.tokens.add(headers.authorization);
    const [, part] = /^\/jobs\/[^/]+\/parts\/([^/]+)$/.exec(url) ?? [];
    const refusal = method === 'PUT' ? undefined : this.refusals.shift();
    if (refusal !== undefined) refuse(response, refusal);
    else if (method === 'PUT' && part !== undefined) await this.#put(part, request, response);
    else if (method === 'HEAD' && part !== undefined) this.#head(part, response);
    else {
      const answer = this.answers.get(`${method} ${url}`) ?? { status: 404, body: '' };
      response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.body);
    }
  }

  #head(part: string, response: ServerResponse): void {
    const whole = this.parts.get(part);
    const length = (whole ?? this.kept.get(part) ?? []).length;
    const digest = whole && { 'Repr-Digest': reprDigest(sha256Of(whole)) };
    response.writeHead(whole === undefined ? 404 : 200, { 'Upload-Offset': length, ...digest }).end();
  }

  async #put(part: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const trouble = this.troubles.shift();
    if (trouble !== undefined && 'status' in trouble) {
      refuse(response, trouble);
      return;
    }
    const [, first] = /^bytes (\d+|\*)(?:-\d+)?\/\d+$/.exec(request.headers['content-range'] ?? '') ?? [];
    const before = first === undefined ? Buffer.alloc(0) : (this.kept.get(part) ?? Buffer.alloc(0));
    if (first !== undefined && first !== '*' && Number(first) !== before.length) {
      const fields = { 'Upload-Offset': String(before.length) };
      refuse(response, { status: 409, error: 'wrong-offset', fields });
      return;
    }
    let content = before;
    try {
      for await (const piece of request) {
        content = Buffer.concat([content, piece]);
        if (trouble !== undefined && content.length >= trouble.breakAfter) {
          this.kept.set(part, content.subarray(0, trouble.breakAfter));
          request.socket.resetAndDestroy();
          return;
        }
      }
    } catch {
      this.kept.set(part, content);
      return;
    }
    const sha256 = sha256Of(content);
    const wanted = digestIn(request.headers['repr-digest']?.toString() ?? '');
    if (wanted !== undefined && wanted !== sha256) {
      this.kept.delete(part);
      refuse(response, { status: 400, error: 'wrong-digest' });
      return;
    }
    this.kept.delete(part);
    this.parts.set(part, content);
    const receipt = { part: decodeURIComponent(part), bytes: content.length, sha256, isNew: true };
    response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(receipt));
  }
}

function refuse(
  response: ServerResponse,
  { status, error, fields }: Extract<Trouble, { status: number }>,
): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json', Connection: 'close', ...fields })
    .end(JSON.stringify({ error, message: `said ${error}` }));
}

export function sha256Of(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
