/** What the kernel says of connections and of the limit of open files, from /proc. Linux only. */
import { readFileSync } from 'node:fs';

/** tcp(7): what /proc/net/tcp calls an established connection. */
const ESTABLISHED = '01';

/** Connections to a port, by the text of /proc/net/tcp. */
export function countEstablished(text: string, port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let count = 0;
  for (const line of text.split('\n')) {
    const [, , to, state] = line.trim().split(/\s+/, 4);
    if (state === ESTABLISHED && to?.endsWith(remote) === true) count += 1;
  }
  return count;
}

/** Connections of this machine's clients to a port. */
export function establishedTo(port: number): number {
  return countEstablished(readFileSync('/proc/net/tcp', 'latin1'), port);
}

/** Open files that a process may have, by the text of /proc/PID/limits. */
export function parseOpenFilesLimit(text: string): number {
  const limit = /^Max open files\s+(\S+)/m.exec(text)?.[1];
  return limit === 'unlimited' || limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

/**
 * Open files that this program may have, and those it starts. Node has raised its own limit as far as it may be,
 * which is the hard limit (`ulimit -Hn`).
 */
export function openFilesLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  return parseOpenFilesLimit(readFileSync('/proc/self/limits', 'latin1'));
}
