/**
 * The store of a worker before the one that all workers share: what was found there is kept here, too, and what
 * comes is put into both. Only one of all workers brings what is missing.
 */
import type { Fill, SharedCache, StoredObject } from '../../shared-cache/shared-cache.js';
import { type Claim, claimHere, type MemoryStore, type ResponseStore } from './response-store.js';
import { headBytesOf, itemOf, type StoredItem, type StoredResponse } from './stored-response.js';

/** So long it is waited for another worker, before an upstream is asked a second time. */
const CLAIM_WAIT_MS = 10_000;
/** Bytes that are handed over at once. */
const PIECE_BYTES = 256 * 1024;

export class TieredStore implements ResponseStore {
  readonly #memory: MemoryStore;
  readonly #shared: SharedCache;
  /**
   * Versions of what was removed and may still lie in shared memory: a cache process that stands still takes nothing
   * away, and what is there is read without asking it.
   */
  readonly #outdated = new Map<string, number>();

  constructor(memory: MemoryStore, shared: SharedCache) {
    this.#memory = memory;
    this.#shared = shared;
    shared.onRemoved((key, isPrefix) => {
      const name = key.toString('latin1');
      if (isPrefix) memory.deletePrefix(name);
      else memory.delete(name);
      this.#removed(name, isPrefix);
    });
  }

  get(key: string): StoredItem | undefined {
    return this.#memory.get(key) ?? this.#promoted(key, this.#current(key));
  }

  put(key: string, item: StoredItem): void {
    this.#memory.put(key, item);
    const found = this.#current(key);
    const isElsewhere = !Buffer.isBuffer(item.body);
    // Its body is there, or by now another one, which has a head of its own.
    if (isElsewhere && found?.place?.name !== item.body.name) return;
    void this.#shared.claim(bytesOf(key), { seen: found?.version ?? 0, waitMs: 0 }).then((claim) => {
      if (typeof claim === 'string') return undefined;
      return isElsewhere ? claim.freshen(item.headBytes()) : commit(claim, item.headBytes(), item.body);
    });
  }

  putHere(key: string, item: StoredItem): void {
    this.#memory.put(key, item);
  }

  delete(key: string): boolean {
    const wasThere = this.deleteHere(key);
    void this.#shared.remove(bytesOf(key));
    return wasThere;
  }

  deleteHere(key: string): boolean {
    const found = this.#current(key);
    if (found !== undefined) this.#outdated.set(key, found.version);
    // Whoever has said so has asked for it, too. But he may be gone before the cache process moves again.
    if (found !== undefined || this.#shared.stats().state !== 'up') void this.#shared.remove(bytesOf(key));
    return this.#memory.delete(key) || found !== undefined;
  }

  dropCopy(key: string): void {
    this.#memory.delete(key);
  }

  async claim(key: string, stale: StoredResponse | undefined): Promise<Claim | 'done'> {
    const known = this.#current(key);
    if (known !== undefined && this.#isNews(key, known, stale)) return 'done';
    const seen = known?.version ?? 0;
    const claim = await this.#shared.claim(bytesOf(key), { seen, waitMs: CLAIM_WAIT_MS });
    if (claim === 'done') {
      // What is here is older than what the others have.
      this.#memory.delete(key);
      const found = this.#current(key);
      if (found !== undefined && this.#isNews(key, found, stale)) return 'done';
    }
    return this.#claimed(key, typeof claim === 'string' ? undefined : claim);
  }

  async claimNow(key: string): Promise<Claim> {
    const seen = this.#current(key)?.version ?? 0;
    const claim = await this.#shared.claim(bytesOf(key), { seen, waitMs: 0 });
    return this.#claimed(key, typeof claim === 'string' ? undefined : claim);
  }

  /** What lies in shared memory, unless it was removed. */
  #current(key: string): StoredObject | undefined {
    const found = this.#shared.lookup(bytesOf(key));
    if (found === undefined || this.#outdated.size === 0) return found;
    if (this.#outdated.get(key) === found.version) return undefined;
    this.#outdated.delete(key);
    return found;
  }

  /** The cache process has taken it away. */
  #removed(name: string, isPrefix: boolean): void {
    if (!isPrefix) this.#outdated.delete(name);
    else for (const key of this.#outdated.keys()) if (key.startsWith(name)) this.#outdated.delete(key);
  }

  #claimed(key: string, fill: Fill | undefined): Claim {
    const memory = this.#memory;
    const here = claimHere(memory, key);
    if (fill === undefined) return here;
    const maxBytes = this.#shared.stats().store?.maxBodyBytes ?? 0;
    let writtenBytes = 0;
    return {
      takes: (bodyBytes) => bodyBytes <= maxBytes,
      write: (bytes) => {
        writtenBytes += bytes.length;
        return fill.write(bytes);
      },
      drained: () => fill.drained(),
      keep: (head, body) => {
        if (body !== undefined && body.length !== writtenBytes) {
          // It is too large for all.
          fill.abandon('unshared');
          return here.keep(head, body);
        }
        const committed = fill.commit(headBytesOf(head));
        if (here.keep(head, body) === true) return true;
        return committed.then((isStored) => {
          // What is here would be found before it.
          if (isStored) memory.delete(key);
          return isStored;
        });
      },
      keepMarker(marker) {
        memory.put(key, marker);
        void fill.commit(marker.headBytes());
      },
      freshen(item) {
        memory.put(key, item);
        void fill.freshen(item.headBytes());
      },
      release: (why) => fill.abandon(why),
    };
  }

  /** True when the others have something else than what is here; from then on it is here, too. */
  #isNews(key: string, found: StoredObject, stale: StoredResponse | undefined): boolean {
    const item = itemIn(found);
    if (item === undefined) return false;
    const isNew = item.kind === 'vary' || stale === undefined || item.receivedMs > stale.receivedMs;
    if (isNew) this.#memory.put(key, item);
    return isNew;
  }

  #promoted(key: string, found: StoredObject | undefined): StoredItem | undefined {
    const item = found && itemIn(found);
    if (item !== undefined) this.#memory.put(key, item);
    return item;
  }
}

/** Hands an object over, as fast as it is taken. */
async function commit(fill: Fill, head: Buffer, body: Buffer): Promise<boolean> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    if (!fill.write(body.subarray(at, at + PIECE_BYTES))) await fill.drained();
  }
  return fill.commit(head);
}

/** What stands for an object here: of a large one the head alone, and where its body is. */
function itemIn({ head, body, place }: StoredObject): StoredItem | undefined {
  const stored = body ?? place;
  return stored && itemOf(head, stored);
}

/** Keys have one char per byte. */
function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}
