import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import {
  cpuBetween,
  descendants,
  type ProcessStat,
  type ProcessTimes,
  parseMachineStat,
  parseSchedstat,
  parseStat,
  readMachine,
  readTree,
} from '../../../bench/proc.js';

const times = (
  pid: number,
  cpuTicks: number,
  threadNs: Record<number, number>,
  startTicks = 1,
): ProcessTimes => ({
  ...{ pid, parent: 1, cpuTicks, endedChildrenTicks: 0, startTicks },
  threadNs: new Map(Object.entries(threadNs).map(([thread, ns]) => [Number(thread), ns])),
});

const tree = (...processes: readonly ProcessTimes[]) => new Map(processes.map((one) => [one.pid, one]));

describe('bench/proc', () => {
  it('reads a process, whatever it is called', () => {
    const fields = '4776 4776 2780 0 -1 4194304 100 0 0 0 70 30 5 2 20 0 1 0 333116 3133440 394';
    for (const name of ['cat', 'a) R (b', 'two words']) {
      expect(parseStat(`4828 (${name}) R ${fields}`)).to.deep.equal({
        ...{ pid: 4828, parent: 4776, cpuTicks: 100, endedChildrenTicks: 7, startTicks: 333116 },
      });
    }
  });

  it('reads the nanoseconds of a thread', () => {
    expect(parseSchedstat('123456789 66309 1\n')).to.equal(123456789);
  });

  it('reads the machine: busy, taken by others, and all', () => {
    const text = 'cpu  100 5 50 800 20 1 4 20 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n';
    expect(parseMachineStat(text)).to.deep.equal({ busyTicks: 160, stealTicks: 20, totalTicks: 1000 });
  });

  it('finds a process with its children and theirs, and nobody else', () => {
    const stat = (pid: number, parent: number): ProcessStat => ({
      ...{ pid, parent, cpuTicks: 0, endedChildrenTicks: 0, startTicks: 0 },
    });
    const all = [stat(7, 5), stat(1, 0), stat(5, 1), stat(6, 5), stat(8, 1), stat(9, 7)];
    const found = descendants(5, all).map(({ pid }) => pid);
    expect(found).to.have.members([5, 6, 7, 9]);
    expect(found).to.have.length(4);
    expect(descendants(99, all)).to.deep.equal([]);
  });

  it('adds up the time of all threads of all processes', () => {
    const before = tree(times(1, 0, { 1: 1000, 2: 5000 }), times(2, 0, { 2: 0 }));
    const after = tree(times(1, 0, { 1: 3000, 2: 5000, 3: 4000 }), times(2, 0, { 2: 2000 }));
    expect(cpuBetween(before, after)).to.deep.equal({ cpuUs: 8, ended: 0, inTicks: 0 });
  });

  it('falls back to ticks when a thread has ended, and took its nanoseconds with it', () => {
    const before = tree(times(1, 10, { 1: 1000, 2: 5000 }));
    const after = tree(times(1, 13, { 1: 2000 }));
    expect(cpuBetween(before, after)).to.deep.equal({ cpuUs: 30_000, ended: 0, inTicks: 1 });
  });

  it('uses ticks where there are no nanoseconds', () => {
    expect(cpuBetween(tree(times(1, 10, {})), tree(times(1, 15, {}))).cpuUs).to.equal(50_000);
  });

  it('counts a new process from its start, also under an old number, and tells of those that ended', () => {
    const before = tree(times(1, 0, { 1: 9000 }, 100), times(2, 0, { 2: 1000 }));
    const after = tree(times(1, 0, { 1: 4000 }, 200), times(3, 0, { 3: 6000 }));
    expect(cpuBetween(before, after)).to.deep.equal({ cpuUs: 10, ended: 2, inTicks: 0 });
  });

  describe('on this machine', () => {
    if (process.platform !== 'linux') return;

    it('sees the children of a process, and theirs', async () => {
      const grandparent = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const [line] = await once(grandparent.stdout, 'data');
      const grandchild = Number(line);
      try {
        expect([...readTree(process.pid)!.keys()]).to.include.members([grandparent.pid, grandchild]);
        expect([...readTree(grandparent.pid!)!.keys()]).to.have.members([grandparent.pid, grandchild]);
      } finally {
        process.kill(grandchild);
        await once(grandparent, 'exit');
      }
    });

    it('counts its own work', () => {
      const before = readTree(process.pid)!;
      const start = process.cpuUsage();
      for (let used = 0; used < 60_000; ) {
        const { user, system } = process.cpuUsage(start);
        used = user + system;
      }
      // The kernel brings the time of a running thread up to date once in a tick, which is at most 10 ms.
      expect(cpuBetween(before, readTree(process.pid)!).cpuUs).to.be.at.least(50_000);
    });

    it('knows how busy the machine is', () => {
      const { busyTicks, totalTicks } = readMachine()!;
      expect(busyTicks).to.be.above(0);
      expect(totalTicks).to.be.above(busyTicks);
    });

    it('knows nothing of a process that is not there', () => {
      expect(readTree(2 ** 30)).to.deep.equal(new Map());
    });
  });
});
