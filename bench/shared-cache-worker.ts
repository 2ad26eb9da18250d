/**
 * A worker whose memory is measured: holds all objects in a cache of its own, or reads them all from the shared one.
 * Arguments: `own` or `shared`, the socket of the cache process, how many objects, their size in bytes.
 */
import { CacheClient } from '../src/shared-cache/client.js';
import { MemoryCache } from '../src/shared-cache/memory-cache.js';
import type { Fill, SharedCache } from '../src/shared-cache/shared-cache.js';

const [kind, socketPath, count, size] = process.argv.slice(2) as [string, string, string, string];
const cache = kind === 'own' ? own() : await shared();
for (let i = 0; i < Number(count); i++) {
  const key = Buffer.from(`object ${i}`);
  if (cache.lookup(key) !== undefined) continue;
  const fill = await cache.claim(key, { seen: 0, waitMs: 0 });
  if (typeof fill !== 'string') await put(fill, i);
}
process.on('disconnect', () => process.exit());
process.send?.('ready');

function own(): SharedCache {
  return new MemoryCache({ maxBytes: 2 * Number(count) * Number(size), maxLookupBytes: Number(size) });
}

async function shared(): Promise<SharedCache> {
  const report = (text: string): void => void process.stderr.write(`${text}\n`);
  const client = new CacheClient({ socketPath, maxSegments: 32, chunkBytes: 256 * 1024, report });
  await client.up();
  return client;
}

async function put(fill: Fill, number: number): Promise<void> {
  fill.write(Buffer.alloc(Number(size), number % 256));
  await fill.drained();
  await fill.commit(Buffer.from('head'));
}
