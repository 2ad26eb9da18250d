import { expect } from 'chai';
import { LookupFailure } from '../../../src/files/store.js';
import { COLLIDING_PAIR } from '../../helpers/collisions.js';
import { foundFile } from '../../helpers/fake-tasks.js';
import { REVALIDATE_MS, StoreBench } from '../../helpers/store-bench.js';

describe('files/store', () => {
  let bench: StoreBench;

  beforeEach(() => {
    bench = new StoreBench();
  });

  describe('what it says of the cache', () => {
    beforeEach(() => {
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
    });

    it('MISS, then HIT while it may be believed', async () => {
      expect([await bench.state('/a'), await bench.state('/a')]).to.deep.equal(['MISS', 'HIT']);
      bench.pass(REVALIDATE_MS - 1);
      expect(await bench.state('/a')).to.equal('HIT');
      expect(bench.tasks.lookups).to.deep.equal([{ rawPath: '/a' }]);
    });

    it('REVALIDATED when the disk says that nothing has changed, and then believed anew', async () => {
      await bench.get('/a');
      bench.pass(REVALIDATE_MS);
      expect(await bench.state('/a')).to.equal('REVALIDATED');
      expect(bench.tasks.lookups.at(-1)).to.deep.equal({ rawPath: '/a', known: '/a 1' });
      bench.pass(REVALIDATE_MS - 1);
      expect(await bench.state('/a')).to.equal('HIT');
    });

    it('EXPIRED when it has changed, with the new content', async () => {
      await bench.get('/a');
      bench.tasks.found.set('/a', foundFile('/a', 'new text', 2));
      bench.pass(REVALIDATE_MS);
      expect(await bench.state('/a')).to.equal('EXPIRED');
      expect((await bench.file('/a')).variants[0]!.body!.toString()).to.equal('new text');
    });

    it('REVALIDATED when it is still absent, or still elsewhere', async () => {
      bench.tasks.found.set('/docs', { kind: 'redirect', location: '/docs/' });
      for (const path of ['/none', '/docs']) {
        await bench.get(path);
        bench.pass(REVALIDATE_MS);
        expect(await bench.state(path), path).to.equal('REVALIDATED');
        expect(await bench.state(path), path).to.equal('HIT');
      }
      bench.pass(REVALIDATE_MS);
      bench.tasks.found.set('/docs', { kind: 'redirect', location: '/docs' });
      expect(await bench.state('/docs')).to.equal('EXPIRED');
    });

    it('EXPIRED when it is gone, and when it is there again', async () => {
      await bench.get('/a');
      bench.tasks.found.delete('/a');
      bench.pass(REVALIDATE_MS);
      const gone = await bench.get('/a');
      expect([gone.state, gone.resource.kind]).to.deep.equal(['EXPIRED', 'missing']);
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      bench.pass(REVALIDATE_MS);
      const back = await bench.get('/a');
      expect([back.state, back.resource.kind]).to.deep.equal(['EXPIRED', 'file']);
      expect(bench.store.count).to.equal(1);
    });

    it('asks again when the clock was set back', async () => {
      await bench.get('/a');
      bench.pass(-5000);
      expect(await bench.state('/a')).to.equal('REVALIDATED');
    });

    it('asks each time when nothing is to be believed', async () => {
      bench = new StoreBench({ revalidateMs: 0 });
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      expect([await bench.state('/a'), await bench.state('/a'), await bench.state('/a')]).to.deep.equal([
        'MISS',
        'REVALIDATED',
        'REVALIDATED',
      ]);
    });

    it('counts the age from the question, not from the answer', async () => {
      const answer = bench.tasks.later('/a');
      const asked = bench.get('/a');
      bench.pass(REVALIDATE_MS);
      answer.resolve(foundFile('/a', 'text'));
      await asked;
      expect(bench.fresh('/a')).to.equal(undefined);
    });
  });

  describe('several requests at once', () => {
    it('for one missing file read it once', async () => {
      const answer = bench.tasks.later('/a');
      const asked = Array.from({ length: 50 }, () => bench.get('/a'));
      answer.resolve(foundFile('/a', 'text'));
      const resources = new Set((await Promise.all(asked)).map(({ resource }) => resource));
      expect([bench.tasks.lookups.length, resources.size]).to.deep.equal([1, 1]);
    });

    it('for an expired file ask once', async () => {
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      await bench.get('/a');
      bench.pass(REVALIDATE_MS);
      const states = await Promise.all(Array.from({ length: 10 }, () => bench.state('/a')));
      expect([new Set(states), bench.tasks.lookups.length]).to.deep.equal([new Set(['REVALIDATED']), 2]);
    });

    it('for different files do not wait for each other', async () => {
      bench.tasks.later('/slow');
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      const slow = bench.get('/slow');
      expect(await bench.state('/a')).to.equal('MISS');
      expect(slow).to.be.a('promise');
    });

    it('all learn of a failure, which is not kept', async () => {
      const answer = bench.tasks.later('/a');
      const asked = Promise.allSettled(Array.from({ length: 3 }, () => bench.get('/a')));
      answer.resolve({ kind: 'failed', reason: 'EIO' });
      for (const result of await asked) {
        expect(result.status).to.equal('rejected');
        if (result.status === 'rejected') expect(result.reason).to.be.instanceOf(LookupFailure);
      }
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      expect(await bench.state('/a')).to.equal('MISS');
    });
  });

  describe('trouble', () => {
    it('says whether it is worth trying again', async () => {
      for (const kind of ['busy', 'failed'] as const) {
        bench.tasks.found.set('/a', { kind, reason: 'because' });
        const failure = await bench.get('/a').then(
          () => undefined,
          (error: LookupFailure) => error,
        );
        expect([failure?.kind, failure?.message]).to.deep.equal([kind, 'because']);
      }
    });

    it('does not make what is known unknown', async () => {
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      await bench.get('/a');
      bench.pass(REVALIDATE_MS);
      bench.tasks.found.set('/a', { kind: 'busy' });
      await bench.get('/a').catch(() => undefined);
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      expect(await bench.state('/a')).to.equal('REVALIDATED');
    });

    it('is reported when something is there and may not be read', async () => {
      bench.tasks.found.set('/a', { kind: 'missing', reason: 'EACCES /a' });
      await bench.get('/a');
      expect(bench.reports).to.deep.equal(['EACCES /a']);
    });
  });

  describe('its memory', () => {
    it('is bounded, and evictions are counted', async () => {
      for (let i = 0; i < 100; i++) {
        bench.tasks.found.set(`/${i}`, foundFile(`/${i}`, 'x'.repeat(10_000)));
        await bench.get(`/${i}`);
      }
      expect(bench.store.sizeBytes).to.be.at.most(1024 * 1024);
      expect(bench.evictions)
        .to.equal(100 - bench.store.count)
        .and.to.be.greaterThan(0);
      expect([await bench.state('/99'), await bench.state('/0')]).to.deep.equal(['HIT', 'MISS']);
    });

    it('of what is missing evicts no file', async () => {
      bench.tasks.found.set('/a', foundFile('/a', 'x'.repeat(100_000)));
      await bench.get('/a');
      for (let i = 0; i < 1000; i++) await bench.get(`/missing-${i}`);
      expect(await bench.state('/a')).to.equal('HIT');
      expect(bench.evictions).to.equal(0);
      expect(bench.store.sizeBytes).to.be.at.most(1024 * 1024);
      expect(await bench.state('/missing-999')).to.equal('HIT');
    });

    it('may be none: everything is served, nothing is kept', async () => {
      bench = new StoreBench({ maxBytes: 0 });
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      expect([await bench.state('/a'), await bench.state('/a'), bench.store.sizeBytes]).to.deep.equal([
        'MISS',
        'MISS',
        0,
      ]);
    });

    it('keeps two paths apart whose hashes are the same', async () => {
      for (const path of COLLIDING_PAIR) bench.tasks.found.set(path, foundFile(path, `this is ${path}`));
      for (const path of COLLIDING_PAIR) await bench.get(path);
      for (const path of COLLIDING_PAIR) {
        const stored = bench.fresh(path);
        expect(stored?.kind === 'file' && stored.urlPath).to.equal(path);
      }
    });

    it('forgets on demand', async () => {
      bench.tasks.found.set('/a', foundFile('/a', 'text'));
      bench.store.forget((await bench.get('/a')).resource);
      bench.store.forget((await bench.get('/none')).resource);
      expect([bench.fresh('/a'), bench.fresh('/none'), await bench.state('/a')]).to.deep.equal([
        undefined,
        undefined,
        'MISS',
      ]);
    });
  });
});
