/**
 * What keeps changes of files in step with their locks and properties: asked before a file is changed, and told
 * afterwards (files/writing/companion.ts).
 */

import { encodePath, parsePath } from '../files/paths.js';
import type { Change, Companion } from '../files/writing/companion.js';
import { Refusal } from '../files/writing/refusal.js';
import { etagOf } from '../files/writing/state.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import type { DeadProperties } from './dead-properties.js';
import { type ConditionList, holds, parseIf, type ResourceState, submittedTokens } from './if-header.js';
import { forbidding, LOCKS_TOKEN, type Lock, type LockStore } from './locks.js';
import { davError } from './multistatus.js';
import type { Segments } from './record-tree.js';
import { keyOf, resourceAt, type Sight } from './resources.js';

/** A refusal that says which precondition did not hold (RFC 4918 section 16). */
export class DavRefusal extends Refusal {
  readonly #reply: Reply;

  constructor(reply: Reply) {
    super(reply.status, '');
    this.#reply = reply;
  }

  override get reply(): Reply {
    return this.#reply;
  }
}

export interface LockKeeperOptions {
  readonly locks: LockStore;
  readonly dead: DeadProperties;
  /** As it is now: the root may be a link. */
  readonly sight: () => Promise<Sight>;
}

export class LockKeeper implements Companion {
  readonly token = LOCKS_TOKEN;
  readonly #options: LockKeeperOptions;

  constructor(options: LockKeeperOptions) {
    this.#options = options;
  }

  /** Rejects with Refusal: 400 or 412 for the If header, 423 for a lock whose token it does not have. */
  async check(head: RequestHead, changes: readonly Change[]): Promise<void> {
    const submitted = await this.checkIf(head);
    const forbidden = await forbidding(this.#options.locks, changes, submitted, '');
    if (forbidden.length === 0) return;
    throw new DavRefusal(davError(423, 'lock-token-submitted', forbidden.map(hrefOf)));
  }

  /** The lock tokens that a request has with it. Rejects with Refusal 400 or 412. */
  async checkIf(head: RequestHead): Promise<ReadonlySet<string>> {
    const value = head.valueOf('if');
    const lists = value === undefined ? [] : parseIf(value);
    if (lists === undefined) throw new Refusal(400, 'The If header is not well formed.');
    if (lists.length > 0 && !(await this.#holds(lists, head))) {
      throw new Refusal(412, 'What the If header asks for is not so.');
    }
    return submittedTokens(lists);
  }

  created(path: Segments): Promise<void> {
    // What was there before may have been removed by somebody who does not tell us.
    return this.#options.dead.remove(path);
  }

  async removed(path: Segments): Promise<void> {
    await this.#options.dead.remove(path);
    await this.#options.locks.removeTree(path);
  }

  /** Locks stay where they are (section 7.5): with what was there they are gone. */
  async moved(from: Segments, to: Segments): Promise<void> {
    await this.#options.dead.move(from, to);
    await this.#options.locks.removeTree(from);
  }

  copied(from: Segments, to: Segments, isDeep: boolean): Promise<void> {
    return this.#options.dead.copy(from, to, isDeep);
  }

  async #holds(lists: readonly ConditionList[], head: RequestHead): Promise<boolean> {
    const sight = await this.#options.sight();
    return holds(lists, (resource) => this.#stateOf(resource ?? head.path, head, sight));
  }

  async #stateOf(resource: string, head: RequestHead, sight: Sight): Promise<ResourceState> {
    const [, authority, path = resource] = /^https?:\/\/([^/]*)(\/[^?#]*)?/i.exec(resource) ?? [];
    const nothing = { etag: undefined, tokens: [] };
    if (authority !== undefined && authority.toLowerCase() !== head.authority.toLowerCase()) return nothing;
    const asked = parsePath(path, sight.dotfiles);
    if (typeof asked === 'string') return nothing;
    const found = await resourceAt(asked.segments, sight);
    const key = found?.key ?? (await keyOf(asked.segments, sight));
    const tokens = (await this.#options.locks.covering(key)).map(({ token }) => token);
    const isFile = found !== undefined && !found.isCollection;
    return { etag: isFile ? await etagOf(found.path, sight.maxBodyBytes) : undefined, tokens };
  }
}

/** The path of what a lock lies on, percent-encoded. */
export function hrefOf(lock: Lock): string {
  return encodePath(lock.path);
}
