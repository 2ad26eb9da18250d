/** For tests of the shared cache: bytes, streams taken whole, and a cache process within the test. */
import { randomFillSync } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import type { BodySource } from '../../src/http/body-source.js';
import type { MappingKind } from '../../src/posix/shared-bytes.js';
import { CacheServer, type CacheServerOptions } from '../../src/shared-cache/cache-server.js';
import { CacheClient, type CacheClientOptions } from '../../src/shared-cache/client.js';
import type { SharedCache } from '../../src/shared-cache/shared-cache.js';
import type { OpenFile } from '../../src/transport/connection.js';
import { TestDirectory } from './directory.js';

export const MB = 1024 * 1024;

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export function randomBytes(length: number): Buffer {
  return randomFillSync(Buffer.allocUnsafeSlow(length));
}

/** A whole body; rejects when it breaks off. */
export function collect(
  source: BodySource,
  { pauseAfterEach = false }: { readonly pauseAfterEach?: boolean } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    source.start({
      data: (bytes) => {
        pieces.push(bytes);
        if (!pauseAfterEach) return;
        source.pause();
        setImmediate(() => source.resume());
      },
      end: () => resolve(Buffer.concat(pieces)),
      fail: reject,
    });
  });
}

/** All that an open file holds. */
export function readWhole({ fd }: OpenFile): Buffer {
  const bytes = Buffer.allocUnsafeSlow(fstatSync(fd).size);
  for (let done = 0; done < bytes.length; ) done += readSync(fd, bytes, done, bytes.length - done, done);
  return bytes;
}

/** Head and body as texts. */
export function stored(cache: SharedCache, key: string): readonly [string, string | undefined] | undefined {
  const found = cache.lookup(bytesOf(key));
  return found && [found.head.toString('latin1'), found.body?.toString('latin1')];
}

/** A cache process's server in this process, and clients of it. */
export class CacheBed {
  readonly directory = new TestDirectory({ 'shm/': '', 'site/': '' });
  readonly socketPath = this.directory.at('cache.sock');
  readonly reports: string[] = [];
  readonly #mapping: MappingKind;
  readonly #clients: CacheClient[] = [];
  server: CacheServer | undefined;

  constructor(mapping: MappingKind) {
    this.#mapping = mapping;
  }

  async serve(options: Partial<CacheServerOptions> = {}): Promise<CacheServer> {
    // Real shared memory but for what looks at the files in it.
    this.server = await CacheServer.start({
      socketPath: this.socketPath,
      maxBytes: 64 * MB,
      root: undefined,
      mapping: this.#mapping,
      memoryRoot: this.directory.at('shm'),
      report: (text) => this.reports.push(text),
      ...options,
    });
    return this.server;
  }

  client(options: Partial<CacheClientOptions> = {}): CacheClient {
    const client = new CacheClient({
      socketPath: this.socketPath,
      maxSegments: 16,
      chunkBytes: 256 * 1024,
      mapping: this.#mapping,
      report: (text) => this.reports.push(text),
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  end(): void {
    for (const client of this.#clients) client.close();
    this.server?.close();
    this.directory.remove();
  }
}
