import { expect } from 'chai';
import { type MasterFacts, Statistics } from '../../../src/master/statistics.js';
import { Scoreboard } from '../../../src/stats/scoreboard.js';

const FACTS: MasterFacts = {
  version: '0.0.0',
  transport: 'native',
  reloads: 0,
  reloadsFailed: 0,
  draining: false,
  addresses: [],
  waiting: 0,
  maxConnections: 10,
  cacheMaxBytes: 0,
  threadsPerWorker: 1,
  intervalMs: 1000,
  workers: [],
  restartsOf: () => 0,
};

describe('master/statistics', () => {
  it('are no older than they say, however long it takes to read them', () => {
    const board = Scoreboard.create('file');
    try {
      let askedMs = 0;
      const restartsOf = (): number => {
        askedMs = Date.now();
        while (Date.now() === askedMs);
        return 0;
      };
      const worker = { place: 1, pid: 4711, state: 'ready', startedMs: 0, slot: board.allocate() } as const;
      const { document } = new Statistics(board).snapshot({ ...FACTS, workers: [worker], restartsOf });
      expect(Date.parse(document.time)).to.be.at.most(askedMs);
    } finally {
      board.close();
    }
  });
});
