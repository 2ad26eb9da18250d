/**
 * Clients by the hundred. Each sends raw requests, reads the responses strictly, and compares every body
 * byte for byte; what comes of the requests is counted, and nothing is forgiven or tried again in secret.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import { systemCode } from '../../src/errors.js';
import { within } from './eventually.js';
import { endOfHead, RawResponse } from './raw-response.js';

/** What is asked for, and the body that must come with status 200. */
export interface Page {
  readonly target: string;
  readonly body: Buffer;
}

/** What came of the requests of all clients: whole, unavailable, broken, refused or wrong. */
export interface LoadResult {
  /** Responses as they must be. */
  whole: number;
  /** 503 with Retry-After, in good order, after which the connection ended. */
  unavailable: number;
  /** The connection ended before a response was whole. */
  broken: number;
  /** Those of them of which a part had come. */
  cut: number;
  /** The connection could not be made. */
  refused: number;
  /** Whole responses that are not what they must be, described. */
  readonly wrong: string[];
  /** Connections made. */
  connections: number;
  /** Bytes that came, of whole responses and others. */
  bytes: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  readonly pages: readonly Page[];
  readonly mode: 'keep-alive' | 'per-request';
  /** Over TLS; every certificate is good enough. */
  readonly secure?: boolean;
}

/** How one request ended. */
type Ending = 'whole' | 'unavailable' | 'broken' | 'refused' | 'wrong';

/** For a busy machine: the slowest of thousands of clients waits for all others. */
const BOUND_MS = 60_000;

export function emptyResult(): LoadResult {
  return { whole: 0, unavailable: 0, broken: 0, cut: 0, refused: 0, wrong: [], connections: 0, bytes: 0 };
}

/** One connection, or none, and the requests made on it one after another. */
export class LoadClient {
  readonly #port: number;
  readonly #secure: boolean;
  readonly #result: LoadResult;
  #socket: net.Socket | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Told of every change: bytes came, or the connection ended. */
  #changed: () => void = () => undefined;

  constructor(port: number, result: LoadResult, secure = false) {
    this.#port = port;
    this.#secure = secure;
    this.#result = result;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** The client's own port: names the connection. */
  get localPort(): number | undefined {
    return this.#socket?.localPort;
  }

  /** False when the connection is refused; that is not counted here. */
  async connect(): Promise<boolean> {
    const address = { port: this.#port, host: '127.0.0.1', noDelay: true };
    const socket = this.#secure
      ? tls.connect({ ...address, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : net.connect(address);
    const ended = (): void => {
      socket.destroy();
      if (this.#socket === socket) this.#socket = undefined;
      this.#changed();
    };
    try {
      await once(socket, this.#secure ? 'secureConnect' : 'connect');
    } catch (error) {
      // The other errors are of this machine (EMFILE, EADDRNOTAVAIL), and would say nothing of the server.
      if (!['ECONNREFUSED', 'ECONNRESET'].includes(systemCode(error))) throw error;
      return false;
    }
    this.#chunks = [];
    this.#length = 0;
    this.#socket = socket;
    this.#result.connections++;
    socket.on('error', ended).on('end', ended).on('close', ended);
    socket.on('data', (chunk: Buffer) => {
      this.#result.bytes += chunk.length;
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#changed();
    });
    return true;
  }

  /** Sends one request, on a new connection if there is none, and counts what comes of it. */
  async ask(page: Page, close = false): Promise<Ending> {
    const ending = await this.#ask(page, close);
    if (ending !== 'wrong') this.#result[ending]++;
    return ending;
  }

  leave(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #ask(page: Page, close: boolean): Promise<Ending> {
    if (this.#socket === undefined && !(await this.connect())) return 'refused';
    const persistence = close ? 'Connection: close\r\n' : '';
    this.#socket?.write(`GET ${page.target} HTTP/1.1\r\nHost: load\r\n${persistence}\r\n`);
    let response: RawResponse | undefined;
    try {
      response = await this.#response();
    } catch (error) {
      return this.#wrong(page, String(error));
    }
    if (response === undefined) {
      if (this.#length > 0) this.#result.cut++;
      return 'broken';
    }
    if (response.field('connection') === 'close' || close) {
      await this.#until(() => false);
    }
    if (this.#length > 0) return this.#wrong(page, 'bytes that nobody asked for');
    if (response.status === 503 && response.field('retry-after') !== undefined) return 'unavailable';
    if (response.status !== 200) return this.#wrong(page, `status ${response.status}`);
    if (!response.body.equals(page.body)) return this.#wrong(page, 'another body');
    return 'whole';
  }

  #wrong(page: Page, what: string): Ending {
    this.#result.wrong.push(`${page.target}: ${what}`);
    this.leave();
    return 'wrong';
  }

  /** Undefined when the connection ends before the response is whole. */
  async #response(): Promise<RawResponse | undefined> {
    await this.#until(() => endOfHead(this.#joined()) !== undefined);
    const bodyStart = endOfHead(this.#joined());
    if (bodyStart === undefined) return undefined;
    const response = new RawResponse(this.#joined().toString('latin1', 0, bodyStart), 'GET');
    const end = bodyStart + response.bodyLength;
    await this.#until(() => this.#length >= end);
    if (this.#length < end) return undefined;
    response.body = this.#joined().subarray(bodyStart, end);
    this.#chunks = this.#length > end ? [this.#joined().subarray(end)] : [];
    this.#length -= end;
    return response;
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Waits until something holds or the connection is gone. */
  #until(isThere: () => boolean): Promise<void> {
    const holds = (): boolean => this.#socket === undefined || isThere();
    if (holds()) return Promise.resolve();
    const settled = new Promise<void>((resolve) => {
      this.#changed = () => {
        if (!holds()) return;
        this.#changed = () => undefined;
        resolve();
      };
    });
    const have = (): string => this.#joined().toString('latin1', 0, 200);
    return within(settled, () => `a response; there is ${JSON.stringify(have())}`, BOUND_MS);
  }
}

/** Clients that ask all at once, `requests` times each. */
export async function runLoad(options: LoadOptions, requests: number): Promise<LoadResult> {
  const load = startLoad(options, requests);
  return load.ended;
}

/** What a client that goes on without end waits between two requests: others need the machine too. */
const PAUSE_MS = 10;

/** Clients that ask again and again until they are told to stop, or there is no server any more. */
export interface Load {
  readonly result: LoadResult;
  /** Lets the responses under way come, leaves, and resolves to what there was. */
  stop(): Promise<LoadResult>;
  readonly ended: Promise<LoadResult>;
}

/** How long a client that was refused waits, so that it does not fill the machine with refusals. */
const REFUSED_PAUSE_MS = 10;
/** After so many refusals in a row a client gives up: the server is gone, perhaps with the test. */
const MAX_REFUSALS = 300;

export function startLoad(options: LoadOptions, requests = Number.POSITIVE_INFINITY): Load {
  const { port, pages, mode, secure } = options;
  const result = emptyResult();
  let stopping = false;
  const run = async (first: number): Promise<void> => {
    const client = new LoadClient(port, result, secure);
    let refusals = 0;
    for (let n = 0; n < requests && !stopping && refusals < MAX_REFUSALS; n++) {
      const isLast = n === requests - 1;
      const ending = await client.ask(pages[(first + n) % pages.length]!, mode === 'per-request' || isLast);
      refusals = ending === 'refused' ? refusals + 1 : 0;
      if (ending === 'refused') await delay(REFUSED_PAUSE_MS);
      else if (requests === Number.POSITIVE_INFINITY) await delay(PAUSE_MS);
    }
    client.leave();
  };
  const ended = Promise.all(Array.from({ length: options.clients }, (_, i) => run(i))).then(() => result);
  const stop = (): Promise<LoadResult> => {
    stopping = true;
    return ended;
  };
  return { result, stop, ended };
}

/** Connections that are made and held: a crowd of idle ones. */
export class Crowd {
  readonly result = emptyResult();
  readonly clients: readonly LoadClient[];
  readonly #pages: readonly Page[];

  constructor({ port, clients, pages }: Omit<LoadOptions, 'mode'>) {
    this.#pages = pages;
    this.clients = Array.from({ length: clients }, () => new LoadClient(port, this.result));
  }

  /** All ask at once and keep their connections. */
  async ask(): Promise<LoadResult> {
    const pages = this.#pages;
    await Promise.all(this.clients.map((client, i) => client.ask(pages[i % pages.length]!)));
    return this.result;
  }

  leave(): void {
    for (const client of this.clients) client.leave();
  }
}
