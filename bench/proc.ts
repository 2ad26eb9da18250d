/**
 * CPU time from /proc (proc(5)): of a process with all its descendants, and of the whole machine. Linux only;
 * elsewhere nothing is known, and said so with undefined.
 *
 * The kernel's utime and stime come in ticks of 10 ms, too coarse for short runs. `task/TID/schedstat` has the
 * same time in nanoseconds, but forgets threads that have ended; so ticks are used for a process that lost one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { systemCode } from '../src/errors.js';

/** USER_HZ: 100 on every architecture that Node runs on. */
const TICK_US = 10_000;

/** The part of /proc/PID/stat that is used here. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** utime + stime, in ticks. */
  readonly cpuTicks: number;
  /** The same of its children that have ended and were waited for, with theirs. */
  readonly endedChildrenTicks: number;
  /** When it was started, in ticks: tells a process from a later one with its pid. */
  readonly startTicks: number;
}

/** The CPU time of one process until now. */
export interface ProcessTimes extends ProcessStat {
  /** By thread, in nanoseconds; empty where the kernel does not say. */
  readonly threadNs: ReadonlyMap<number, number>;
}

export type TreeTimes = ReadonlyMap<number, ProcessTimes>;

export interface TreeUse {
  readonly cpuUs: number;
  /** Processes that ended in between: what they used after the first look is missing. */
  readonly ended: number;
  /** Processes whose time is known in ticks only. */
  readonly inTicks: number;
}

/** Time of all cores since boot, in ticks. */
export interface MachineTimes {
  readonly busyTicks: number;
  /** Taken by the hypervisor for others. */
  readonly stealTicks: number;
  readonly totalTicks: number;
}

/** Reads /proc/PID/stat. The command in parentheses may hold anything, so fields count from the last `)`. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    cpuTicks: field(14) + field(15),
    endedChildrenTicks: field(16) + field(17),
    startTicks: field(22),
  };
}

/** Reads /proc/PID/task/TID/schedstat: nanoseconds on a CPU come first. */
export function parseSchedstat(text: string): number {
  return Number(text.split(' ', 1)[0]);
}

/** Reads the first line of /proc/stat. */
export function parseMachineStat(text: string): MachineTimes {
  const line = text.slice(0, text.indexOf('\n'));
  // Guest time, which would follow, is in user and nice already.
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1, 9)
    .map(Number);
  const busyTicks = user + nice + system + irq + softIrq;
  return { busyTicks, stealTicks: steal, totalTicks: busyTicks + idle + ioWait + steal };
}

/** `root` and everything it started, directly or not. */
export function descendants(root: number, all: readonly ProcessStat[]): readonly ProcessStat[] {
  const found = all.filter(({ pid }) => pid === root);
  // The list grows while it is walked: each process brings its children.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/** What a tree used between two looks at it. Processes that are new count from their start. */
export function cpuBetween(before: TreeTimes, after: TreeTimes): TreeUse {
  let cpuUs = 0;
  let inTicks = 0;
  for (const now of after.values()) {
    const same = before.get(now.pid);
    const then = same?.startTicks === now.startTicks ? same : undefined;
    const exact = exactCpuUs(then, now);
    if (exact === undefined) inTicks += 1;
    cpuUs += exact ?? ticksToUs(now.cpuTicks - (then?.cpuTicks ?? 0));
  }
  const ended = [...before.values()].filter(
    ({ pid, startTicks }) => after.get(pid)?.startTicks !== startTicks,
  ).length;
  return { cpuUs, ended, inTicks };
}

/** Undefined when threads are not known, or when one ended and took its nanoseconds with it. */
function exactCpuUs(then: ProcessTimes | undefined, now: ProcessTimes): number | undefined {
  const threadsThen = then?.threadNs ?? new Map<number, number>();
  const keptAll = [...threadsThen.keys()].every((thread) => now.threadNs.has(thread));
  if (now.threadNs.size === 0 || !keptAll) return undefined;
  return (sum(now.threadNs.values()) - sum(threadsThen.values())) / 1000;
}

/** The CPU time of `root` and its descendants until now; undefined where there is no /proc. */
export function readTree(root: number): TreeTimes | undefined {
  if (process.platform !== 'linux') return undefined;
  const all = numericEntries('/proc').flatMap((pid) => {
    const text = readIfThere(`/proc/${pid}/stat`);
    return text === undefined ? [] : [parseStat(text)];
  });
  return new Map(
    descendants(root, all).map((stat) => [stat.pid, { ...stat, threadNs: readThreads(stat.pid) }]),
  );
}

/** The times of the machine until now; undefined where there is no /proc. */
export function readMachine(): MachineTimes | undefined {
  const text = process.platform === 'linux' ? readIfThere('/proc/stat') : undefined;
  return text === undefined ? undefined : parseMachineStat(text);
}

/** Ticks of all cores, in microseconds. */
export function ticksToUs(ticks: number): number {
  return ticks * TICK_US;
}

function readThreads(pid: number): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const thread of numericEntries(`/proc/${pid}/task`)) {
    const text = readIfThere(`/proc/${pid}/task/${thread}/schedstat`);
    if (text !== undefined) times.set(thread, parseSchedstat(text));
  }
  return times;
}

function numericEntries(directory: string): readonly number[] {
  return (ifThere(() => readdirSync(directory)) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'latin1'));
}

/** Processes end between being listed and being read: ESRCH when the file was open already. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemCode(error))) return undefined;
    throw error;
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
