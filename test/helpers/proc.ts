/** What Linux says of a process that is not ours to ask. */
import { readFileSync } from 'node:fs';
import { systemCode } from '../../src/errors.js';

/** Processes whose parent it is; none when it is gone. */
export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Resident memory in bytes; 0 when it is gone. */
export function residentBytes(pid: number): number {
  const [, kb = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kb) * 1024;
}

/** `123 MB` for each process. */
export function describeMemory(pids: readonly number[]): string {
  return pids.map((pid) => `${Math.round(residentBytes(pid) / 1e6)} MB`).join(', ');
}

/** A line in the test's output, for what is told and not judged. */
export function note(text: string): void {
  console.log(`        ${text}`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return '';
    throw error;
  }
}
