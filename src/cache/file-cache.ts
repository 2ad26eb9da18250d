/**
 * The worker's cache: djb2 of a path's raw bytes → chain → whole path compared → entry, least recently
 * used chains evicted when the bytes are used up. What an entry is, and when it is stale, is the
 * business of whoever puts it in.
 */
import { LRUCache } from 'lru-cache';
import { sameBytes } from '../bytes.js';

/** What the cache needs to know of an entry. One object must not be in two caches. */
export interface CacheEntry<Entry> {
  /** The raw path; its own bytes. */
  readonly key: Buffer;
  /** djb2 of `key`. */
  readonly hash: number;
  /** What the entry costs, in bytes; counted when it is put in. */
  readonly sizeBytes: number;
  /** Next entry whose hash is the same. The cache's. */
  next: Entry | undefined;
}

export interface CacheOptions {
  readonly maxBytes: number;
  readonly onEvict?: () => void;
}

/**
 * A 32-bit hash collides by chance for one pair in 4 billion, so chains are nearly always one entry long.
 * But anybody can make paths that collide (djb2 is not made against that), and a chain is walked: it is
 * kept short, and the entries at its end are dropped.
 */
const MAX_CHAIN = 8;

export class FileCache<Entry extends CacheEntry<Entry>> {
  readonly #chains: LRUCache<number, Entry>;
  readonly #onEvict: () => void;

  constructor(options: CacheOptions) {
    const { maxBytes, onEvict = () => undefined } = options;
    this.#onEvict = onEvict;
    this.#chains = new LRUCache<number, Entry>({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: chainSize,
      dispose: (_entry, _hash, reason) => {
        if (reason === 'evict') onEvict();
      },
    });
  }

  /** Bytes held. */
  get sizeBytes(): number {
    return this.#chains.calculatedSize;
  }

  /** Chains held; the number of entries but for collisions. */
  get count(): number {
    return this.#chains.size;
  }

  /** The entry of the path `bytes[start..end)` whose djb2 is `hash`; it becomes the most recently used. */
  find(bytes: Buffer, start: number, end: number, hash: number): Entry | undefined {
    let entry = this.#chains.get(hash);
    while (entry !== undefined && !sameBytes(bytes, start, end, entry.key)) entry = entry.next;
    return entry;
  }

  /** Puts an entry in, in place of one with the same path. False: it is larger than the cache, and not kept. */
  put(entry: Entry): boolean {
    entry.next = without(this.#chains.peek(entry.hash), entry.key);
    if (shorten(entry, MAX_CHAIN)) this.#onEvict();
    // The size of a chain changes with its entries, and is only counted anew for a new value.
    this.#chains.delete(entry.hash);
    this.#chains.set(entry.hash, entry);
    return this.#chains.peek(entry.hash) === entry;
  }

  /** Takes out what is there under the path of an entry, be it that entry or a newer one. */
  delete(entry: Entry): void {
    const head = this.#chains.peek(entry.hash);
    if (head === undefined) return;
    const rest = without(head, entry.key);
    this.#chains.delete(entry.hash);
    if (rest !== undefined) this.#chains.set(entry.hash, rest);
  }

  clear(): void {
    this.#chains.clear();
  }
}

function chainSize<Entry extends CacheEntry<Entry>>(head: Entry): number {
  let size = 0;
  for (let entry: Entry | undefined = head; entry !== undefined; entry = entry.next) {
    size += Math.max(1, entry.sizeBytes);
  }
  return size;
}

/** The chain with the entry of that path taken out; order is kept. */
function without<Entry extends CacheEntry<Entry>>(head: Entry | undefined, key: Buffer): Entry | undefined {
  let before: Entry | undefined;
  for (let entry = head; entry !== undefined; before = entry, entry = entry.next) {
    if (!entry.key.equals(key)) continue;
    if (before === undefined) return entry.next;
    before.next = entry.next;
    return head;
  }
  return head;
}

/** Drops what comes after the first `length` entries; true when there was any. */
function shorten<Entry extends CacheEntry<Entry>>(head: Entry, length: number): boolean {
  let last = head;
  for (let i = 1; i < length; i++) {
    if (last.next === undefined) return false;
    last = last.next;
  }
  const isLonger = last.next !== undefined;
  last.next = undefined;
  return isLonger;
}
