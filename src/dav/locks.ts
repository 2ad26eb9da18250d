/**
 * Locks of WebDAV (RFC 4918 sections 6 and 7): durable records of who has reserved a file or a tree for writing. They
 * outlive processes, last minutes, and are shared by all nodes on one document root; they are not tokens, which guard
 * single requests. Whoever reads them to decide holds `read` of LOCKS_TOKEN, whoever changes them `write`.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Change } from '../files/writing/companion.js';
import { RecordTree, type Segments } from './record-tree.js';

/** The token that guards all locks of a document root. */
export const LOCKS_TOKEN = '/.handover/locks';

export interface Lock {
  /** `urn:uuid:…` */
  readonly token: string;
  /** What it lies on, from the root down. */
  readonly path: Segments;
  readonly scope: 'exclusive' | 'shared';
  /** `infinity`: on all below too. */
  readonly depth: '0' | 'infinity';
  /** The content of the `owner` element, XML that stands for itself; `''`: none was given. */
  readonly owner: string;
  /** Who made it, as requests are authorised; `''`: somebody without a name. */
  readonly principal: string;
  readonly timeoutSeconds: number;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
}

export type NewLock = Pick<Lock, 'path' | 'scope' | 'depth' | 'owner' | 'principal' | 'timeoutSeconds'>;

interface LockRecord {
  readonly locks: readonly Lock[];
}

/** Locks of one resource and at most so many: a record is read for each request. */
const MAX_SHARED = 100;

export class LockStore {
  readonly #tree: RecordTree<LockRecord>;
  readonly #now: () => number;

  /**
   * @param directory of `.handover`
   * @param now milliseconds since the epoch
   */
  constructor(directory: string, now: () => number = Date.now) {
    this.#tree = new RecordTree(join(directory, 'locks'), isLockRecord);
    this.#now = now;
  }

  /** The locks that apply to a resource: its own, and the deep ones of the directories it lies in. */
  covering(path: Segments): Promise<Lock[]> {
    return this.#covering(path, (of) => this.#tree.get(of));
  }

  /** The same for many resources at one moment. */
  snapshot(): (path: Segments) => Promise<Lock[]> {
    const get = this.#tree.snapshot();
    return (path) => this.#covering(path, get);
  }

  /** The locks that lie on what is below a directory. */
  async below(path: Segments): Promise<Lock[]> {
    return (await this.#tree.below(path)).flatMap(({ locks }) => locks).filter((lock) => this.#isLive(lock));
  }

  /** Locks that a new one cannot stand beside (section 6.2). */
  async conflicting({ path, scope, depth }: Pick<Lock, 'path' | 'scope' | 'depth'>): Promise<Lock[]> {
    const covering = await this.covering(path);
    const others = depth === 'infinity' ? [...covering, ...(await this.below(path))] : covering;
    if (scope === 'exclusive') return others;
    const exclusive = others.filter((lock) => lock.scope === 'exclusive');
    return exclusive.length > 0 || others.length < MAX_SHARED ? exclusive : others;
  }

  /** Puts a lock on record. */
  async add(lock: NewLock): Promise<Lock> {
    const added: Lock = { ...lock, token: `urn:uuid:${randomUUID()}`, expiresMs: this.#expiry(lock) };
    await this.#tree.set(lock.path, { locks: [...(await this.#live(lock.path)), added] });
    return added;
  }

  /** Makes a lock last longer. */
  async refresh(lock: Lock, timeoutSeconds: number): Promise<Lock> {
    const refreshed: Lock = { ...lock, timeoutSeconds, expiresMs: this.#expiry({ timeoutSeconds }) };
    const locks = await this.#live(lock.path);
    await this.#tree.set(lock.path, {
      locks: locks.map((other) => (other.token === lock.token ? refreshed : other)),
    });
    return refreshed;
  }

  async remove(lock: Lock): Promise<void> {
    const locks = (await this.#live(lock.path)).filter(({ token }) => token !== lock.token);
    await this.#tree.set(lock.path, locks.length === 0 ? undefined : { locks });
  }

  /** What was there is gone, and with it its locks and those of all below. */
  removeTree(path: Segments): Promise<void> {
    return this.#tree.remove(path);
  }

  /** What stays of a lock's time, in whole seconds. */
  remainingSeconds(lock: Lock): number {
    return Math.max(Math.ceil((lock.expiresMs - this.#now()) / 1000), 0);
  }

  async #covering(path: Segments, get: (of: Segments) => Promise<LockRecord | undefined>): Promise<Lock[]> {
    const covering: Lock[] = [];
    for (let depth = 0; depth <= path.length; depth++) {
      const isOwn = depth === path.length;
      const locks = this.#liveIn(await get(path.slice(0, depth)));
      covering.push(...locks.filter((lock) => isOwn || lock.depth === 'infinity'));
    }
    return covering;
  }

  async #live(path: Segments): Promise<Lock[]> {
    return this.#liveIn(await this.#tree.get(path));
  }

  #liveIn(record: LockRecord | undefined): Lock[] {
    return (record?.locks ?? []).filter((lock) => this.#isLive(lock));
  }

  #isLive(lock: Lock): boolean {
    return lock.expiresMs > this.#now();
  }

  #expiry({ timeoutSeconds }: Pick<Lock, 'timeoutSeconds'>): number {
    return this.#now() + timeoutSeconds * 1000;
  }
}

/**
 * The locks that forbid a change (section 7): of each resource that changes, one lock's token must have been submitted by
 * the one who made it. Empty: it may go on.
 */
export async function forbidding(
  store: LockStore,
  changes: readonly Change[],
  submitted: ReadonlySet<string>,
  principal: string,
): Promise<Lock[]> {
  const isMine = (lock: Lock): boolean =>
    submitted.has(lock.token) && (lock.principal === '' || lock.principal === principal);
  const forbidding = new Map<string, Lock>();
  const look = (locks: readonly Lock[]): void => {
    if (locks.some(isMine)) return;
    for (const lock of locks) forbidding.set(lock.token, lock);
  };
  for (const { path, isMembership, isDeep } of changes) {
    look(await store.covering(path));
    if (isMembership && path.length > 0) look(await store.covering(path.slice(0, -1)));
    if (!isDeep) continue;
    const byRoot = new Map<string, Lock[]>();
    for (const lock of await store.below(path)) {
      const root = lock.path.join('/');
      byRoot.set(root, [...(byRoot.get(root) ?? []), lock]);
    }
    for (const locks of byRoot.values()) look(locks);
  }
  return [...forbidding.values()];
}

function isLockRecord(value: unknown): value is LockRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'locks' in value &&
    Array.isArray(value.locks) &&
    value.locks.every((lock) => typeof lock?.token === 'string' && typeof lock.expiresMs === 'number')
  );
}
