/**
 * The cache that all workers share, as a worker sees it: a store of objects, each a key, a head and a body,
 * all of them opaque bytes. What a key or a head means is the business of whoever puts it in.
 *
 * Nothing here throws or rejects because the cache is gone, stopped or full: then there are no objects,
 * everybody may fetch for himself, and nothing is kept.
 */
import type { BodySource } from '../http/body-source.js';
import type { OpenFile } from '../transport/connection.js';

/** Longest key, in bytes. A longer one is never stored. */
export const MAX_KEY_BYTES = 8 * 1024;
/** Largest head, in bytes. An object with a larger one is not stored. */
export const MAX_HEAD_BYTES = 32 * 1024;

/** Bodies of up to this size are given by `lookup` as bytes; larger ones, and in a small cache smaller ones, by place. */
export const MAX_LOOKUP_BYTES = 1024 * 1024;

/** What `lookup` finds: bytes of one's own, whole and of one moment. */
export interface StoredObject {
  readonly head: Buffer;
  /** Undefined: too large to be copied at once. */
  readonly body: Buffer | undefined;
  /** Where such a body is; undefined for all others. */
  readonly place: BodyPlace | undefined;
  readonly bodyBytes: number;
  /** Another number whenever head or body are others. Never 0. */
  readonly version: number;
}

/** Where a large body lies: in a file in shared memory, whole, which is never changed. */
export interface BodyPlace {
  /** No two bodies ever have the same. */
  readonly name: string;
  /** In bytes. */
  readonly length: number;
  /** Held open for one response, whatever is evicted meanwhile. To be closed. Undefined: it is not there any more. */
  open(): OpenFile | undefined;
}

/** What `open` finds. */
export interface StoredStream {
  readonly head: Buffer;
  /** Of the whole body, whatever part of it was asked for. */
  readonly bodyBytes: number;
  readonly version: number;
  /** The part that was asked for. To be started or cancelled: until then it holds a segment. */
  readonly body: BodySource;
}

/** A part of a body, in bytes; without it, all of it. */
export interface Slice {
  readonly offset: number;
  readonly length: number;
}

export interface ClaimOptions {
  /** The version that was found and is not good enough; 0: none was found. */
  readonly seen: number;
  /** How long to wait for somebody else who fills. 0: not at all. */
  readonly waitMs: number;
  /** Whoever gives up waiting is answered `none`. */
  readonly signal?: AbortSignal;
}

/**
 * The right to fill one object. It must be brought to its end by `commit`, `freshen` or `abandon`; it ends by
 * itself, as given up, when this process dies.
 */
export interface Fill {
  /**
   * The next bytes of the body, which must not change any more. False: that is enough for now, wait for
   * `drained`. What can no longer be kept (too large, the cache is gone) is taken and forgotten.
   */
  write(bytes: Uint8Array): boolean;
  /** Resolves when more may be written. */
  drained(): Promise<void>;
  /** The body is whole: all see it from now on, in place of what was there. False: it could not be kept. */
  commit(head: Uint8Array): Promise<boolean>;
  /**
   * What is stored stays as it is, with another head: nothing of the body is written. False: it is no longer
   * there, or no longer what the claim had `seen`.
   */
  freshen(head: Uint8Array): Promise<boolean>;
  /**
   * Nothing comes of it. `failed`: the next who waits may try. `unshared`: what came is not for others, so all
   * who wait fetch for themselves at once. Does nothing after the end.
   */
  abandon(why: 'failed' | 'unshared'): void;
}

/** `down`: there is no cache process. `stalled`: there is one, and it does not answer. */
export type SharedCacheState = 'up' | 'down' | 'stalled' | 'closed';

/** What this worker has asked, since it began. */
export interface SharedCacheStats {
  readonly state: SharedCacheState;
  /** Lookups and opens that found something, and those that did not. */
  readonly hits: number;
  readonly misses: number;
  /** Lookups that found something: hits without a message. */
  readonly mappedHits: number;
  /** Objects that this worker has put in. */
  readonly fills: number;
  /** Claims that found another object than the one seen, most often after waiting for it. */
  readonly waits: number;
  /** What took too long, or broke off because the cache process went away. */
  readonly failures: number;
  /** Figures of the cache itself, for all workers; undefined while they cannot be read. */
  readonly store: StoreFigures | undefined;
}

/** What the cache holds, and what it had to give up. */
export interface StoreFigures {
  readonly entries: number;
  /** Keys, heads and bodies. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Of one object at most. */
  readonly maxBodyBytes: number;
  readonly fills: number;
  /** Objects that had to make room for others. */
  readonly evictions: number;
}

/** `key` is that of one object, or with `isPrefix` what the keys of all begin with. */
export type RemovalListener = (key: Buffer, isPrefix: boolean) => void;

export interface SharedCache {
  /**
   * What is stored under a key. No message and no promise: it is read from shared memory, copied and
   * checked. Undefined: it is not there, or was overwritten in this moment.
   */
  lookup(key: Uint8Array): StoredObject | undefined;
  /** The same as a stream, chunk by chunk through a segment. Undefined: it is not there, or there is no room. */
  open(key: Uint8Array, slice?: Slice): Promise<StoredStream | undefined>;
  /**
   * Who fills an object: one of all workers gets a Fill. `done`: there is another object now than the one
   * seen, look again. `none`: fetch for yourself, and keep it to yourself.
   */
  claim(key: Uint8Array, options: ClaimOptions): Promise<Fill | 'done' | 'none'>;
  /**
   * Forgets an object, and what is on its way to take its place. True when it was done, which it is not when the
   * cache process is not there or does not answer.
   */
  remove(key: Uint8Array): Promise<boolean>;
  /** Forgets all objects whose keys begin so. */
  removePrefix(prefix: Uint8Array): Promise<boolean>;
  /**
   * Who keeps copies of his own is told what was removed, by whichever worker: one key, or all that begin so. When the
   * connection was lost in between, nobody knows what was: then it is all keys (an empty prefix).
   */
  onRemoved(listener: RemovalListener): void;
  stats(): SharedCacheStats;
  /** Gives back what it holds; from then on nothing is found. */
  close(): void;
}
