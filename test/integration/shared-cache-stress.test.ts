/**
 * What the system this grew from failed: transfers of all sizes and statuses, to fast and slow takers, 64 at once,
 * through fewer segments than that. Every byte is compared.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { BodySource } from '../../src/http/body-source.js';
import type { CacheClient } from '../../src/shared-cache/client.js';
import { eventually } from '../helpers/eventually.js';
import { Processes } from '../helpers/processes.js';
import { bytesOf, CacheBed, MB, randomBytes } from '../helpers/shared-cache.js';

const SIZES = [0, 1, 4095, 4096, 65_536, 262_144, 262_145, 700_000, MB, 3 * MB + 1, 16 * MB, 64 * MB];
const AT_ONCE = 64;
const TRANSFERS = 4000;
/** Every body is a part of it. */
const SOURCE = randomBytes(65 * MB);

/** The body that belongs under a key: found again from the key alone. */
function bodyOf(key: number, size: number): Buffer {
  const start = (key * 7919) % MB;
  return SOURCE.subarray(start, start + size);
}

/** Numbers below `below`, the same ones for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

for (const mapping of ['mmap', 'pread'] as const) {
  describe(`${TRANSFERS} transfers, ${AT_ONCE} at once, by ${mapping}`, () => {
    const bed = new CacheBed(mapping);
    const processes = new Processes();
    const clients: CacheClient[] = [];

    before(async () => {
      const root = bed.directory.at('site');
      for (const [key, size] of SIZES.entries()) writeFileSync(`${root}/${key}`, bodyOf(key, size));
      mkdirSync(`${root}/directory`);
      const options = { socketPath: bed.socketPath, maxBytes: 384 * MB, root, mapping };
      await processes.start('./cache-process.js', [JSON.stringify(options)]);
      for (let i = 0; i < 2; i++) clients.push(bed.client({ maxSegments: 24 }));
      await Promise.all(clients.map((client) => client.up()));
    });
    after(async () => {
      bed.end();
      await processes.end();
    });

    it('gives every byte as it is, and every status as it should be', async () => {
      const seed = Date.now() % 1_000_000;
      const random = numbers(seed);
      const tally = { files: 0, statuses: 0, fills: 0, lookups: 0, streams: 0 };
      let begun = 0;

      const one = async (): Promise<void> => {
        const client = clients[random(clients.length)]!;
        const kind = random(10);
        // Few of the large ones, or nothing but them would be measured.
        const key = random(20) === 0 ? random(SIZES.length) : random(SIZES.length - 2);
        const size = SIZES[key]!;
        if (kind === 0) {
          const [path, status] = [
            ['/none', 404],
            ['/directory', 403],
            ['/../0', 404],
            ['x', 400],
          ][random(4)]!;
          expect((await insist(() => client.openFile(String(path)))).status).to.equal(status);
          tally.statuses++;
        } else if (kind < 4) {
          const arrival = await insist(() => client.openFile(`/${key}`));
          expect(arrival.bodyBytes).to.equal(size);
          await verify(arrival.body, bodyOf(key, size), random(3) === 0);
          tally.files++;
        } else await object(client, key, size, random(3) === 0);
      };

      /** Looks an object up, streams it, or fills it when it is not there. */
      const object = async (
        client: CacheClient,
        key: number,
        size: number,
        isSlow: boolean,
      ): Promise<void> => {
        const name = bytesOf(`object ${key}`);
        const found = client.lookup(name);
        if (found?.body !== undefined) {
          expect(found.body.equals(bodyOf(key, size)), `object ${key}`).to.equal(true);
          tally.lookups++;
          return;
        }
        if (found !== undefined) {
          const stream = await client.open(name);
          if (stream === undefined) return;
          await verify(stream.body, bodyOf(key, size), isSlow);
          tally.streams++;
          return;
        }
        const fill = await client.claim(name, { seen: 0, waitMs: 10_000 });
        if (typeof fill === 'string') return;
        const body = bodyOf(key, size);
        for (let at = 0; at < size; at += 100_000) {
          if (!fill.write(body.subarray(at, Math.min(size, at + 100_000)))) await fill.drained();
        }
        if (await fill.commit(bytesOf(`head ${key}`))) tally.fills++;
        // So that there is something to fill until the end.
        if (random(4) === 0) await client.remove(name);
      };

      const lane = async (): Promise<void> => {
        while (begun < TRANSFERS) {
          begun++;
          await one();
        }
      };
      try {
        await Promise.all(Array.from({ length: AT_ONCE }, lane));
      } catch (error) {
        throw new Error(`with the seed ${seed}: ${String(error)}`, { cause: error });
      }
      for (const [what, count] of Object.entries(tally)) expect(count, what).to.be.greaterThan(0);
      for (const client of clients) {
        expect(client.state).to.equal('up');
        await eventually(
          () => (client.segments.lent + client.segments.quarantined === 0 ? true : undefined),
          () => `all segments are free: ${JSON.stringify(client.segments)}`,
        );
      }
    });
  });
}

/** Asks until there is a segment: more want one than there are. */
async function insist<T>(ask: () => Promise<T | undefined>): Promise<T> {
  return eventually(ask, () => 'a segment', 60_000);
}

function verify(source: BodySource, expected: Buffer, isSlow: boolean): Promise<void> {
  let at = 0;
  return new Promise((resolve, reject) => {
    source.start({
      data: (bytes) => {
        if (!expected.subarray(at, at + bytes.length).equals(bytes)) {
          reject(new Error(`other bytes at ${at} of ${expected.length}`));
        }
        at += bytes.length;
        if (!isSlow) return;
        source.pause();
        setImmediate(() => setImmediate(() => source.resume()));
      },
      end: () => {
        if (at === expected.length) resolve();
        else reject(new Error(`${at} of ${expected.length} bytes`));
      },
      fail: reject,
    });
  });
}
