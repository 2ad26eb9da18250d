/**
 * A tiny server for tests of the dashboard: it sends the site as shipped from `www/`, answers the two files of
 * figures as the test says, and can be taken away and brought back on the same port.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import type { StatsDocument } from '../../src/stats/schema.js';
import { statFile } from './stats-document.js';

/** What is sent for a file; `'hang'`: nothing, ever. */
export type Answer = { readonly status?: number; readonly body: string } | 'hang';

const WWW = new URL('../../../www/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};
const MISSING: Answer = { status: 404, body: 'not found' };

export class StatsServer {
  /** Answers for `statFile.txt` and `stats.json`; computed anew for each request. */
  statFile: () => Answer = () => MISSING;
  document: () => Answer = () => MISSING;
  /** Paths asked for, in order. */
  readonly requests: string[] = [];
  #server: Server | null = null;
  #port = 0;

  /** Listens on the loopback; the second time on the same port as the first. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://fixture').pathname;
      this.requests.push(path);
      if (path === '/statFile.txt') send(response, path, this.statFile());
      else if (path === '/stats.json') send(response, path, this.document());
      else void sendPage(response, path === '/' ? '/index.html' : path);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Closes every connection and the port: clients are refused from here on. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Both files say what `next` returns, asked once for each poll (the page asks for both at the same time). */
  serve(next: () => StatsDocument): void {
    let current: StatsDocument | null = null;
    let taken = 0;
    const one = () => {
      if (current === null || taken === 2) {
        current = next();
        taken = 0;
      }
      taken++;
      return current;
    };
    this.statFile = () => ({ body: statFile(one()) });
    this.document = () => ({ body: JSON.stringify(one()) });
  }
}

function send(response: ServerResponse, path: string, answer: Answer): void {
  if (answer === 'hang') return;
  response.writeHead(answer.status ?? 200, {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
  });
  response.end(answer.body);
}

async function sendPage(response: ServerResponse, path: string): Promise<void> {
  try {
    const body = await readFile(new URL(`.${path}`, WWW));
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
    response.end(body);
  } catch (error) {
    response.writeHead(404).end((error as Error).message);
  }
}
