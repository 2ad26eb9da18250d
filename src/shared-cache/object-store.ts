/**
 * What the cache process holds: small objects in the arena, where workers read them themselves; of large ones the
 * head there and the body apart.
 */
import { messageOf } from '../errors.js';
import type { SharedBytes } from '../posix/shared-bytes.js';
import { type ArenaEntry, ArenaWriter } from './arena-writer.js';
import { type Content, MemoryContent } from './content.js';
import { LargeBodies, type LargeBody } from './large-bodies.js';
import { MAX_HEAD_BYTES, MAX_KEY_BYTES, MAX_LOOKUP_BYTES, type StoreFigures } from './shared-cache.js';

export interface ObjectStoreOptions {
  /** Zeros. */
  readonly arena: SharedBytes;
  /** Where bodies apart are files. */
  readonly directory: string;
  /** For bodies apart; the arena is as large as its memory. */
  readonly maxLargeBytes: number;
  readonly report: (text: string) => void;
}

/** An object to be sent; `content` is to be closed. */
export interface OpenObject {
  readonly head: Buffer;
  readonly version: number;
  readonly content: Content;
}

export class ObjectStore {
  readonly #arena: ArenaWriter;
  readonly #large: LargeBodies;
  readonly #maxSmallBytes: number;
  readonly #report: (text: string) => void;
  #isFull = false;

  constructor({ arena, directory, maxLargeBytes, report }: ObjectStoreOptions) {
    this.#arena = new ArenaWriter(arena, maxLargeBytes);
    this.#maxSmallBytes = Math.min(
      MAX_LOOKUP_BYTES,
      this.#arena.maxEntryBytes - MAX_HEAD_BYTES - MAX_KEY_BYTES,
    );
    this.#report = report;
    this.#large = new LargeBodies({
      directory,
      maxBytes: maxLargeBytes,
      takeUse: (body) => {
        const entry = this.#arena.find(body.name);
        return entry?.apart === body && this.#arena.takeUse(entry);
      },
      evict: (body) => {
        const entry = this.#arena.find(body.name);
        if (entry?.apart === body) this.#arena.evict(entry);
        else body.release();
      },
    });
  }

  get figures(): StoreFigures {
    return this.#arena.figures;
  }

  /** 0 when there is none. */
  versionOf(name: string): number {
    return this.#arena.find(name)?.version ?? 0;
  }

  open(name: string): OpenObject | undefined {
    const entry = this.#arena.find(name);
    if (entry === undefined) return undefined;
    const { head, body } = this.#arena.read(entry);
    const { apart, version } = entry;
    if (apart === undefined) return { head, version, content: new MemoryContent(body) };
    const content = this.#openApart(apart as LargeBody);
    return content && { head, version, content };
  }

  /** A body that comes piece by piece. */
  receive(): IncomingBody {
    return new IncomingBody(this.#maxSmallBytes, this.#large, (error) => {
      if (!this.#isFull) this.#report(`the shared cache cannot keep large objects: ${messageOf(error)}`);
      this.#isFull = true;
    });
  }

  /** Stores what was received, and ends it in every case. False: it is too large, or something is missing of it. */
  put(key: Buffer, head: Uint8Array, body: IncomingBody): boolean {
    const received = head.length > MAX_HEAD_BYTES ? undefined : body.take();
    if (received === undefined) {
      body.drop();
      return false;
    }
    if (Array.isArray(received)) return this.#arena.put(key, head, received);
    received.name = key.toString('latin1');
    // Also when it was to be put in place of another: that one is gone by then.
    if (!this.#arena.put(key, head, received)) {
      received.release();
      return false;
    }
    received.touch();
    return true;
  }

  /** Gives an object another head. False when it is not that version any more. */
  freshen(name: string, seen: number, head: Uint8Array): boolean {
    const entry = this.#arena.find(name);
    if (entry === undefined || entry.version !== seen || head.length > MAX_HEAD_BYTES) return false;
    return this.#arena.freshen(entry, head) || this.#putAgain(entry, head);
  }

  remove(name: string): boolean {
    return this.#arena.remove(name);
  }

  removePrefix(start: string): void {
    for (const name of [...this.#arena.names]) if (name.startsWith(start)) this.#arena.remove(name);
  }

  close(): void {
    this.#arena.close();
  }

  /** For a head that has grown beyond its room. */
  #putAgain(entry: ArenaEntry, head: Uint8Array): boolean {
    const body = entry.apart ?? [this.#arena.read(entry).body];
    return this.#arena.put(Buffer.from(entry.name, 'latin1'), head, body);
  }

  #openApart(body: LargeBody): Content | undefined {
    body.touch();
    try {
      return body.open();
    } catch (error) {
      // There are no descriptors left.
      this.#report(`a large object of the shared cache cannot be opened: ${messageOf(error)}`);
      return undefined;
    }
  }
}

/** A body on its way in: in memory while it is small, in a file of its own from then on. */
export class IncomingBody {
  readonly #maxSmallBytes: number;
  readonly #bodies: LargeBodies;
  readonly #onFull: (error: unknown) => void;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #large: LargeBody | undefined;
  #lost = false;

  constructor(maxSmallBytes: number, bodies: LargeBodies, onFull: (error: unknown) => void) {
    this.#maxSmallBytes = maxSmallBytes;
    this.#bodies = bodies;
    this.#onFull = onFull;
  }

  /** Takes bytes, which must not change any more. False: it cannot be kept, and nothing need follow. */
  append(bytes: Uint8Array): boolean {
    if (this.#lost) return false;
    this.#bytes += bytes.length;
    try {
      if (this.#large === undefined && this.#bytes <= this.#maxSmallBytes) {
        this.#pieces.push(bytes);
        return true;
      }
      this.#large ??= this.#bodies.make();
      const pieces = [...this.#pieces, bytes];
      this.#pieces = [];
      if (pieces.every((piece) => this.#large?.append(piece))) return true;
    } catch (error) {
      this.#onFull(error);
    }
    this.drop();
    return false;
  }

  /** What was received, which is the taker's from now on; undefined when something of it is lost. */
  take(): Uint8Array[] | LargeBody | undefined {
    if (this.#lost) return undefined;
    this.#large?.seal();
    const received = this.#large ?? this.#pieces;
    this.#lost = true;
    this.#large = undefined;
    this.#pieces = [];
    return received;
  }

  drop(): void {
    this.#lost = true;
    this.#pieces = [];
    this.#large?.release();
    this.#large = undefined;
  }
}
