import { expect } from 'chai';
import fc from 'fast-check';
import { djb2 } from '../../../src/cache/djb2.js';
import { type CacheEntry, FileCache } from '../../../src/cache/file-cache.js';
import { COLLIDING_PAIR, COLLIDING_THREE } from '../../helpers/collisions.js';

interface Entry extends CacheEntry<Entry> {
  readonly label: string;
}

function entry(path: string, sizeBytes = 10, label = path): Entry {
  const key = Buffer.from(path);
  return { key, hash: djb2(key), sizeBytes, next: undefined, label };
}

function find(cache: FileCache<Entry>, path: string): string | undefined {
  const request = Buffer.from(`GET ${path} HTTP/1.1`);
  const start = 'GET '.length;
  const end = start + path.length;
  return cache.find(request, start, end, djb2(request, start, end))?.label;
}

describe('cache/file-cache', () => {
  let cache: FileCache<Entry>;
  let evictions: number;

  beforeEach(() => {
    evictions = 0;
    cache = new FileCache<Entry>({ maxBytes: 100, onEvict: () => evictions++ });
  });

  it('finds an entry by a path within a request, and only by the whole of it', () => {
    cache.put(entry('/a/b'));
    expect(find(cache, '/a/b')).to.equal('/a/b');
    expect([find(cache, '/a/'), find(cache, '/a/bc'), find(cache, '/A/b')]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('replaces an entry of the same path, and counts its new size only', () => {
    cache.put(entry('/a', 30, 'old'));
    cache.put(entry('/a', 20, 'new'));
    expect(find(cache, '/a')).to.equal('new');
    expect([cache.sizeBytes, cache.count, evictions]).to.deep.equal([20, 1, 0]);
  });

  it('evicts what was used least recently, and counts it', () => {
    for (const path of ['/1', '/2', '/3']) cache.put(entry(path, 30));
    find(cache, '/1');
    cache.put(entry('/4', 30));
    expect(['/1', '/2', '/3', '/4'].map((path) => find(cache, path))).to.deep.equal([
      '/1',
      undefined,
      '/3',
      '/4',
    ]);
    expect([cache.sizeBytes, evictions]).to.deep.equal([90, 1]);
  });

  it('evicts as many as a large entry needs', () => {
    for (const path of ['/1', '/2', '/3', '/4']) cache.put(entry(path, 25));
    cache.put(entry('/5', 60));
    expect([cache.sizeBytes, cache.count, evictions]).to.deep.equal([85, 2, 3]);
  });

  it('keeps an entry that fills it exactly, and none that is larger', () => {
    cache.put(entry('/exact', 100));
    expect(find(cache, '/exact')).to.equal('/exact');
    cache.put(entry('/larger', 101));
    expect([find(cache, '/larger'), find(cache, '/exact')]).to.deep.equal([undefined, '/exact']);
    expect([cache.sizeBytes, evictions]).to.deep.equal([100, 0]);
  });

  it('forgets the old entry of a path whose new one is too large', () => {
    cache.put(entry('/a', 10));
    cache.put(entry('/a', 101));
    expect(find(cache, '/a')).to.equal(undefined);
    expect(cache.sizeBytes).to.equal(0);
  });

  it('counts an entry of no size as one byte, so that they are bounded in number', () => {
    for (let i = 0; i < 150; i++) cache.put(entry(`/${i}`, 0));
    expect([cache.sizeBytes, cache.count, evictions]).to.deep.equal([100, 100, 50]);
  });

  it('deletes, and nothing happens when the entry is gone already', () => {
    const one = entry('/1');
    cache.put(one);
    cache.put(entry('/2'));
    cache.delete(one);
    cache.delete(one);
    expect([find(cache, '/1'), find(cache, '/2')]).to.deep.equal([undefined, '/2']);
    expect([cache.sizeBytes, cache.count, evictions]).to.deep.equal([10, 1, 0]);
  });

  it('is empty after clear', () => {
    cache.put(entry('/1'));
    cache.clear();
    expect([find(cache, '/1'), cache.sizeBytes, cache.count]).to.deep.equal([undefined, 0, 0]);
  });

  it('holds nothing when it may hold nothing', () => {
    const none = new FileCache<Entry>({ maxBytes: 0 });
    none.put(entry('/1'));
    expect([find(none, '/1'), none.count]).to.deep.equal([undefined, 0]);
  });

  describe('paths whose hashes collide', () => {
    const [a, b, c] = COLLIDING_THREE;

    it('do collide', () => {
      for (const paths of [COLLIDING_PAIR, COLLIDING_THREE]) {
        expect(new Set(paths.map((path) => djb2(Buffer.from(path)))).size).to.equal(1);
      }
    });

    it('are both found, each under its own path', () => {
      for (const path of COLLIDING_PAIR) cache.put(entry(path));
      expect(COLLIDING_PAIR.map((path) => find(cache, path))).to.deep.equal(COLLIDING_PAIR);
    });

    it('do not stand for one another', () => {
      cache.put(entry(a));
      expect([find(cache, b), find(cache, c)]).to.deep.equal([undefined, undefined]);
    });

    it('can be deleted one by one, wherever they stand in the chain', () => {
      for (const gone of COLLIDING_THREE) {
        cache.clear();
        const entries = COLLIDING_THREE.map((path) => entry(path));
        for (const each of entries) cache.put(each);
        cache.delete(entries.find((each) => each.label === gone)!);
        const left = COLLIDING_THREE.filter((path) => path !== gone);
        expect(COLLIDING_THREE.map((path) => find(cache, path)).filter(Boolean)).to.deep.equal(left);
        expect(cache.sizeBytes).to.equal(20);
      }
    });

    it('can be replaced one by one', () => {
      for (const path of COLLIDING_THREE) cache.put(entry(path));
      cache.put(entry(b, 40, 'new'));
      expect([find(cache, a), find(cache, b), find(cache, c)]).to.deep.equal([a, 'new', c]);
      expect(cache.sizeBytes).to.equal(60);
    });

    it('are evicted together', () => {
      for (const path of COLLIDING_PAIR) cache.put(entry(path, 40));
      cache.put(entry('/other', 40));
      expect(COLLIDING_PAIR.map((path) => find(cache, path))).to.deep.equal([undefined, undefined]);
      expect([cache.sizeBytes, evictions]).to.deep.equal([40, 1]);
    });

    it('that somebody makes by the thousand leave a short chain, of those put in last', () => {
      const large = new FileCache<Entry>({ maxBytes: 1_000_000, onEvict: () => evictions++ });
      // `Ez` and `FY` hash alike, so 14 of them in a row make 16,384 paths with one hash.
      const path = (n: number): string =>
        `/${Array.from({ length: 14 }, (_, bit) => ((n >> bit) & 1 ? 'Ez' : 'FY')).join('')}`;
      const count = 2 ** 14;
      for (let n = 0; n < count; n++) large.put(entry(path(n), 10));
      expect(large.sizeBytes).to.equal(80);
      expect(evictions).to.equal(count - 8);
      expect(find(large, path(count - 8))).to.equal(path(count - 8));
      expect(find(large, path(count - 9))).to.equal(undefined);
      large.delete(entry(path(count - 3)));
      expect([large.sizeBytes, find(large, path(count - 1))]).to.deep.equal([70, path(count - 1)]);
    });

    it('are gone together when they do not fit together', () => {
      for (const path of COLLIDING_PAIR) cache.put(entry(path, 60));
      expect([cache.sizeBytes, cache.count]).to.deep.equal([0, 0]);
      expect(COLLIDING_PAIR.map((path) => find(cache, path))).to.deep.equal([undefined, undefined]);
    });
  });

  it('behaves as a map that forgets, and never holds more than it may', () => {
    const path = fc.constantFrom(...COLLIDING_THREE, ...COLLIDING_PAIR, '/', '/a', '/b', '/c');
    const action = fc.record({ kind: fc.constantFrom('put', 'delete', 'find'), path, sizeBytes: fc.nat(60) });
    const property = fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const subject = new FileCache<Entry>({ maxBytes: 100 });
      const model = new Map<string, Entry>();
      actions.forEach(({ kind, path: name, sizeBytes }, i) => {
        if (kind === 'put') {
          const made = entry(name, sizeBytes, `${name} ${i}`);
          model.set(name, made);
          subject.put(made);
        } else if (kind === 'delete' && model.has(name)) {
          subject.delete(model.get(name)!);
          model.delete(name);
        }
        const found = find(subject, name);
        if (found !== undefined) expect(found).to.equal(model.get(name)?.label);
        const held = [...model.values()].filter(({ label, key }) => find(subject, key.toString()) === label);
        const sum = held.reduce((bytes, each) => bytes + Math.max(1, each.sizeBytes), 0);
        expect(subject.sizeBytes).to.equal(sum).and.to.be.at.most(100);
      });
    });
    fc.assert(property, { numRuns: 500 });
  });
});
