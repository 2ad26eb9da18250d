/**
 * Entity tags of files for PROPFIND and If: the very ones that GET sends (files/read-file.ts). Small files are read for
 * that, each state once; how much is read for one request is bounded.
 */
import { open } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { systemCode } from '../errors.js';
import { contentEtag, identityOf, isSettled, stampEtag } from '../files/identity.js';
import type { Resource } from './resources.js';

const MAX_REMEMBERED = 20_000;

/** What one request may read. */
export interface ReadBudget {
  bytes: number;
}

export class Etags {
  readonly #known = new LRUCache<string, string>({ max: MAX_REMEMBERED });
  readonly #maxBodyBytes: number;
  readonly #now: () => number;

  /**
   * @param maxBodyBytes as in LookupRules
   * @param now milliseconds since the epoch
   */
  constructor(maxBodyBytes: number, now: () => number = Date.now) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#now = now;
  }

  /** The tag of a file, with its quotes; undefined: a collection, a file that is changing, or the budget is spent. */
  async of({ isCollection, stat, path }: Resource, budget: ReadBudget): Promise<string | undefined> {
    if (isCollection) return undefined;
    const nowMs = this.#now();
    const sizeBytes = Number(stat.size);
    if (sizeBytes > this.#maxBodyBytes) return stampEtag(stat, 'identity', nowMs);
    const identity = identityOf(stat);
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    if (sizeBytes > budget.bytes) return undefined;
    budget.bytes -= sizeBytes;
    const etag = await etagOf(path, identity);
    if (etag !== undefined && isSettled(stat, nowMs)) this.#known.set(identity, etag);
    return etag;
  }
}

async function etagOf(path: string, identity: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      if (identityOf(await file.stat({ bigint: true })) !== identity) return undefined;
      const content = await file.readFile();
      return identityOf(await file.stat({ bigint: true })) === identity ? contentEtag(content) : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(systemCode(error))) return undefined;
    throw error;
  }
}
