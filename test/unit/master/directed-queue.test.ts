import { expect } from 'chai';
import { DirectedQueue, type Direction, PATIENCE_MS } from '../../../src/master/directed-queue.js';
import type { Waiting } from '../../../src/transport/handover.js';

function waiting(place: number | undefined): Waiting {
  return {
    protocol: 'http',
    unused: new Uint8Array(0),
    returned: true,
    place,
    release: () => undefined,
    refuse: () => 0,
  };
}

describe('master/directed-queue', () => {
  /** What becomes of what is offered, by place. */
  let directions: Map<number, Direction[]>;
  let given: Waiting[];
  let queue: DirectedQueue;

  beforeEach(() => {
    directions = new Map();
    given = [];
    queue = new DirectedQueue((connection, place) => {
      const direction = directions.get(place)?.shift() ?? 'given';
      if (direction === 'given') given.push(connection);
      return direction;
    });
  });

  it('leaves what is for any worker to others', () => {
    expect(queue.add(waiting(undefined), 0)).to.equal(false);
    expect(given).to.deep.equal([]);
  });

  it('gives at once what can be given', () => {
    const connection = waiting(2);
    expect(queue.add(connection, 0)).to.equal(true);
    expect(given).to.deep.equal([connection]);
    expect(queue.size).to.equal(0);
  });

  it('does not wait for a worker that is gone', () => {
    directions.set(2, ['never']);
    expect(queue.add(waiting(2), 0)).to.equal(false);
    expect(queue.size).to.equal(0);
  });

  it('keeps the order of those that wait, and lets none pass', () => {
    const [a, b, c] = [waiting(2), waiting(2), waiting(2)];
    directions.set(2, ['later', 'given', 'later']);
    for (const each of [a, b, c]) expect(queue.add(each, 0)).to.equal(true);
    expect(queue.size).to.equal(3);
    expect(queue.pump(1)).to.deep.equal([]);
    expect(given).to.deep.equal([a]);
    expect(queue.pump(2)).to.deep.equal([]);
    expect(given).to.deep.equal([a, b, c]);
    expect(queue.size).to.equal(0);
  });

  it('lets nobody wait behind those of another place', () => {
    directions.set(2, ['later', 'later']);
    queue.add(waiting(2), 0);
    const other = waiting(3);
    queue.add(other, 0);
    expect(queue.pump(1)).to.deep.equal([]);
    expect(given).to.deep.equal([other]);
  });

  it('gives up when a worker takes none for too long, and not before', () => {
    const [a, b] = [waiting(2), waiting(2)];
    directions.set(2, ['later', 'later', 'given', 'later', 'later', 'later']);
    queue.add(a, 0);
    queue.add(b, 0);
    expect(queue.pump(PATIENCE_MS)).to.deep.equal([]);
    expect(queue.pump(PATIENCE_MS), 'one is taken').to.deep.equal([]);
    expect(queue.pump(2 * PATIENCE_MS)).to.deep.equal([]);
    expect(queue.pump(2 * PATIENCE_MS + 1)).to.deep.equal([b]);
    expect(given).to.deep.equal([a]);
    expect(queue.size).to.equal(0);
  });

  it('lets go of a line at once when its worker dies', () => {
    const all = [waiting(2), waiting(2)];
    directions.set(2, ['later', 'never']);
    for (const each of all) queue.add(each, 0);
    expect(queue.pump(1)).to.deep.equal(all);
  });

  it('is empty when it was cleared', () => {
    directions.set(2, ['later']);
    directions.set(3, ['later']);
    const all = [waiting(2), waiting(3)];
    for (const each of all) queue.add(each, 0);
    expect(queue.clear()).to.deep.equal(all);
    expect([queue.size, queue.pump(9999)]).to.deep.equal([0, []]);
  });
});
