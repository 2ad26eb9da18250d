/**
 * The resources a worker knows: its cache, what fills it, and what keeps it true. An entry is believed
 * for a while after the disk was last asked; then the next request asks again before it is answered.
 * Requests that need the same lookup wait for one.
 */
import { djb2 } from '../cache/djb2.js';
import { FileCache } from '../cache/file-cache.js';
import type { Clock } from '../http/clock.js';
import type { CacheState, Coding } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { Turns } from '../pool/turns.js';
import type { ReadGuard } from '../tokens/token-manager.js';
import { type Coherence, isOnly, namedFile } from './coherence.js';
import type { Found, LookupTask } from './found.js';
import { encodePath, type RequestPath, unicodeForms } from './paths.js';
import {
  type Compressible,
  formsOf,
  type Representation,
  type Resource,
  type ResourceMaker,
} from './resource.js';

/** The work that is done in pool threads. */
export interface FileTasks {
  lookup(task: LookupTask): Promise<Found>;
  compress(bytes: Uint8Array, coding: Coding): Promise<Uint8Array>;
  /** Codings that `compress` can make on this platform. */
  readonly codings: readonly Coding[];
}

export interface StoreOptions {
  readonly tasks: FileTasks;
  readonly maker: ResourceMaker;
  readonly clock: Clock;
  readonly maxBytes: number;
  /** How long an entry is believed; 0: asked before every answer. */
  readonly revalidateMs: number;
  /** Compressions that may run at once; the others wait. */
  readonly maxCompressions: number;
  readonly onEvict: () => void;
  /** Where files are written through the server. */
  readonly coherence?: Coherence | undefined;
  /** What is looked for first in a directory; undefined: nothing. */
  readonly indexFile?: string | undefined;
  /** Told of what is there and may not be read: nothing for the client, a mistake for the log. */
  readonly report: (problem: string) => void;
}

/** A raw path with its hash, in bytes of its own. */
export interface ResourceKey {
  readonly key: Buffer;
  readonly hash: number;
}

export interface Stored {
  readonly resource: Resource;
  readonly state: CacheState;
}

/** The disk could not be asked: out of descriptors, a failing device, a file that is never at rest. */
export class LookupFailure extends Error {
  override readonly name = 'LookupFailure';
  readonly kind: 'busy' | 'failed';

  constructor(kind: 'busy' | 'failed', reason: string) {
    super(reason);
    this.kind = kind;
  }
}

/** The part of the cache's bytes that knowledge of absent files may take, so that a scan evicts nothing. */
const MISSING_SHARE = 1 / 16;

/** Files that may wait to be compressed; one more is sent as it is rather than late. */
const MAX_WAITING_COMPRESSIONS = 64;

/** A lookup that others may wait for. */
interface UnderWay {
  readonly askedAtMs: number;
  readonly guard: ReadGuard | undefined;
  readonly stored: Promise<Stored>;
}

export class ResourceStore {
  readonly #options: StoreOptions;
  readonly #present: FileCache<Resource>;
  readonly #missing: FileCache<Resource>;
  /** Lookups under way that others may wait for. */
  readonly #lookups = new Map<string, UnderWay>();
  /** Compressions under way or waiting, for others to wait for. */
  readonly #compressions = new Map<string, Promise<Compressible>>();
  readonly #compressionTurns: Turns;

  constructor(options: StoreOptions) {
    const { maxBytes, onEvict } = options;
    this.#options = options;
    this.#compressionTurns = new Turns(options.maxCompressions);
    this.#present = new FileCache({ maxBytes: maxBytes * (1 - MISSING_SHARE), onEvict });
    this.#missing = new FileCache({ maxBytes: maxBytes * MISSING_SHARE });
  }

  get sizeBytes(): number {
    return this.#present.sizeBytes + this.#missing.sizeBytes;
  }

  get count(): number {
    return this.#present.count + this.#missing.count;
  }

  /** What is known of the request's path, if it may still be believed. */
  fresh(head: RequestHead): Resource | undefined {
    const entry = this.#find(head.key, head.keyStart, head.keyEnd, head.keyHash);
    return entry !== undefined && this.#isFresh(entry) ? entry : undefined;
  }

  /** What is known under a path, if it may still be believed. */
  freshAt({ key, hash }: ResourceKey): Resource | undefined {
    const entry = this.#find(key, 0, key.length, hash);
    return entry !== undefined && this.#isFresh(entry) ? entry : undefined;
  }

  /** What there is under a path, from the cache or from the disk. Rejects with LookupFailure. */
  async get({ key, hash }: ResourceKey): Promise<Stored> {
    const entry = this.#find(key, 0, key.length, hash);
    if (entry !== undefined && this.#isFresh(entry)) return { resource: entry, state: 'HIT' };
    const rawPath = key.toString('latin1');
    const under = this.#lookups.get(rawPath);
    // An answer is as old as its question: what was asked too long ago, the disk has to be asked again.
    if (under !== undefined && this.#isYoung(under.askedAtMs) && this.#isGuarded(under.guard))
      return under.stored;
    const askedAtMs = this.#options.clock.nowMs;
    // Taken before the disk is asked: what is changed from here on makes it invalid.
    const { coherence, indexFile } = this.#options;
    const file = coherence && namedFile(rawPath, indexFile);
    const guard = file && coherence?.guard(file.token);
    if (file !== undefined && guard === undefined) coherence?.want(file.token);
    const lookingUp = this.#lookUp(rawPath, { key, hash }, entry, askedAtMs).then((found) => {
      const { resource } = found;
      resource.guard = guard !== undefined && isOnly(file!, resource) ? guard : undefined;
      return found;
    });
    const stored = lookingUp.finally(() => {
      if (this.#lookups.get(rawPath) === lookup) this.#lookups.delete(rawPath);
    });
    const lookup = { askedAtMs, guard, stored };
    this.#lookups.set(rawPath, lookup);
    return stored;
  }

  /**
   * What there is under the first of a path's Unicode forms under which there is anything. Each form is kept
   * under its own name, so that a file is one entry however it is asked for. Rejects with LookupFailure.
   */
  async getPath({ segments, trailingSlash }: RequestPath): Promise<Stored> {
    const [asked = segments, ...others] = unicodeForms(segments);
    const first = await this.get(keyOf(encodePath(asked, trailingSlash)));
    if (first.resource.kind !== 'missing') return first;
    for (const form of others) {
      const stored = await this.get(keyOf(encodePath(form, trailingSlash)));
      if (stored.resource.kind !== 'missing') return stored;
    }
    return first;
  }

  /** The same resource with a compressed form, made once and kept; as it is when too many wait for theirs. */
  async withCoding<R extends Compressible>(
    resource: R,
    representation: Representation,
    coding: Coding,
  ): Promise<R> {
    const name = `${coding} ${representation} ${resource.identity} ${resource.key.toString('latin1')}`;
    const under = this.#compressions.get(name);
    if (under !== undefined) return under as Promise<R>;
    if (this.#compressions.size >= MAX_WAITING_COMPRESSIONS) return resource;
    const compress = () => this.#compress(resource, representation, coding);
    const made = this.#compressionTurns.run(compress).finally(() => this.#compressions.delete(name));
    this.#compressions.set(name, made);
    return made;
  }

  /** Forgets a path, so that the disk is asked anew. */
  forget(resource: Resource): void {
    this.#present.delete(resource);
    this.#missing.delete(resource);
  }

  #find(bytes: Buffer, start: number, end: number, hash: number): Resource | undefined {
    return this.#present.find(bytes, start, end, hash) ?? this.#missing.find(bytes, start, end, hash);
  }

  #isFresh(entry: Resource): boolean {
    return this.#isYoung(entry.checkedAtMs) && this.#isGuarded(entry.guard);
  }

  /** What was found under this guard may be believed, as far as writing through the server goes. */
  #isGuarded(guard: ReadGuard | undefined): boolean {
    const { coherence, clock } = this.#options;
    return coherence === undefined || guard?.isValid(clock.steadyMs) === true;
  }

  #isYoung(askedAtMs: number): boolean {
    const age = this.#options.clock.nowMs - askedAtMs;
    // A clock that was set back makes ages negative: then ask.
    return age >= 0 && age < this.#options.revalidateMs;
  }

  async #lookUp(
    rawPath: string,
    { key, hash }: ResourceKey,
    known: Resource | undefined,
    askedAtMs: number,
  ): Promise<Stored> {
    const { tasks, maker, report } = this.#options;
    const ask = known !== undefined && known.identity !== '' ? { known: known.identity } : {};
    const found = await tasks.lookup({ rawPath, ...ask });
    switch (found.kind) {
      case 'busy':
      case 'failed':
        throw new LookupFailure(found.kind, found.reason ?? rawPath);
      case 'unchanged':
        return { resource: this.#confirm(known!, askedAtMs), state: 'REVALIDATED' };
      default: {
        if (found.kind === 'missing' && found.reason !== undefined) report(found.reason);
        const resource = maker.make(found, Buffer.from(key), hash, askedAtMs);
        if (known !== undefined && isSameAnswer(known, resource)) {
          return { resource: this.#confirm(known, askedAtMs), state: 'REVALIDATED' };
        }
        if (known !== undefined) this.forget(known);
        this.#put(resource);
        return { resource, state: known === undefined ? 'MISS' : 'EXPIRED' };
      }
    }
  }

  /** The entry, believed anew. It may have gained a form while the disk was asked. */
  #confirm(known: Resource, askedAtMs: number): Resource {
    const current = this.#find(known.key, 0, known.key.length, known.hash);
    const resource = current?.identity === known.identity ? current : known;
    resource.checkedAtMs = askedAtMs;
    return resource;
  }

  #put(resource: Resource): void {
    (resource.kind === 'missing' ? this.#missing : this.#present).put(resource);
  }

  async #compress<R extends Compressible>(
    resource: R,
    representation: Representation,
    coding: Coding,
  ): Promise<R> {
    const { tasks, maker } = this.#options;
    const known = this.#cached(resource);
    if (known !== undefined && formsOf(known, representation).variants.some((v) => v.coding === coding)) {
      return known;
    }
    const bytes = await tasks.compress(formsOf(resource, representation).variants[0]!.body!, coding);
    // Meanwhile the entry may have been replaced, or have gained another form.
    const current = this.#cached(resource);
    const richer = maker.withCoding(current ?? resource, representation, coding, bytes);
    if (current !== undefined && !this.#present.put(richer)) {
      this.#present.put(maker.withoutCoding(current, representation, coding));
    }
    return richer;
  }

  /** The entry that the cache has of the same state of the same resource. */
  #cached<R extends Compressible>({ key, hash, identity, kind }: R): R | undefined {
    const entry = this.#present.find(key, 0, key.length, hash);
    return entry?.kind === kind && entry.identity === identity ? (entry as R) : undefined;
  }
}

/** The key of a percent-encoded path. */
export function keyOf(urlPath: string): ResourceKey {
  const key = Buffer.from(urlPath, 'latin1');
  return { key, hash: djb2(key) };
}

/** True for what has no state on disk that could be compared: still absent, or still elsewhere. */
function isSameAnswer(known: Resource, found: Resource): boolean {
  if (known.kind !== 'missing' && known.kind !== 'redirect') return false;
  return known.kind === found.kind && known.identity === found.identity;
}
