/** The cache process of a server, from outside. */
import { readdirSync, readFileSync } from 'node:fs';
import { CacheClient } from '../../src/shared-cache/client.js';
import { memoryRoot } from '../../src/shared-cache/directory.js';
import { childrenOf } from './proc.js';
import type { TestServer } from './server.js';

/** Its process id; undefined when the server has none at present. */
export function cachePidOf(masterPid: number): number | undefined {
  return childrenOf(masterPid).find((pid) => commandOf(pid).includes('shared-cache/entry.js'));
}

/** What a cache process has in shared memory. */
export function memoryOf(pid: number): string[] {
  return readdirSync(memoryRoot()).filter((name) => name.startsWith(`handover-${pid}-`));
}

/** A worker's view of it, for the test. */
export function connectTo({ directory, pid }: TestServer): CacheClient {
  const socketPath = directory.at(`run/handover/cache-${pid}.sock`);
  return new CacheClient({ socketPath, maxSegments: 4, chunkBytes: 65_536, report: () => undefined });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    // It has ended since.
    return '';
  }
}
