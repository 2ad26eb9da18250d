/**
 * How many descriptors a process of ours may hold. Node raises its soft limit to the hard one when it
 * starts, so what the system shows for this process holds for the workers too.
 */
import { readFileSync } from 'node:fs';

/** Descriptors of a process that are not connections: files being sent, logs, the pool, node's own. */
const RESERVED = 128;

/** The soft limit of open files; Infinity where it is not known. */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    // Not Linux.
    return Number.POSITIVE_INFINITY;
  }
}

/** Descriptors that a process may spend on connections: however small its limit, half of it. */
export function forConnections(limit: number): number {
  return limit - Math.min(RESERVED, Math.ceil(limit / 2));
}

/** Connections that one of `workers` may hold, so that all together stay within `maxConnections`; at least one. */
export function capacityPerWorker(maxConnections: number, workers: number, limit: number): number {
  const share = Math.floor(maxConnections / workers);
  return Math.max(1, Math.min(share, forConnections(limit)));
}
