/** What the system says of a process. Only Linux says more than whether it exists. */
import { readFileSync } from 'node:fs';
import { systemCode } from '../errors.js';

/**
 * When a process was started, in clock ticks since the machine was: with its pid this names a process for
 * good. Undefined where the system does not say.
 */
export function startTicks(pid: number): number | undefined {
  const ticks = Number(statFields(pid)?.[19]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}

/** True while the process runs. One that has ended and was not waited for by its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    return systemCode(error) === 'EPERM';
  }
  const state = statFields(pid)?.[0];
  return state !== 'Z' && state !== 'X';
}

/** A name that no other process has or will have: PID-TICKS, with 0 for ticks where the system does not say. */
export function identityOf(pid: number): string {
  return `${pid}-${startTicks(pid) ?? 0}`;
}

/** True while the process runs that had this identity. */
export function isAlive(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return isRunning(pid) && identityOf(pid) === identity;
}

/** The fields of /proc/PID/stat from the third on (state): the second, the command, may hold anything. */
function statFields(pid: number): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // The process has ended, or /proc is not mounted: nothing is known.
    return undefined;
  }
}
