/**
 * The shared cache in a worker: connects to the cache process, whichever of the two was started first, and connects
 * again whenever it is lost. While it is not there everything is answered at once, with nothing.
 */
import { connect, type Socket } from 'node:net';
import type { MappingKind } from '../posix/shared-bytes.js';
import { type Arrival, download } from './download.js';
import { CLAIMED, OP } from './frames.js';
import { OwedRemovals, type Removal } from './owed-removals.js';
import { STATUS } from './segment.js';
import type { SegmentCounts } from './segment-pool.js';
import { Session } from './session.js';
import {
  type ClaimOptions,
  type Fill,
  MAX_KEY_BYTES,
  type RemovalListener,
  type SharedCache,
  type SharedCacheState,
  type SharedCacheStats,
  type Slice,
  type StoredObject,
  type StoredStream,
} from './shared-cache.js';
import { Upload } from './upload.js';

export interface CacheClientOptions {
  readonly socketPath: string;
  /** Segments at most: transfers of this worker that may be under way at once. */
  readonly maxSegments: number;
  /** Bytes that a segment takes. */
  readonly chunkBytes: number;
  readonly mapping?: MappingKind | 'auto';
  /** One line for the server's log. */
  readonly report: (text: string) => void;
}

const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 1000;
/** The prefix of all keys. */
const EVERYTHING = Buffer.alloc(0);

export class CacheClient implements SharedCache {
  readonly #options: CacheClientOptions;
  readonly #counts = { hits: 0, misses: 0, mappedHits: 0, fills: 0, waits: 0, failures: 0 };
  #session: Session | undefined;
  /** A new connection, on which something is to be removed before it is used. */
  #joining: Session | undefined;
  readonly #owed = new OwedRemovals();
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #closed = false;
  #onUp: (() => void)[] = [];
  readonly #removalListeners: RemovalListener[] = [];
  /** There was a connection before this one: what was removed since is not known. */
  #wasUp = false;

  constructor(options: CacheClientOptions) {
    this.#options = options;
    this.#connect();
  }

  get state(): SharedCacheState {
    if (this.#closed) return 'closed';
    if (this.#session?.isUp !== true) return 'down';
    return this.#session.isStalled ? 'stalled' : 'up';
  }

  /** Resolves when the cache process can be asked; at once when it can already. */
  up(): Promise<void> {
    if (this.#session?.isUp === true) return Promise.resolve();
    return new Promise((resolve) => this.#onUp.push(resolve));
  }

  get segments(): SegmentCounts {
    return this.#session?.segments ?? { free: 0, lent: 0, quarantined: 0, waiting: 0 };
  }

  lookup(key: Uint8Array): StoredObject | undefined {
    const found = this.#session?.lookup(key);
    this.#count(found !== undefined);
    if (found !== undefined) this.#counts.mappedHits++;
    return found;
  }

  async open(key: Uint8Array, slice?: Slice): Promise<StoredStream | undefined> {
    const found = await this.#download(OP.get, key, slice);
    const isFound = found?.status === STATUS.ok;
    this.#count(isFound);
    return isFound ? found : undefined;
  }

  /** A plain file below the root of the cache process, or why there is none; undefined when it cannot be asked. */
  openFile(path: string, slice?: Slice): Promise<Arrival | undefined> {
    return this.#download(OP.file, Buffer.from(path), slice);
  }

  async claim(key: Uint8Array, options: ClaimOptions): Promise<Fill | 'done' | 'none'> {
    const session = this.#session;
    const { seen, waitMs, signal } = options;
    if (session?.answers !== true || signal?.aborted === true || key.length > MAX_KEY_BYTES) return 'none';
    const id = session.nextRequest();
    let isAborted = false;
    const abort = (): void => {
      isAborted = true;
      session.send(OP.abandon, id);
      session.forget(id);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const payload = Buffer.alloc(4 + key.length);
    payload.writeUInt32LE(seen);
    payload.set(key, 4);
    const result = await session.request(OP.claim, id, waitMs, payload);
    signal?.removeEventListener('abort', abort);
    if (result === undefined && !isAborted) this.#counts.failures++;
    if (result === CLAIMED.done) {
      this.#counts.waits++;
      return 'done';
    }
    if (result !== CLAIMED.granted) return 'none';
    return new Upload(session, id, this.#options.chunkBytes, () => {
      this.#counts.fills++;
    });
  }

  remove(key: Uint8Array): Promise<boolean> {
    return this.#remove({ key: Uint8Array.from(key), isPrefix: false });
  }

  removePrefix(prefix: Uint8Array): Promise<boolean> {
    return this.#remove({ key: Uint8Array.from(prefix), isPrefix: true });
  }

  onRemoved(listener: RemovalListener): void {
    this.#removalListeners.push(listener);
  }

  stats(): SharedCacheStats {
    return { state: this.state, ...this.#counts, store: this.#session?.figures() };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#session?.close();
    this.#joining?.close();
    this.#socket?.destroy();
  }

  async #remove(removal: Removal): Promise<boolean> {
    // There is nothing under a longer key.
    if (removal.key.length > MAX_KEY_BYTES || this.#closed) return false;
    this.#owed.add(removal);
    const session = this.#session ?? this.#joining;
    return session !== undefined && this.#askToRemove(session, removal);
  }

  #askToRemove(session: Session, removal: Removal): Promise<boolean> {
    return session.remove(removal, () => {
      this.#owed.done(removal);
      if (session === this.#joining) this.#join(session);
    });
  }

  /** Takes a new connection into use, when all that is owed was done there. */
  #join(session: Session): void {
    if (!this.#owed.isEmpty) return;
    this.#joining = undefined;
    this.#session = session;
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#wasUp) this.#tellRemoved(EVERYTHING, true);
    this.#wasUp = true;
    for (const resolve of this.#onUp.splice(0)) resolve();
  }

  async #download(
    op: typeof OP.get | typeof OP.file,
    name: Uint8Array,
    slice: Slice | undefined,
  ): Promise<Arrival | undefined> {
    const session = this.#session;
    if (session?.answers !== true || name.length > MAX_KEY_BYTES) return undefined;
    const arrival = await download(session, op, name, slice);
    if (arrival === undefined) this.#counts.failures++;
    return arrival;
  }

  #count(isFound: boolean): void {
    if (isFound) this.#counts.hits++;
    else this.#counts.misses++;
  }

  #tellRemoved(key: Buffer, isPrefix: boolean): void {
    for (const listener of this.#removalListeners) listener(key, isPrefix);
  }

  #connect(): void {
    const socket = connect({ path: this.#options.socketPath });
    this.#socket = socket;
    let session: Session | undefined;
    // ENOENT, ECONNREFUSED: it is not there yet.
    socket.on('error', () => undefined);
    socket.on('connect', () => {
      session = new Session(
        socket,
        { mapping: 'auto', ...this.#options },
        {
          onUp: () => {
            this.#joining = session!;
            for (const removal of this.#owed.all()) void this.#askToRemove(session!, removal);
            this.#join(session!);
          },
          onRemoved: (key, isPrefix) => this.#tellRemoved(key, isPrefix),
          onDown: () => {
            if (this.#session === session) this.#session = undefined;
            if (this.#joining === session) this.#joining = undefined;
          },
        },
      );
    });
    socket.on('close', () => {
      if (this.#closed) return;
      this.#retry = setTimeout(() => this.#connect(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    });
  }
}
