import { mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { Pulse, SilentOwner } from '../../../src/jobs/pulse.js';

describe('jobs/pulse', () => {
  let pings: { resolve: () => void; reject: () => void }[];
  let pulse: Pulse;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setInterval'] });
    pings = [];
    pulse = new Pulse(
      () => new Promise<void>((resolve, reject) => void pings.push({ resolve, reject: () => reject() })),
    );
  });
  afterEach(() => mock.timers.reset());

  /** What became of an answer that does not come by itself. */
  function waiting(place: number): { end: string } {
    const seen = { end: '' };
    pulse.during(place, new Promise(() => undefined)).catch((error) => {
      seen.end = error instanceof SilentOwner ? error.code : 'something else';
    });
    return seen;
  }

  const pass = async (ms: number): Promise<void> => {
    mock.timers.tick(ms);
    await setImmediate();
  };

  it('waits for as long as the worker says anything', async () => {
    const seen = waiting(1);
    for (let i = 0; i < 100; i++) {
      await pass(3000);
      const ping = pings.pop()!;
      if (i % 2 === 0) ping.resolve();
      else ping.reject();
      await setImmediate();
    }
    expect(seen.end).to.equal('');
    expect(pings).to.deep.equal([]);
  });

  it('gives up when it has said nothing for 15 seconds, and then asks no more', async () => {
    const seen = [waiting(1), waiting(1)];
    const other = waiting(2);
    await pass(3000);
    pings[1]!.resolve();
    for (let i = 0; i < 3; i++) await pass(3000);
    expect(seen.map(({ end }) => end)).to.deep.equal(['', '']);
    await pass(3000);
    expect(seen.map(({ end }) => end)).to.deep.equal(['owner-lost', 'owner-lost']);
    expect(other.end).to.equal('');
  });

  it('gives the answer that comes, and looks no more', async () => {
    expect(await pulse.during(1, Promise.resolve('answer'))).to.equal('answer');
    expect(
      await pulse.during(1, Promise.reject(new Error('refused'))).catch((error) => error.message),
    ).to.equal('refused');
    await pass(60_000);
    expect(pings).to.deep.equal([]);
  });
});
