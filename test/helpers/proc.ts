/** What Linux says of a process that is not ours to ask. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
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

/** True when one of its threads runs, waits for its turn, or waits for a disk; false when it is gone. */
export function isBusy(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  // Behind the name, which may have brackets and spaces in it: proc(5), /proc/[pid]/stat.
  const isAtWork = (tid: string): boolean => /\) [RD] [^)]*$/.test(read(`${tasks}/${tid}/stat`));
  return (unlessGone(() => readdirSync(tasks)) ?? []).some(isAtWork);
}

/** `123 MB` for each process. */
export function describeMemory(pids: readonly number[]): string {
  return pids.map((pid) => `${Math.round(residentBytes(pid) / 1e6)} MB`).join(', ');
}

/** What the descriptors of a process refer to: paths, and names like `socket:[4711]` (Linux). */
export function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(join(directory, fd))];
    } catch {
      // Closed since the directory was read.
      return [];
    }
  });
}

/** Which of these processes has the end of a TCP connection over IPv4 that has this local port. */
export function ownerOf(localPort: number, pids: readonly number[]): number | undefined {
  const inode = tcpConnections().find(([, local]) => local?.endsWith(portText(localPort)))?.[9];
  return pids.find((pid) => descriptorsOf(pid).includes(`socket:[${inode}]`));
}

/**
 * True when the kernel will ask the other end of a TCP connection over IPv4 whether it is still there (keep-alive),
 * as the end with `localPort` wants it.
 */
export function isProbed(localPort: number, remotePort: number): boolean {
  const found = tcpConnections().find(
    ([, local, remote]) => local?.endsWith(portText(localPort)) && remote?.endsWith(portText(remotePort)),
  );
  return found?.[5]?.startsWith('02:') === true;
}

/** The columns of proc(5), /proc/net/tcp. */
function tcpConnections(): string[][] {
  return read('/proc/net/tcp')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
}

function portText(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A line in the test's output, for what is told and not judged. */
export function note(text: string): void {
  console.log(`        ${text}`);
}

function read(path: string): string {
  return unlessGone(() => readFileSync(path, 'latin1')) ?? '';
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}
