import { expect } from 'chai';
import { forbidding, LockStore, type NewLock } from '../../../src/dav/locks.js';
import type { Change } from '../../../src/files/writing/companion.js';
import { TestDirectory } from '../../helpers/directory.js';

const PLAIN = { scope: 'exclusive', depth: '0', owner: '', principal: '', timeoutSeconds: 60 } as const;

function changeOf(path: string, traits: Partial<Change> = {}): Change {
  return { path: path.split('/').filter(Boolean), isMembership: false, isDeep: false, ...traits };
}

describe('locks of WebDAV', () => {
  let directory: TestDirectory;
  let now: number;
  let locks: LockStore;

  beforeEach(() => {
    now = 1_000_000;
    directory = new TestDirectory({ '.handover/': '' });
    locks = new LockStore(directory.at('.handover'), () => now);
  });
  afterEach(() => directory.remove());

  const add = (path: string, traits: Partial<NewLock> = {}) =>
    locks.add({ ...PLAIN, path: path.split('/').filter(Boolean), ...traits });
  const tokens = async (found: Promise<readonly { token: string }[]>) =>
    (await found).map(({ token }) => token);
  const forbids = (changes: Change[], submitted: string[] = [], principal = '') =>
    tokens(forbidding(locks, changes, new Set(submitted), principal));

  it('covers what it lies on, and all below when it is deep', async () => {
    const deep = await add('/a', { depth: 'infinity' });
    const flat = await add('/b');
    expect(await tokens(locks.covering(['a']))).to.deep.equal([deep.token]);
    expect(await tokens(locks.covering(['a', 'x', 'y']))).to.deep.equal([deep.token]);
    expect(await tokens(locks.covering(['b']))).to.deep.equal([flat.token]);
    expect(await locks.covering(['b', 'x'])).to.deep.equal([]);
    expect(await locks.covering([])).to.deep.equal([]);
  });

  it('outlives whoever made it', async () => {
    const { token } = await add('/a', { owner: '<x xmlns="">me</x>' });
    const again = new LockStore(directory.at('.handover'), () => now);
    const [found] = await again.covering(['a']);
    expect(found).to.include({ token, owner: '<x xmlns="">me</x>', scope: 'exclusive' });
  });

  it('ends with its time, unless it is refreshed', async () => {
    const lock = await add('/a', { timeoutSeconds: 10 });
    now += 9_500;
    expect(locks.remainingSeconds(lock)).to.equal(1);
    const refreshed = await locks.refresh(lock, 20);
    now += 19_999;
    expect(await tokens(locks.covering(['a']))).to.deep.equal([lock.token]);
    expect(locks.remainingSeconds(refreshed)).to.equal(1);
    now += 1;
    expect(await locks.covering(['a'])).to.deep.equal([]);
    expect(await locks.below([])).to.deep.equal([]);
  });

  it('conflicts: one exclusive, or many shared', async () => {
    const shared = await add('/a/b', { scope: 'shared' });
    const at = (path: string, traits: Partial<NewLock>) =>
      tokens(locks.conflicting({ ...PLAIN, path: path.split('/').filter(Boolean), ...traits }));
    expect(await at('/a/b', { scope: 'shared' })).to.deep.equal([]);
    expect(await at('/a/b', {})).to.deep.equal([shared.token]);
    expect(await at('/a', {})).to.deep.equal([]);
    expect(await at('/a', { depth: 'infinity' })).to.deep.equal([shared.token]);
    expect(await at('/a', { depth: 'infinity', scope: 'shared' })).to.deep.equal([]);
  });

  it('is removed alone, or with its tree', async () => {
    const one = await add('/a/b', { scope: 'shared' });
    const two = await add('/a/b', { scope: 'shared' });
    await locks.remove(one);
    expect(await tokens(locks.covering(['a', 'b']))).to.deep.equal([two.token]);
    await locks.removeTree(['a']);
    expect(await locks.covering(['a', 'b'])).to.deep.equal([]);
  });

  describe('what they forbid', () => {
    it('a change without the token, or with that of another resource', async () => {
      const a = await add('/a');
      const b = await add('/b');
      expect(await forbids([changeOf('/a')])).to.deep.equal([a.token]);
      expect(await forbids([changeOf('/a')], [b.token])).to.deep.equal([a.token]);
      expect(await forbids([changeOf('/a')], [a.token])).to.deep.equal([]);
      expect(await forbids([changeOf('/c')])).to.deep.equal([]);
    });

    it('one of the shared tokens is enough', async () => {
      const one = await add('/a', { scope: 'shared' });
      const two = await add('/a', { scope: 'shared' });
      expect(await forbids([changeOf('/a')], [two.token])).to.deep.equal([]);
      expect(await forbids([changeOf('/a')])).to.deep.equal([one.token, two.token]);
    });

    it('that members come and go in a locked directory, not that they change', async () => {
      const lock = await add('/a');
      expect(await forbids([changeOf('/a/x', { isMembership: true })])).to.deep.equal([lock.token]);
      expect(await forbids([changeOf('/a/x')])).to.deep.equal([]);
    });

    it('that a tree goes in which something is locked', async () => {
      const one = await add('/a/b/c');
      const two = await add('/a/d');
      const change = changeOf('/a', { isMembership: true, isDeep: true });
      expect((await forbids([change])).sort()).to.deep.equal([one.token, two.token].sort());
      expect(await forbids([change], [one.token])).to.deep.equal([two.token]);
      expect(await forbids([change], [one.token, two.token])).to.deep.equal([]);
    });

    it('that somebody else uses a token', async () => {
      const lock = await add('/a', { principal: 'ada' });
      expect(await forbids([changeOf('/a')], [lock.token], 'bob')).to.deep.equal([lock.token]);
      expect(await forbids([changeOf('/a')], [lock.token], 'ada')).to.deep.equal([]);
    });
  });
});
