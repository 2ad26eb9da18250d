/** What every implementation of SharedCache promises to those who use it. */
import { expect } from 'chai';
import type { Fill, SharedCache } from '../../src/shared-cache/shared-cache.js';
import { eventually } from '../helpers/eventually.js';
import { bytesOf, collect, randomBytes, readWhole, stored } from '../helpers/shared-cache.js';

/** What a suite is run with: caches of several workers over one store. Bodies above 1 MB are large in all of them. */
export interface CacheWorld {
  readonly first: SharedCache;
  readonly second: SharedCache;
}

const NOT_SEEN = { seen: 0, waitMs: 5000 };

export function sharedCacheContract(
  name: string,
  make: () => Promise<CacheWorld>,
  end: () => Promise<void>,
): void {
  describe(`${name}, as every shared cache`, () => {
    let first: SharedCache;
    let second: SharedCache;

    beforeEach(async () => {
      ({ first, second } = await make());
    });
    afterEach(end);

    async function fill(key: string, head: string, body: Uint8Array): Promise<boolean> {
      const claim = (await first.claim(bytesOf(key), NOT_SEEN)) as Fill;
      expect(claim).to.be.an('object');
      claim.write(body);
      return claim.commit(bytesOf(head));
    }

    it('finds nothing where nothing was put', async () => {
      expect(first.lookup(bytesOf('k'))).to.equal(undefined);
      expect(await first.open(bytesOf('k'))).to.equal(undefined);
    });

    for (const size of [0, 1, 63, 1024, 65_536, 300_000, 1_000_000]) {
      it(`gives back ${size} bytes as they were put in`, async () => {
        const body = randomBytes(size);
        expect(await fill('k', 'the head', body)).to.equal(true);
        for (const cache of [first, second]) {
          const found = cache.lookup(bytesOf('k'));
          expect(found?.head.toString()).to.equal('the head');
          expect(found?.body?.equals(body)).to.equal(true);
          expect(found?.bodyBytes).to.equal(size);
          const streamed = await cache.open(bytesOf('k'));
          expect(streamed?.head.toString()).to.equal('the head');
          expect((await collect(streamed!.body)).equals(body)).to.equal(true);
        }
      });
    }

    it('streams what is too large for a lookup', async () => {
      const body = randomBytes(5_000_001);
      expect(await fill('k', 'h', body)).to.equal(true);
      const found = second.lookup(bytesOf('k'));
      expect(found?.body).to.equal(undefined);
      expect(found?.bodyBytes).to.equal(body.length);
      const streamed = await second.open(bytesOf('k'));
      expect(streamed?.version).to.equal(found?.version);
      expect((await collect(streamed!.body)).equals(body)).to.equal(true);
    });

    it('has a file for what is too large for a lookup', async () => {
      const body = randomBytes(3_000_001);
      expect(await fill('k', 'h', body)).to.equal(true);
      const { place } = second.lookup(bytesOf('k'))!;
      expect(place?.length).to.equal(body.length);
      const [file, other] = [place?.open(), place?.open()];
      expect(readWhole(file!).equals(body)).to.equal(true);
      file?.close();
      file?.close();
      expect(readWhole(other!).equals(body)).to.equal(true);
      other?.close();
      await fill('small', 'h', bytesOf('body'));
      expect(second.lookup(bytesOf('small'))?.place).to.equal(undefined);
    });

    it('leaves a file that is open as it is when its object is replaced or removed', async () => {
      for (const end of ['replaced', 'removed']) {
        const body = randomBytes(2_000_000);
        await fill(end, 'h', body);
        const { place, version } = second.lookup(bytesOf(end))!;
        const file = place?.open();
        if (end === 'removed') await first.remove(bytesOf(end));
        else {
          const claim = (await first.claim(bytesOf(end), { seen: version, waitMs: 0 })) as Fill;
          claim.write(randomBytes(2_000_000));
          await claim.commit(bytesOf('h2'));
          expect(second.lookup(bytesOf(end))?.place?.name).not.to.equal(place?.name);
        }
        expect(readWhole(file!).equals(body), end).to.equal(true);
        expect(file?.unchanged(), end).to.equal(true);
        file?.close();
        expect(place?.open(), end).to.equal(undefined);
      }
    });

    it('streams a part', async () => {
      const body = randomBytes(3_000_000);
      await fill('k', 'h', body);
      for (const [offset, length] of [
        [0, 1],
        [1_234_567, 1_000_000],
        [2_999_999, 1],
        [2_000_000, 9_000_000],
      ] as const) {
        const streamed = await second.open(bytesOf('k'), { offset, length });
        expect(streamed?.bodyBytes).to.equal(body.length);
        const part = await collect(streamed!.body);
        expect(part.equals(body.subarray(offset, offset + length))).to.equal(true);
      }
    });

    it('waits for a taker that is slower', async () => {
      const body = randomBytes(3_000_000);
      await fill('k', 'h', body);
      const streamed = await second.open(bytesOf('k'));
      expect((await collect(streamed!.body, { pauseAfterEach: true })).equals(body)).to.equal(true);
    });

    it('shows nothing before it is whole', async () => {
      const claim = (await first.claim(bytesOf('k'), NOT_SEEN)) as Fill;
      claim.write(randomBytes(700_000));
      await claim.drained();
      expect(second.lookup(bytesOf('k'))).to.equal(undefined);
      expect(await second.open(bytesOf('k'))).to.equal(undefined);
      await claim.commit(bytesOf('h'));
      expect(second.lookup(bytesOf('k'))?.bodyBytes).to.equal(700_000);
    });

    it('lets one fill, and tells the others to look again', async () => {
      const claim = (await first.claim(bytesOf('k'), NOT_SEEN)) as Fill;
      const others = [first, second, second].map((cache) => cache.claim(bytesOf('k'), NOT_SEEN));
      claim.write(bytesOf('body'));
      await claim.commit(bytesOf('h'));
      expect(await Promise.all(others)).to.deep.equal(['done', 'done', 'done']);
      expect(second.lookup(bytesOf('k'))?.body?.toString()).to.equal('body');
    });

    it('lets the next one fill when one has failed', async () => {
      const claim = (await first.claim(bytesOf('k'), NOT_SEEN)) as Fill;
      const other = second.claim(bytesOf('k'), NOT_SEEN);
      claim.abandon('failed');
      const next = (await other) as Fill;
      next.write(bytesOf('body'));
      expect(await next.commit(bytesOf('h'))).to.equal(true);
    });

    it('lets all fetch for themselves when there is nothing to share', async () => {
      const claim = (await first.claim(bytesOf('k'), NOT_SEEN)) as Fill;
      const others = [1, 2, 3].map(() => second.claim(bytesOf('k'), NOT_SEEN));
      await expectUnsettled(others);
      claim.abandon('unshared');
      expect(await Promise.all(others)).to.deep.equal(['none', 'none', 'none']);
    });

    it('does not let wait who does not want to', async () => {
      const claim = (await first.claim(bytesOf('k'), NOT_SEEN)) as Fill;
      expect(await second.claim(bytesOf('k'), { seen: 0, waitMs: 0 })).to.equal('none');
      const controller = new AbortController();
      const waiting = second.claim(bytesOf('k'), { ...NOT_SEEN, signal: controller.signal });
      controller.abort();
      expect(await waiting).to.equal('none');
      claim.abandon('failed');
    });

    it('sends who has seen too little to look again', async () => {
      await fill('k', 'h', bytesOf('body'));
      expect(await second.claim(bytesOf('k'), NOT_SEEN)).to.equal('done');
      const { version } = second.lookup(bytesOf('k'))!;
      const claim = (await second.claim(bytesOf('k'), { seen: version, waitMs: 0 })) as Fill;
      claim.write(bytesOf('another'));
      await claim.commit(bytesOf('h2'));
      expect(stored(first, 'k')).to.deep.equal(['h2', 'another']);
      expect(first.lookup(bytesOf('k'))?.version).not.to.equal(version);
    });

    for (const size of [10, 4_000_000]) {
      it(`gives an object of ${size} bytes another head`, async () => {
        const body = randomBytes(size);
        await fill('k', 'the head', body);
        const { version } = first.lookup(bytesOf('k'))!;
        const claim = (await first.claim(bytesOf('k'), { seen: version, waitMs: 0 })) as Fill;
        expect(await claim.freshen(bytesOf('another head'))).to.equal(true);
        expect(second.lookup(bytesOf('k'))?.head.toString()).to.equal('another head');
        expect(second.lookup(bytesOf('k'))?.version).not.to.equal(version);
        const { place } = second.lookup(bytesOf('k'))!;
        const longer = (await first.claim(bytesOf('k'), {
          seen: second.lookup(bytesOf('k'))!.version,
          waitMs: 0,
        })) as Fill;
        expect(await longer.freshen(Buffer.alloc(1000, 'l')), 'a head that needs more room').to.equal(true);
        expect(second.lookup(bytesOf('k'))?.head.length).to.equal(1000);
        expect(second.lookup(bytesOf('k'))?.place?.name).to.equal(place?.name);
        const streamed = await second.open(bytesOf('k'));
        expect((await collect(streamed!.body)).equals(body)).to.equal(true);
      });
    }

    it('forgets one object, and what is on its way to take its place', async () => {
      await fill('k', 'h', bytesOf('body'));
      const { version } = first.lookup(bytesOf('k'))!;
      const claim = (await first.claim(bytesOf('k'), { seen: version, waitMs: 0 })) as Fill;
      claim.write(bytesOf('old'));
      expect(await second.remove(bytesOf('k'))).to.equal(true);
      expect(first.lookup(bytesOf('k'))).to.equal(undefined);
      expect(await claim.commit(bytesOf('h'))).to.equal(false);
      expect(first.lookup(bytesOf('k'))).to.equal(undefined);
      expect(await fill('k', 'h', bytesOf('new'))).to.equal(true);
    });

    it('forgets all objects whose keys begin so', async () => {
      for (const key of ['a/1', 'a/2', 'b/1']) await fill(key, 'h', bytesOf(key));
      const pending = (await first.claim(bytesOf('a/3'), NOT_SEEN)) as Fill;
      expect(await second.removePrefix(bytesOf('a/'))).to.equal(true);
      expect(await pending.commit(bytesOf('h'))).to.equal(false);
      expect(
        ['a/1', 'a/2', 'a/3', 'b/1'].map((key) => first.lookup(bytesOf(key)) !== undefined),
      ).to.deep.equal([false, false, false, true]);
    });

    it('tells whoever keeps copies what was removed', async () => {
      const told: string[] = [];
      second.onRemoved((key, isPrefix) => told.push(`${key.toString()}${isPrefix ? '*' : ''}`));
      await first.remove(bytesOf('k'));
      await first.removePrefix(bytesOf('a/'));
      await eventually(
        () => (told.length === 2 ? true : undefined),
        () => told.join(),
      );
      expect(told).to.deep.equal(['k', 'a/*']);
    });

    it('does not keep what is larger than itself, and goes on', async () => {
      const claim = (await first.claim(bytesOf('k'), NOT_SEEN)) as Fill;
      const piece = randomBytes(1_000_000);
      for (let i = 0; i < 40; i++) if (!claim.write(piece)) await claim.drained();
      expect(await claim.commit(bytesOf('h'))).to.equal(false);
      expect(await fill('k', 'h', bytesOf('small'))).to.equal(true);
    });

    it('gives up what was used least recently when it is full', async () => {
      const body = randomBytes(400_000);
      for (let i = 0; i < 100; i++) {
        await fill(`k${i}`, 'h', body);
        expect(first.lookup(bytesOf('k0')), `k0 after ${i} more`).not.to.equal(undefined);
      }
      expect(first.lookup(bytesOf('k1'))).to.equal(undefined);
      expect(first.lookup(bytesOf('k99'))).not.to.equal(undefined);
      const { store } = first.stats();
      expect(store?.evictions).to.be.greaterThan(0);
      expect(store?.bytes).to.be.at.most(store!.maxBytes);
    });

    it('gives up the large object that was looked up least recently when it is full', async () => {
      const body = randomBytes(3_000_000);
      for (let i = 0; i < 20; i++) {
        await fill(`k${i}`, 'h', body);
        expect(first.lookup(bytesOf('k0')), `k0 after ${i} more`).not.to.equal(undefined);
      }
      expect(first.lookup(bytesOf('k1'))).to.equal(undefined);
      const file = first.lookup(bytesOf('k0'))?.place?.open();
      expect(readWhole(file!).length).to.equal(body.length);
      file?.close();
    });

    it('counts', async () => {
      await fill('k', 'h', bytesOf('body'));
      first.lookup(bytesOf('k'));
      first.lookup(bytesOf('nothing'));
      const { state, hits, misses, fills, store } = first.stats();
      expect({ state, hits, misses, fills }).to.deep.equal({ state: 'up', hits: 1, misses: 1, fills: 1 });
      expect(store?.entries).to.equal(1);
    });

    it('has nothing when it is closed, and throws nothing', async () => {
      await fill('k', 'h', bytesOf('body'));
      first.close();
      expect(first.lookup(bytesOf('k'))).to.equal(undefined);
      expect(await first.open(bytesOf('k'))).to.equal(undefined);
      expect(await first.claim(bytesOf('k'), NOT_SEEN)).to.equal('none');
      expect(await first.remove(bytesOf('k'))).to.equal(false);
      expect(first.stats().state).to.equal('closed');
    });
  });
}

/** Fails when one of them is settled after all that is ready to run has run. */
async function expectUnsettled(promises: readonly Promise<unknown>[]): Promise<void> {
  const pending = Symbol('pending');
  const now = new Promise((resolve) => setImmediate(resolve, pending));
  expect(await Promise.race([now, ...promises])).to.equal(pending);
}
