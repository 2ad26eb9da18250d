/**
 * A worker for tests that kill it: claims an object and begins to fill it, takes the first chunk of another one as
 * often as is said, and then does nothing. Arguments: options of a CacheClient (JSON), key to claim, key to open, times.
 */
import { CacheClient, type CacheClientOptions } from '../../src/shared-cache/client.js';
import type { Fill } from '../../src/shared-cache/shared-cache.js';

const [options, claimed, opened, times] = process.argv.slice(2) as [string, string, string, string];
const client = new CacheClient({
  ...(JSON.parse(options) as Omit<CacheClientOptions, 'report'>),
  report: () => undefined,
});
await client.up();
const fill = (await client.claim(Buffer.from(claimed), { seen: 0, waitMs: 0 })) as Fill;
fill.write(Buffer.alloc(1_000_000));
for (let i = 0; i < Number(times); i++) {
  const { body } = (await client.open(Buffer.from(opened)))!;
  await new Promise<void>((resolve) => {
    body.start({
      data: () => {
        body.pause();
        resolve();
      },
      end: () => undefined,
      fail: () => undefined,
    });
  });
}
process.on('disconnect', () => process.exit());
process.send?.('ready');
