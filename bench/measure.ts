/** What one piece of work costs: the CPU time of a server meanwhile, and how busy the rest of the machine was. */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuBetween, type MachineTimes, readMachine, readTree, type TreeTimes, ticksToUs } from './proc.js';

/** A server closes its connections a little after the client has its last response. */
const SETTLE_MS = 100;

export interface Cost {
  /** Of all processes of the server; null where the system does not tell. */
  readonly serverCpuUs: number | null;
  readonly serverProcessesEnded: number;
  /** Processes of the server whose time is known to 10 ms only; the others' is known to the nanosecond. */
  readonly serverProcessesInTicks: number;
  /** Share of all cores that was used by others than this program, its children, and theirs. */
  readonly otherCpuShare: number | null;
  /** Of the programs that this one has started and that ended meanwhile, such as wrk; to 10 ms. */
  readonly endedChildrenCpuUs: number;
}

/** Does `work` and says what it cost. `serverPid`: the server's first process, a child of this one. */
export async function measure<T>(
  serverPid: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cost: Cost }> {
  await sleep(SETTLE_MS);
  return measureNow(serverPid, async () => {
    const result = await work();
    await sleep(SETTLE_MS);
    return result;
  });
}

/** The same from this moment to the end of `work`, for a server that goes on working before and after. */
export async function measureNow<T>(
  serverPid: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cost: Cost }> {
  const before = look(serverPid);
  const result = await work();
  return { result, cost: costBetween(before, look(serverPid)) };
}

interface Look {
  readonly atMs: number;
  readonly server: TreeTimes | undefined;
  readonly own: TreeTimes | undefined;
  readonly machine: MachineTimes | undefined;
}

function look(serverPid: number): Look {
  return {
    atMs: performance.now(),
    server: readTree(serverPid),
    own: readTree(process.pid),
    machine: readMachine(),
  };
}

function costBetween(before: Look, after: Look): Cost {
  if (before.server === undefined || after.server === undefined) {
    return {
      ...{ serverCpuUs: null, serverProcessesEnded: 0, serverProcessesInTicks: 0 },
      ...{ otherCpuShare: null, endedChildrenCpuUs: 0 },
    };
  }
  const { cpuUs, ended, inTicks } = cpuBetween(before.server, after.server);
  return {
    serverCpuUs: cpuUs,
    serverProcessesEnded: ended,
    serverProcessesInTicks: inTicks,
    otherCpuShare: otherShare(before, after),
    endedChildrenCpuUs: endedChildrenUs(before, after),
  };
}

function endedChildrenUs({ own: before }: Look, { own: after }: Look): number {
  const ticks = (tree: TreeTimes | undefined): number => tree?.get(process.pid)?.endedChildrenTicks ?? 0;
  return ticksToUs(ticks(after) - ticks(before));
}

function otherShare(before: Look, after: Look): number | null {
  if (!before.machine || !after.machine || !before.own || !after.own) return null;
  const ownUs = cpuBetween(before.own, after.own).cpuUs + endedChildrenUs(before, after);
  const busyUs =
    ticksToUs(after.machine.busyTicks - before.machine.busyTicks) +
    ticksToUs(after.machine.stealTicks - before.machine.stealTicks);
  const wholeUs = (after.atMs - before.atMs) * 1000 * availableParallelism();
  return Math.min(1, Math.max(0, (busyUs - ownUs) / wholeUs));
}
