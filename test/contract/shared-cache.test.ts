/** The shared cache over a cache process, mapped and with system calls, and that of a single process. */
import { MemoryCache } from '../../src/shared-cache/memory-cache.js';
import { CacheBed, MB } from '../helpers/shared-cache.js';
import { sharedCacheContract } from './shared-cache.contract.js';

for (const mapping of ['mmap', 'pread'] as const) {
  let bed: CacheBed;
  sharedCacheContract(
    `CacheClient by ${mapping}`,
    async () => {
      bed = new CacheBed(mapping);
      await bed.serve({ maxBytes: 32 * MB });
      const [first, second] = [bed.client(), bed.client()];
      await Promise.all([first.up(), second.up()]);
      return { first, second };
    },
    async () => bed.end(),
  );
}

sharedCacheContract(
  'MemoryCache',
  async () => {
    const cache = new MemoryCache({ maxBytes: 32 * MB, maxLookupBytes: MB });
    return { first: cache, second: cache };
  },
  async () => undefined,
);
