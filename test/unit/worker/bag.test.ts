import { expect } from 'chai';
import fc from 'fast-check';
import { Bag } from '../../../src/worker/bag.js';

interface Member {
  readonly name: number;
  place: number;
}

describe('worker/bag', () => {
  let bag: Bag<Member>;

  beforeEach(() => {
    bag = new Bag((member, place) => {
      member.place = place;
    });
  });

  const add = (name: number): Member => {
    const member = { name, place: -1 };
    bag.add(member);
    return member;
  };
  const names = (): number[] => [...bag].map(({ name }) => name).sort((a, b) => a - b);

  it('holds what was added and not taken out', () => {
    const members = [1, 2, 3].map(add);
    bag.remove(members[0]!.place);
    expect([names(), bag.size]).to.deep.equal([[2, 3], 2]);
    bag.remove(members[2]!.place);
    bag.remove(members[1]!.place);
    expect([names(), bag.size]).to.deep.equal([[], 0]);
  });

  it('is empty after all were taken, and can be filled again', () => {
    [1, 2].map(add);
    expect(bag.take().map(({ name }) => name)).to.deep.equal([1, 2]);
    expect(bag.size).to.equal(0);
    add(3);
    expect(names()).to.deep.equal([3]);
  });

  it('holds what a set would, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (choices) => {
        bag.take();
        const inside = new Map<number, Member>();
        for (const name of choices) {
          const member = inside.get(name);
          if (member === undefined) inside.set(name, add(name));
          else {
            bag.remove(member.place);
            inside.delete(name);
          }
          expect(names()).to.deep.equal([...inside.keys()].sort((a, b) => a - b));
          expect([...bag].map(({ place }) => place)).to.deep.equal([...bag].map((_, i) => i));
        }
      }),
    );
  });
});
