/** The origin server of http-cache-tests, in this process. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import handleConfig from 'http-cache-tests/server/handle-config.mjs';
import handleState from 'http-cache-tests/server/handle-state.mjs';
import handleTest from 'http-cache-tests/server/handle-test.mjs';

const HANDLERS = new Map([
  ['config', handleConfig],
  ['state', handleState],
  ['test', handleTest],
]);

export class CacheTestsOrigin {
  readonly #server: Server = createServer((request, response) => {
    const [, kind = '', ...segments] = new URL(request.url ?? '', 'http://origin').pathname.split('/');
    const handle = HANDLERS.get(kind);
    if (handle === undefined) response.writeHead(404).end();
    else handle(segments, request, response);
  });

  /** Its URL, once it listens. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
