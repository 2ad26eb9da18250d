import { expect } from 'chai';
import { djb2 } from '../../../src/cache/djb2.js';
import { type FileResource, type Resource, ResourceMaker } from '../../../src/files/resource.js';
import { ResponseRules } from '../../../src/files/response-rules.js';
import { LookupFailure, ResourceStore, type Stored, type StoreOptions } from '../../../src/files/store.js';
import { Clock } from '../../../src/http/clock.js';
import { COLLIDING_PAIR } from '../../helpers/collisions.js';
import { FakeTasks, foundFile } from '../../helpers/fake-tasks.js';
import { headOf } from '../../helpers/heads.js';
import { Later } from '../../helpers/later.js';

const REVALIDATE_MS = 1000;
const START_MS = 1_000_000_000_000;

describe('files/store', () => {
  let tasks: FakeTasks;
  let clock: Clock;
  let evictions: number;
  let reports: string[];
  let store: ResourceStore;

  beforeEach(() => {
    tasks = new FakeTasks();
    clock = new Clock(START_MS, 0);
    evictions = 0;
    reports = [];
    store = makeStore();
  });

  function makeStore(overrides: Partial<StoreOptions> = {}): ResourceStore {
    const maker = new ResourceMaker(new ResponseRules({ cacheControl: [], headers: [], cors: [] }), true);
    return new ResourceStore({
      tasks,
      maker,
      clock,
      maxBytes: 1024 * 1024,
      revalidateMs: REVALIDATE_MS,
      onEvict: () => evictions++,
      report: (problem) => reports.push(problem),
      ...overrides,
    });
  }

  function pass(ms: number): void {
    clock.update(clock.nowMs + ms, clock.steadyMs + ms);
  }

  function get(path: string): Promise<Stored> {
    const key = Buffer.from(path, 'latin1');
    return store.get({ key, hash: djb2(key) });
  }

  async function state(path: string): Promise<string> {
    return (await get(path)).state;
  }

  async function file(path: string): Promise<FileResource> {
    const { resource } = await get(path);
    if (resource.kind !== 'file') throw new Error(`${path} is ${resource.kind}`);
    return resource;
  }

  function fresh(path: string): Resource | undefined {
    return store.fresh(headOf('GET', path));
  }

  describe('what it says of the cache', () => {
    beforeEach(() => {
      tasks.found.set('/a', foundFile('/a', 'text'));
    });

    it('MISS, then HIT while it may be believed', async () => {
      expect([await state('/a'), await state('/a')]).to.deep.equal(['MISS', 'HIT']);
      pass(REVALIDATE_MS - 1);
      expect(await state('/a')).to.equal('HIT');
      expect(tasks.lookups).to.deep.equal([{ rawPath: '/a' }]);
    });

    it('REVALIDATED when the disk says that nothing has changed, and then believed anew', async () => {
      await get('/a');
      pass(REVALIDATE_MS);
      expect(await state('/a')).to.equal('REVALIDATED');
      expect(tasks.lookups.at(-1)).to.deep.equal({ rawPath: '/a', known: '/a 1' });
      pass(REVALIDATE_MS - 1);
      expect(await state('/a')).to.equal('HIT');
    });

    it('EXPIRED when it has changed, with the new content', async () => {
      await get('/a');
      tasks.found.set('/a', foundFile('/a', 'new text', 2));
      pass(REVALIDATE_MS);
      expect(await state('/a')).to.equal('EXPIRED');
      expect((await file('/a')).variants[0]!.body!.toString()).to.equal('new text');
    });

    it('EXPIRED when it is gone, and when it is there again', async () => {
      await get('/a');
      tasks.found.delete('/a');
      pass(REVALIDATE_MS);
      const gone = await get('/a');
      expect([gone.state, gone.resource.kind]).to.deep.equal(['EXPIRED', 'missing']);
      tasks.found.set('/a', foundFile('/a', 'text'));
      pass(REVALIDATE_MS);
      const back = await get('/a');
      expect([back.state, back.resource.kind]).to.deep.equal(['EXPIRED', 'file']);
      expect(store.count).to.equal(1);
    });

    it('asks again when the clock was set back', async () => {
      await get('/a');
      pass(-5000);
      expect(await state('/a')).to.equal('REVALIDATED');
    });

    it('asks each time when nothing is to be believed', async () => {
      store = makeStore({ revalidateMs: 0 });
      expect([await state('/a'), await state('/a'), await state('/a')]).to.deep.equal([
        'MISS',
        'REVALIDATED',
        'REVALIDATED',
      ]);
    });

    it('counts the age from the question, not from the answer', async () => {
      const answer = tasks.later('/a');
      const asked = get('/a');
      pass(REVALIDATE_MS);
      answer.resolve(foundFile('/a', 'text'));
      await asked;
      expect(fresh('/a')).to.equal(undefined);
    });
  });

  describe('several requests at once', () => {
    it('for one missing file read it once', async () => {
      const answer = tasks.later('/a');
      const asked = Array.from({ length: 50 }, () => get('/a'));
      answer.resolve(foundFile('/a', 'text'));
      const resources = new Set((await Promise.all(asked)).map(({ resource }) => resource));
      expect([tasks.lookups.length, resources.size]).to.deep.equal([1, 1]);
    });

    it('for an expired file ask once', async () => {
      tasks.found.set('/a', foundFile('/a', 'text'));
      await get('/a');
      pass(REVALIDATE_MS);
      const states = await Promise.all(Array.from({ length: 10 }, () => state('/a')));
      expect([new Set(states), tasks.lookups.length]).to.deep.equal([new Set(['REVALIDATED']), 2]);
    });

    it('for different files do not wait for each other', async () => {
      tasks.later('/slow');
      tasks.found.set('/a', foundFile('/a', 'text'));
      const slow = get('/slow');
      expect(await state('/a')).to.equal('MISS');
      expect(slow).to.be.a('promise');
    });

    it('all learn of a failure, which is not kept', async () => {
      const answer = tasks.later('/a');
      const asked = Promise.allSettled(Array.from({ length: 3 }, () => get('/a')));
      answer.resolve({ kind: 'failed', reason: 'EIO' });
      for (const result of await asked) {
        expect(result.status).to.equal('rejected');
        if (result.status === 'rejected') expect(result.reason).to.be.instanceOf(LookupFailure);
      }
      tasks.found.set('/a', foundFile('/a', 'text'));
      expect(await state('/a')).to.equal('MISS');
    });
  });

  describe('trouble', () => {
    it('says whether it is worth trying again', async () => {
      for (const kind of ['busy', 'failed'] as const) {
        tasks.found.set('/a', { kind, reason: 'because' });
        const failure = await get('/a').then(
          () => undefined,
          (error: LookupFailure) => error,
        );
        expect([failure?.kind, failure?.message]).to.deep.equal([kind, 'because']);
      }
    });

    it('does not make what is known unknown', async () => {
      tasks.found.set('/a', foundFile('/a', 'text'));
      await get('/a');
      pass(REVALIDATE_MS);
      tasks.found.set('/a', { kind: 'busy' });
      await get('/a').catch(() => undefined);
      tasks.found.set('/a', foundFile('/a', 'text'));
      expect(await state('/a')).to.equal('REVALIDATED');
    });

    it('is reported when something is there and may not be read', async () => {
      tasks.found.set('/a', { kind: 'missing', reason: 'EACCES /a' });
      await get('/a');
      expect(reports).to.deep.equal(['EACCES /a']);
    });
  });

  describe('its memory', () => {
    it('is bounded, and evictions are counted', async () => {
      for (let i = 0; i < 100; i++) {
        tasks.found.set(`/${i}`, foundFile(`/${i}`, 'x'.repeat(10_000)));
        await get(`/${i}`);
      }
      expect(store.sizeBytes).to.be.at.most(1024 * 1024);
      expect(evictions)
        .to.equal(100 - store.count)
        .and.to.be.greaterThan(0);
      expect([await state('/99'), await state('/0')]).to.deep.equal(['HIT', 'MISS']);
    });

    it('of what is missing evicts no file', async () => {
      tasks.found.set('/a', foundFile('/a', 'x'.repeat(100_000)));
      await get('/a');
      for (let i = 0; i < 1000; i++) await get(`/missing-${i}`);
      expect(await state('/a')).to.equal('HIT');
      expect(evictions).to.equal(0);
      expect(store.sizeBytes).to.be.at.most(1024 * 1024);
      expect(await state('/missing-999')).to.equal('HIT');
    });

    it('may be none: everything is served, nothing is kept', async () => {
      store = makeStore({ maxBytes: 0 });
      tasks.found.set('/a', foundFile('/a', 'text'));
      expect([await state('/a'), await state('/a'), store.sizeBytes]).to.deep.equal(['MISS', 'MISS', 0]);
    });

    it('keeps two paths apart whose hashes are the same', async () => {
      for (const path of COLLIDING_PAIR) tasks.found.set(path, foundFile(path, `this is ${path}`));
      for (const path of COLLIDING_PAIR) await get(path);
      for (const path of COLLIDING_PAIR) {
        const stored = fresh(path);
        expect(stored?.kind === 'file' && stored.urlPath).to.equal(path);
      }
    });

    it('forgets on demand', async () => {
      tasks.found.set('/a', foundFile('/a', 'text'));
      store.forget((await get('/a')).resource);
      store.forget((await get('/none')).resource);
      expect([fresh('/a'), fresh('/none'), await state('/a')]).to.deep.equal([undefined, undefined, 'MISS']);
    });
  });

  describe('compressed forms', () => {
    const TEXT = 'x'.repeat(5000);

    beforeEach(() => {
      tasks.found.set('/a.txt', foundFile('/a.txt', TEXT));
    });

    it('are made once, kept, and found by the next request', async () => {
      const resource = await file('/a.txt');
      const made = await Promise.all(Array.from({ length: 5 }, () => store.withCoding(resource, 'br')));
      expect(new Set(made).size).to.equal(1);
      expect(tasks.compressions).to.deep.equal(['br']);
      expect((await file('/a.txt')).variants.map(({ coding }) => coding)).to.deep.equal(['identity', 'br']);
    });

    it('cost what they are', async () => {
      const resource = await file('/a.txt');
      const before = store.sizeBytes;
      await store.withCoding(resource, 'br');
      expect(store.sizeBytes).to.be.greaterThan(before + 2000);
    });

    it('of two kinds made at once are both kept', async () => {
      const resource = await file('/a.txt');
      await Promise.all([store.withCoding(resource, 'br'), store.withCoding(resource, 'gzip')]);
      expect((await file('/a.txt')).variants.map(({ coding }) => coding)).to.have.members([
        'identity',
        'br',
        'gzip',
      ]);
    });

    it('survive a look at the disk that found nothing new', async () => {
      await store.withCoding(await file('/a.txt'), 'br');
      pass(REVALIDATE_MS);
      const { resource, state: how } = await get('/a.txt');
      expect([how, resource.kind === 'file' && resource.variants.length]).to.deep.equal(['REVALIDATED', 2]);
    });

    it('made while the disk was being asked are neither lost nor made again', async () => {
      const resource = await file('/a.txt');
      const gate = new Later<void>();
      tasks.gate = gate.promise;
      const made = store.withCoding(resource, 'br');
      pass(REVALIDATE_MS);
      const answer = new Later<void>();
      tasks.found.set('/a.txt', async () => {
        await answer.promise;
        return foundFile('/a.txt', TEXT);
      });
      const asked = file('/a.txt');
      gate.resolve();
      await made;
      answer.resolve();
      const revalidated = await asked;
      expect(revalidated.variants.map(({ coding }) => coding)).to.deep.equal(['identity', 'br']);
      expect(fresh('/a.txt'), 'believed anew').to.equal(revalidated);
    });

    it('are never there twice', async () => {
      const resource = await file('/a.txt');
      await store.withCoding(resource, 'br');
      const again = await store.withCoding(resource, 'br');
      expect(again.variants.map(({ coding }) => coding)).to.deep.equal(['identity', 'br']);
    });

    it('of a file that has changed meanwhile do not come back', async () => {
      const resource = await file('/a.txt');
      const gate = new Later<void>();
      tasks.gate = gate.promise;
      const made = store.withCoding(resource, 'br');
      tasks.found.set('/a.txt', foundFile('/a.txt', 'changed', 2));
      pass(REVALIDATE_MS);
      await get('/a.txt');
      gate.resolve();
      expect((await made).variants, 'for the request that asked').to.have.lengthOf(2);
      const kept = fresh('/a.txt');
      expect(kept?.kind === 'file' && kept.variants[0]!.body!.toString()).to.equal('changed');
    });

    it('that save nothing are remembered as such', async () => {
      tasks.ratio = 1;
      await store.withCoding(await file('/a.txt'), 'br');
      const kept = await file('/a.txt');
      expect([kept.variants.length, [...kept.useless]]).to.deep.equal([1, ['br']]);
    });

    it('that cannot be made now may be made later', async () => {
      const resource = await file('/a.txt');
      tasks.gate = Promise.reject(new Error('full'));
      const failed = await store.withCoding(resource, 'br').catch((error: Error) => error.message);
      expect(failed).to.equal('full');
      tasks.gate = Promise.resolve();
      expect((await store.withCoding(resource, 'br')).variants).to.have.lengthOf(2);
    });
  });
});
