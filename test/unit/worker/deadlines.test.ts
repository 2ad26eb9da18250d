import { expect } from 'chai';
import fc from 'fast-check';
import { Deadlines, type Timed } from '../../../src/worker/deadlines.js';

const START_MS = 1_000_000;
const TICK_MS = new Deadlines(0).tickMs;
/** A deadline is kept to within this. */
const LATE_MS = 2 * TICK_MS;
/** Longer than one turn of the wheel. */
const FAR_MS = 1000 * TICK_MS;

class Item implements Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  readonly fired: number[] = [];
  onFire: (nowMs: number) => void = () => undefined;

  onDeadline(nowMs: number): void {
    this.fired.push(nowMs);
    this.onFire(nowMs);
  }
}

describe('worker/deadlines', () => {
  let wheel: Deadlines;
  let nowMs: number;
  let item: Item;

  beforeEach(() => {
    nowMs = START_MS;
    wheel = new Deadlines(nowMs);
    item = new Item();
  });

  /** Lets time go by as the worker's timer does. */
  function pass(ms: number): void {
    for (const end = nowMs + ms; nowMs < end; ) {
      nowMs = Math.min(end, nowMs + TICK_MS);
      wheel.advance(nowMs);
    }
  }

  function expectFiredAt(deadlineMs: number): void {
    expect(item.fired).to.have.lengthOf(1);
    expect(item.fired[0]! - deadlineMs).to.be.within(0, LATE_MS);
  }

  for (const ms of [
    0,
    1,
    TICK_MS - 1,
    TICK_MS,
    10_000,
    511 * TICK_MS,
    512 * TICK_MS,
    513 * TICK_MS,
    FAR_MS,
  ]) {
    it(`fires once, ${ms} ms later, and not early`, () => {
      wheel.arm(item, nowMs + ms);
      pass(FAR_MS + LATE_MS);
      expectFiredAt(START_MS + ms);
    });
  }

  it('fires what is overdue at the next tick', () => {
    wheel.arm(item, nowMs - 5000);
    pass(TICK_MS);
    expect(item.fired).to.have.lengthOf(1);
  });

  it('moves a deadline later', () => {
    wheel.arm(item, nowMs + 1000);
    wheel.arm(item, nowMs + 5000);
    pass(20_000);
    expectFiredAt(START_MS + 5000);
  });

  it('moves a deadline earlier', () => {
    wheel.arm(item, nowMs + FAR_MS);
    wheel.arm(item, nowMs + 1000);
    pass(FAR_MS + LATE_MS);
    expectFiredAt(START_MS + 1000);
  });

  it('moves a deadline on and on', () => {
    for (let i = 0; i < 100; i++) {
      wheel.arm(item, nowMs + 1000);
      pass(900);
    }
    expect(item.fired).to.deep.equal([]);
    pass(1000);
    expect(item.fired).to.have.lengthOf(1);
  });

  it('forgets a deadline', () => {
    wheel.arm(item, nowMs + 1000);
    wheel.disarm(item);
    pass(20_000);
    expect(item.fired).to.deep.equal([]);
    expect(item.bucketTick).to.equal(-1);
  });

  it('does without a deadline for a while', () => {
    wheel.arm(item, nowMs + 1000);
    wheel.arm(item, Number.POSITIVE_INFINITY);
    pass(5000);
    expect(item.fired).to.deep.equal([]);
    wheel.arm(item, nowMs + 1000);
    pass(5000);
    expectFiredAt(START_MS + 6000);
  });

  it('can be armed anew when it fires', () => {
    item.onFire = (now) => {
      if (item.fired.length < 3) wheel.arm(item, now + 1000);
    };
    wheel.arm(item, nowMs + 1000);
    pass(20_000);
    expect(item.fired).to.have.lengthOf(3);
  });

  it('does not fire what another has just forgotten', () => {
    const other = new Item();
    item.onFire = () => wheel.disarm(other);
    other.onFire = () => wheel.disarm(item);
    wheel.arm(item, nowMs + 1000);
    wheel.arm(other, nowMs + 1000);
    pass(5000);
    expect(item.fired.length + other.fired.length).to.equal(1);
  });

  it('fires what became due while the process was stopped', () => {
    const items = Array.from({ length: 600 }, () => new Item());
    items.forEach((each, i) => {
      wheel.arm(each, nowMs + i * TICK_MS);
    });
    nowMs += 3 * FAR_MS;
    wheel.advance(nowMs);
    wheel.advance(nowMs + TICK_MS);
    expect(items.every(({ fired }) => fired.length === 1)).to.equal(true);
  });

  it('keeps every deadline, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ arm: fc.nat(2 * FAR_MS), item: fc.nat(3) }),
      fc.record({ disarm: fc.constant(true), item: fc.nat(3) }),
      fc.record({ pass: fc.nat(200 * TICK_MS) }),
    );
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = START_MS;
      const subject = new Deadlines(now);
      const items = Array.from({ length: 4 }, () => new Item());
      const dueAt = items.map(() => Number.POSITIVE_INFINITY);
      items.forEach((each, i) => {
        each.onFire = (firedAt) => {
          expect(firedAt - dueAt[i]!).to.be.within(0, LATE_MS);
          dueAt[i] = Number.POSITIVE_INFINITY;
          subject.disarm(each);
        };
      });
      for (const each of steps) {
        if ('arm' in each) {
          dueAt[each.item] = now + each.arm;
          subject.arm(items[each.item]!, now + each.arm);
        } else if ('disarm' in each) {
          dueAt[each.item] = Number.POSITIVE_INFINITY;
          subject.disarm(items[each.item]!);
        } else {
          for (const end = now + each.pass; now < end; ) {
            now = Math.min(end, now + TICK_MS);
            subject.advance(now);
            for (const due of dueAt) expect(now - due, 'late').to.be.at.most(LATE_MS);
          }
        }
      }
    });
    fc.assert(property, { numRuns: 60 });
  });
});
