/**
 * Where responses are kept: by primary key (upstream and target), and where they differ by fields of the request,
 * by what those say. The first level is this worker's own memory.
 *
 *     "http://origin/path?query"                      → response, or marker (Vary: accept-encoding)
 *     "http://origin/path?query\n<generation>\n…=br"  → response
 */
import { LRUCache } from 'lru-cache';
import { type StoredHead, type StoredItem, StoredResponse, VaryMarker } from './stored-response.js';
import { secondaryKey, type ValueOf } from './vary.js';

/** What keeps items under keys; whatever is put in may be gone at any time. Nothing of it throws or rejects. */
export interface ResponseStore {
  get(key: string): StoredItem | undefined;
  put(key: string, item: StoredItem): void;
  /** As `put`, for this process alone. */
  putHere(key: string, item: StoredItem): void;
  /** True when there was one here. */
  delete(key: string): boolean;
  /** As `delete`, for this process alone. */
  deleteHere(key: string): boolean;
  /** What this process knows of it holds no more: it is looked for anew where all have it. */
  dropCopy(key: string): void;
  /**
   * Asks to be the one who brings what is missing, or stale.
   *
   * @param stale what is stored, and not good enough
   * @returns `done`: somebody else has brought another item meanwhile
   */
  claim(key: string, stale: StoredResponse | undefined): Promise<Claim | 'done'>;
  /** The same in the place of whatever is there, and without waiting: who is not alone keeps it to himself. */
  claimNow(key: string): Promise<Claim>;
}

/** The right to bring one item. It is to be brought to an end; whatever comes after that does nothing. */
export interface Claim {
  /**
   * True when a body of so many bytes is in other hands once it is written, and is found there when it is kept. Undefined:
   * it is to be written, but nobody knows yet.
   */
  takes(bodyBytes: number): boolean | undefined;
  /** The next bytes of the body, which must not change any more. False: wait for `drained` with the next. */
  write(bytes: Uint8Array): boolean;
  drained(): Promise<void>;
  /**
   * Stores what has come. False: it cannot be kept.
   *
   * @param body undefined: all of it was written, and there is to be no copy here
   */
  keep(head: StoredHead, body: Buffer | undefined): boolean | Promise<boolean>;
  /** Stores a marker; nothing was written. */
  keepMarker(marker: VaryMarker): void;
  /** Stores the same body with another head. */
  freshen(item: StoredResponse): void;
  /** Nothing comes. `failed`: whoever waits may try. `unshared`: what came is for one alone. */
  release(why: 'failed' | 'unshared'): void;
}

/** A store in this process's memory, least recently used items evicted when the bytes are used up. */
export class MemoryStore implements ResponseStore {
  readonly #items: LRUCache<string, StoredItem>;

  constructor(maxBytes: number) {
    this.#items = new LRUCache<string, StoredItem>({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: (item, key) => item.sizeBytes + key.length,
    });
  }

  get sizeBytes(): number {
    return this.#items.calculatedSize;
  }

  get count(): number {
    return this.#items.size;
  }

  get(key: string): StoredItem | undefined {
    return this.#items.get(key);
  }

  put(key: string, item: StoredItem): void {
    this.#items.set(key, item);
  }

  putHere(key: string, item: StoredItem): void {
    this.put(key, item);
  }

  delete(key: string): boolean {
    return this.#items.delete(key);
  }

  deleteHere(key: string): boolean {
    return this.delete(key);
  }

  dropCopy(key: string): void {
    this.delete(key);
  }

  /** Deletes all whose keys begin so. */
  deletePrefix(prefix: string): void {
    for (const key of [...this.#items.keys()]) if (key.startsWith(prefix)) this.#items.delete(key);
  }

  /** Nobody else is here. */
  async claim(key: string): Promise<Claim> {
    return claimHere(this, key);
  }

  claimNow(key: string): Promise<Claim> {
    return this.claim(key);
  }
}

/** A claim of this process alone. */
export function claimHere(store: Pick<ResponseStore, 'putHere'>, key: string): Claim {
  const put = (item: StoredItem): void => store.putHere(key, item);
  return {
    takes: () => false,
    write: () => true,
    drained: () => Promise.resolve(),
    keep: (head, body) => {
      if (body !== undefined) put(new StoredResponse(head, body));
      return body !== undefined;
    },
    keepMarker: put,
    freshen: put,
    release: () => undefined,
  };
}

export interface Found {
  /** What a response to this request is stored under. */
  readonly key: string;
  readonly stored: StoredResponse | undefined;
  /** There are responses for the resource, but none for what this request says of itself. */
  readonly isVaryMiss: boolean;
}

/** Finds what is stored for a request. */
export function findIn(store: ResponseStore, primary: string, value: ValueOf): Found {
  const item = store.get(primary);
  if (item?.kind !== 'vary') return { key: primary, stored: item, isVaryMiss: false };
  const key = variantKey(primary, item, value);
  const variant = store.get(key);
  const stored = variant?.kind === 'response' ? variant : undefined;
  return { key, stored, isVaryMiss: stored === undefined };
}

/** Where a response is to be stored. */
export interface Place {
  readonly key: string;
  /** What is to stand under the primary key, so that the response is found; undefined: it does already. */
  readonly marker: VaryMarker | undefined;
}

/**
 * The place for a response that differs by these fields.
 *
 * @param names in lower case and sorted, as `varyOf` gives them
 */
export function placeFor(
  store: ResponseStore,
  primary: string,
  names: readonly string[],
  value: ValueOf,
  generation: () => string,
): Place {
  if (names.length === 0) return { key: primary, marker: undefined };
  const item = store.get(primary);
  const isKnown = item?.kind === 'vary' && item.names.join() === names.join();
  const marker = isKnown ? item : new VaryMarker(generation(), names);
  return { key: variantKey(primary, marker, value), marker: isKnown ? undefined : marker };
}

function variantKey(primary: string, { generation, names }: VaryMarker, value: ValueOf): string {
  return `${primary}\n${generation}\n${secondaryKey(names, value)}`;
}
