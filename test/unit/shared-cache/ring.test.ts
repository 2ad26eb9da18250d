import { expect } from 'chai';
import fc from 'fast-check';
import { type Placed, Ring } from '../../../src/shared-cache/ring.js';

interface Item extends Placed<Item> {
  readonly id: number;
}

function item(id: number, lengthBytes: number): Item {
  return { id, lengthBytes, offset: -1, older: undefined, newer: undefined };
}

describe('Ring', () => {
  it('places entries one behind the other, and begins again in front', () => {
    const ring = new Ring<Item>(100);
    const items = [40, 40, 30].map((length, id) => item(id, length));
    for (const each of items.slice(0, 2)) ring.put(each, ring.place(each.lengthBytes)!);
    expect(items.map(({ offset }) => offset)).to.deep.equal([0, 40, -1]);
    expect(ring.place(30), 'the oldest is in the way').to.equal(undefined);
    ring.remove(ring.oldest!);
    expect(ring.place(30)).to.equal(0);
  });

  it('has no place for what is larger than itself', () => {
    expect(new Ring<Item>(100).place(101)).to.equal(undefined);
    expect(new Ring<Item>(100).place(100)).to.equal(0);
  });

  it('lets the oldest be the newest, also over bytes of its own', () => {
    const ring = new Ring<Item>(100);
    const items = [50, 40].map((length, id) => item(id, length));
    for (const each of items) ring.put(each, ring.place(each.lengthBytes)!);
    expect(ring.placeForOldest(items[0]!)).to.equal(0);
    ring.remove(items[1]!);
    expect(ring.placeForOldest(items[0]!), 'it is alone').to.equal(0);
  });

  it('never lets two entries overlap, whatever is placed, moved and removed', () => {
    const action = fc.record({
      length: fc.integer({ min: 1, max: 40 }),
      what: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const ring = new Ring<Item>(100);
        const live = new Set<Item>();
        for (const [id, { length, what }] of actions.entries()) {
          if (what === 0 && live.size > 0) {
            const [any] = [...live].slice(id % live.size);
            ring.remove(any!);
            live.delete(any!);
            continue;
          }
          const oldest = ring.oldest;
          if (oldest !== undefined && what === 1) {
            const place = ring.placeForOldest(oldest);
            ring.remove(oldest);
            ring.put(oldest, place);
          } else {
            while (ring.place(length) === undefined) {
              live.delete(ring.oldest!);
              ring.remove(ring.oldest!);
            }
            const made = item(id, length);
            ring.put(made, ring.place(length)!);
            live.add(made);
          }
          const sorted = [...live].sort((a, b) => a.offset - b.offset);
          for (const [i, { offset, lengthBytes }] of sorted.entries()) {
            expect(offset + lengthBytes).to.be.at.most(sorted[i + 1]?.offset ?? 100);
          }
        }
      }),
    );
  });
});
