/** Memory of a server from /proc/PID/smaps_rollup (proc(5)): of a process with all its descendants. Linux only. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../src/errors.js';
import { readTree } from '../proc.js';

export interface Memory {
  /** Proportional set size: what several processes share counts once. */
  readonly pssBytes: number;
  /** The part of it that is files, mostly program code. */
  readonly pssFileBytes: number;
  readonly rssBytes: number;
  readonly processes: number;
}

/** Reads /proc/PID/smaps_rollup. */
export function parseRollup(text: string): Memory {
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { pssBytes: bytes('Pss'), pssFileBytes: bytes('Pss_File'), rssBytes: bytes('Rss'), processes: 1 };
}

/** What `root` and its descendants have; undefined where there is no /proc. */
export function readMemory(root: number): Memory | undefined {
  const parts = [...(readTree(root)?.keys() ?? [])].flatMap((pid) => readRollup(pid) ?? []);
  if (parts.length === 0) return undefined;
  const total = (part: (memory: Memory) => number): number => parts.reduce((sum, one) => sum + part(one), 0);
  return {
    pssBytes: total((one) => one.pssBytes),
    pssFileBytes: total((one) => one.pssFileBytes),
    rssBytes: total((one) => one.rssBytes),
    processes: parts.length,
  };
}

function readRollup(pid: number): Memory | undefined {
  try {
    return parseRollup(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
  } catch (error) {
    // ESRCH: the process is about to end, or has.
    if (['ENOENT', 'ESRCH'].includes(systemCode(error))) return undefined;
    throw error;
  }
}

/** Looks at the memory of a server again and again while `work` is done. */
export async function watchMemory<T>(
  root: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly peak: Memory | undefined }> {
  let peak = readMemory(root);
  const look = (): void => {
    const now = readMemory(root);
    if (now !== undefined && now.pssBytes > (peak?.pssBytes ?? 0)) peak = now;
  };
  const timer = setInterval(look, WATCH_MS);
  try {
    return { result: await work(), peak };
  } finally {
    clearInterval(timer);
  }
}

/**
 * The memory of a server once it hardly changes any more: V8 frees some when a program has been idle for about ten
 * seconds. Of a server whose memory goes on changing, it is what there is in the end.
 */
export async function settledMemory(root: number, signal: AbortSignal): Promise<Memory | undefined> {
  const looks: (Memory | undefined)[] = [readMemory(root)];
  while (looks.length <= SETTLED_AT_LAST) {
    await sleep(SETTLE_LOOK_MS, undefined, { signal });
    looks.push(readMemory(root));
    if (isSettled(looks.map((memory) => memory?.pssBytes ?? 0))) break;
  }
  return looks.at(-1);
}

/** Whether the last of sizes in bytes, one a second, are about the same. */
export function isSettled(sizes: readonly number[]): boolean {
  if (sizes.length < SETTLED_LOOKS) return false;
  const last = sizes.slice(-SETTLED_LOOKS);
  return Math.max(...last) - Math.min(...last) <= SETTLED_BYTES;
}

const WATCH_MS = 250;
const SETTLE_LOOK_MS = 1_000;
/** Looks in a row that are about the same, and how many there are at most. */
const SETTLED_LOOKS = 12;
const SETTLED_AT_LAST = 40;
const SETTLED_BYTES = 2 * 2 ** 20;
