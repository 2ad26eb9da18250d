/**
 * The shared cache of a single process: the same promises, in memory of its own. For a server without a cache
 * process, and for tests of whoever uses one.
 */
import { randomUUID } from 'node:crypto';
import { openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { OpenFile } from '../transport/connection.js';
import { SharedFile } from './body-files.js';
import { BufferSource } from './buffer-source.js';
import { type Claim, Claims } from './claims.js';
import { memoryRoot } from './directory.js';
import {
  type BodyPlace,
  type ClaimOptions,
  type Fill,
  MAX_HEAD_BYTES,
  MAX_KEY_BYTES,
  type RemovalListener,
  type SharedCache,
  type SharedCacheStats,
  type Slice,
  type StoredObject,
  type StoredStream,
} from './shared-cache.js';

export interface MemoryCacheOptions {
  /** Of keys, heads and bodies together. */
  readonly maxBytes: number;
  /** Larger bodies are not given by `lookup` as bytes. */
  readonly maxLookupBytes: number;
}

interface Entry {
  readonly head: Buffer;
  readonly body: Buffer;
  /** Of a large body. */
  readonly place: BodyPlace | undefined;
  readonly version: number;
}

export class MemoryCache implements SharedCache {
  readonly #options: MemoryCacheOptions;
  readonly #entries: LRUCache<string, Entry>;
  readonly #claims = new Claims();
  readonly #counts = { hits: 0, misses: 0, fills: 0, waits: 0, failures: 0, evictions: 0 };
  readonly #listeners: RemovalListener[] = [];
  #lastVersion = 0;
  #closed = false;

  constructor(options: MemoryCacheOptions) {
    this.#options = options;
    this.#entries = new LRUCache<string, Entry>({
      maxSize: options.maxBytes,
      sizeCalculation: ({ head, body }, key) => key.length + head.length + body.length + 1,
      dispose: (_entry, _key, reason) => {
        if (reason === 'evict') this.#counts.evictions++;
      },
    });
  }

  lookup(key: Uint8Array): StoredObject | undefined {
    const entry = this.#find(key);
    if (entry === undefined) return undefined;
    const { head, body, place, version } = entry;
    return { head, body: place === undefined ? body : undefined, place, bodyBytes: body.length, version };
  }

  async open(key: Uint8Array, slice?: Slice): Promise<StoredStream | undefined> {
    const entry = this.#find(key);
    if (entry === undefined) return undefined;
    const { head, body, version } = entry;
    const part = slice === undefined ? body : body.subarray(slice.offset, slice.offset + slice.length);
    return { head, bodyBytes: body.length, version, body: new BufferSource(part) };
  }

  claim(key: Uint8Array, options: ClaimOptions): Promise<Fill | 'done' | 'none'> {
    const { seen, waitMs, signal } = options;
    const name = nameOf(key);
    if (this.#closed || signal?.aborted === true || key.length > MAX_KEY_BYTES)
      return Promise.resolve('none');
    if (this.#versionOf(name) !== seen) return Promise.resolve('done');
    return new Promise((resolve) => {
      let waited = false;
      let giveUp = (): void => undefined;
      const abort = (): void => {
        giveUp();
        resolve('none');
      };
      signal?.addEventListener('abort', abort, { once: true });
      giveUp = this.#claims.ask(name, this, waitMs, (outcome) => {
        signal?.removeEventListener('abort', abort);
        if (outcome === 'done' && waited) this.#counts.waits++;
        resolve(typeof outcome === 'string' ? outcome : this.#fill(outcome, seen));
      });
      waited = true;
    });
  }

  async remove(key: Uint8Array): Promise<boolean> {
    const name = nameOf(key);
    this.#entries.delete(name);
    this.#claims.doom(name);
    for (const listener of this.#listeners) listener(Buffer.from(key), false);
    return !this.#closed;
  }

  async removePrefix(prefix: Uint8Array): Promise<boolean> {
    const start = nameOf(prefix);
    for (const name of [...this.#entries.keys()]) if (name.startsWith(start)) this.#entries.delete(name);
    this.#claims.doomPrefix(start);
    for (const listener of this.#listeners) listener(Buffer.from(prefix), true);
    return !this.#closed;
  }

  onRemoved(listener: RemovalListener): void {
    this.#listeners.push(listener);
  }

  stats(): SharedCacheStats {
    const { evictions, ...counts } = this.#counts;
    const { fills } = counts;
    const { maxBytes } = this.#options;
    const bytes = this.#entries.calculatedSize;
    const maxBodyBytes = maxBytes - MAX_KEY_BYTES - MAX_HEAD_BYTES;
    const store = { entries: this.#entries.size, bytes, maxBytes, maxBodyBytes, fills, evictions };
    return { state: this.#closed ? 'closed' : 'up', ...counts, mappedHits: counts.hits, store };
  }

  close(): void {
    this.#closed = true;
    this.#entries.clear();
    this.#claims.leave(this);
  }

  #find(key: Uint8Array): Entry | undefined {
    const entry = this.#entries.get(nameOf(key));
    if (entry === undefined) this.#counts.misses++;
    else this.#counts.hits++;
    return entry;
  }

  /** Undefined for what is not too large for a lookup. */
  #placeOf(name: string, body: Buffer): BodyPlace | undefined {
    if (body.length <= this.#options.maxLookupBytes) return undefined;
    const place: BodyPlace = {
      name: randomUUID(),
      length: body.length,
      open: () => (this.#entries.peek(name)?.place === place ? fileOf(body) : undefined),
    };
    return place;
  }

  #versionOf(name: string): number {
    return this.#entries.peek(name)?.version ?? 0;
  }

  #fill(claim: Claim, seen: number): Fill {
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    const put = (head: Uint8Array, body: Buffer, place: BodyPlace | undefined): boolean => {
      const isKept = !claim.isDoomed && !this.#closed && head.length <= MAX_HEAD_BYTES;
      const entry = { head: Buffer.from(head), body, place, version: ++this.#lastVersion };
      if (isKept) this.#entries.set(claim.key, entry);
      const isThere = isKept && this.#entries.peek(claim.key) === entry;
      if (isThere) this.#claims.done(claim);
      else this.#claims.abandon(claim, 'unshared');
      return isThere;
    };
    return {
      write: (piece) => {
        bytes += piece.length;
        if (bytes <= this.#options.maxBytes) pieces.push(piece);
        else pieces = [];
        return true;
      },
      drained: () => Promise.resolve(),
      commit: async (head) => {
        if (bytes <= this.#options.maxBytes) {
          const body = Buffer.concat(pieces);
          const isStored = put(head, body, this.#placeOf(claim.key, body));
          if (isStored) this.#counts.fills++;
          return isStored;
        }
        this.#claims.abandon(claim, 'unshared');
        return false;
      },
      freshen: async (head) => {
        const entry = this.#entries.peek(claim.key);
        if (entry !== undefined && entry.version === seen) return put(head, entry.body, entry.place);
        this.#claims.abandon(claim, 'failed');
        return false;
      },
      abandon: (why) => this.#claims.abandon(claim, why),
    };
  }
}

/** A file without a name. @throws the system's error */
function fileOf(body: Buffer): OpenFile {
  const path = join(memoryRoot(), `handover-${randomUUID()}`);
  const fd = openSync(path, 'wx+', 0o600);
  rmSync(path);
  for (let done = 0; done < body.length; ) done += writeSync(fd, body, done);
  return new SharedFile(fd).use();
}

/** One char per byte. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
