/**
 * WebDAV, classes 1 and 2 (RFC 4918), as far as it is not writing files: OPTIONS, PROPFIND, PROPPATCH, LOCK and UNLOCK.
 * Whoever may write may ask.
 */
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { parsePath, RESERVED } from '../files/paths.js';
import { authorize } from '../files/writing/authorization.js';
import type { Companion } from '../files/writing/companion.js';
import { newSpoolPath } from '../files/writing/fence-directories.js';
import { replace } from '../files/writing/publish.js';
import { Refusal, refusalOf } from '../files/writing/refusal.js';
import type { WritingOptions } from '../files/writing/site.js';
import { etagOf } from '../files/writing/state.js';
import { resolveTarget, statOf, type Target } from '../files/writing/target.js';
import { TokenSet } from '../files/writing/token-set.js';
import type { Asker } from '../http/asker.js';
import type { Forwarded, Forwarder } from '../http/forwarded.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import type { Mode } from '../tokens/token.js';
import { readXml, understood } from './body.js';
import { DeadProperties } from './dead-properties.js';
import { Etags } from './etags.js';
import { DavRefusal, hrefOf, LockKeeper } from './lock-keeper.js';
import { lockInfoOf, lockTokenOf, timeoutOf } from './lock-request.js';
import { LOCKS_TOKEN, type Lock, LockStore } from './locks.js';
import { davError, lockdiscovery, multistatus, precondition, xmlReply } from './multistatus.js';
import { propfind, wantedIn } from './propfind.js';
import { applyUpdates, updatesIn } from './proppatch.js';
import { resourceAt, type Sight } from './resources.js';

/** What WebDAV needs of writing. */
export type DavOptions = Omit<WritingOptions, 'maxBodyBytes' | 'companion'>;

const METHODS = new Set(['OPTIONS', 'PROPFIND', 'PROPPATCH', 'LOCK', 'UNLOCK']);
const OPTIONS_FIELDS =
  'DAV: 1, 2\r\nMS-Author-Via: DAV\r\nContent-Length: 0\r\n' +
  'Allow: OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK\r\n';
/** So much of a body that nobody wants is read, so that the connection can go on. */
const MAX_SPILLED_BYTES = 64 * 1024;

interface Request {
  readonly head: RequestHead;
  readonly asker: Asker;
  /** The client is gone. */
  readonly signal: AbortSignal;
}

/** LOCK, of which the body is not empty. */
type NewLockRequest = Pick<Lock, 'scope' | 'owner' | 'depth' | 'timeoutSeconds'>;

export class DavSite implements Forwarder {
  readonly #options: DavOptions;
  readonly #locks: LockStore;
  readonly #dead: DeadProperties;
  readonly #etags: Etags;
  readonly #keeper: LockKeeper;

  constructor(options: DavOptions) {
    this.#options = options;
    // Not by its real path, which changes when the root is a link that is set anew.
    const directory = join(options.rules.documentRoot, RESERVED);
    this.#locks = new LockStore(directory);
    this.#dead = new DeadProperties(directory);
    this.#etags = new Etags(options.maxHashedBytes);
    this.#keeper = new LockKeeper({ locks: this.#locks, dead: this.#dead, sight: () => this.#sight() });
  }

  /** For whoever changes files. */
  get companion(): Companion {
    return this.#keeper;
  }

  find(head: RequestHead): Forwarded | undefined {
    if (head.method === 'GET' || head.method === 'HEAD' || !METHODS.has(head.methodText)) return undefined;
    // A browser that asks whether a page of another site may: that is for the rules of CORS.
    if (head.method === 'OPTIONS' && head.valueOf('access-control-request-method') !== undefined)
      return undefined;
    // What is too much is answered from here, after it was asked who wants it.
    const maxBodyBytes = Number.POSITIVE_INFINITY;
    return { maxBodyBytes, answer: (asker) => this.#answer(head.retain(), asker) };
  }

  async #answer(head: RequestHead, asker: Asker): Promise<Reply> {
    const gone = new AbortController();
    asker.onGone(() => gone.abort());
    try {
      if (head.methodText === 'OPTIONS') return this.#tell(head, asker);
      authorize(head, asker, this.#options.token);
      return await this.#carryOut({ head, asker, signal: gone.signal });
    } catch (error) {
      return this.#refused(error, head, asker);
    }
  }

  #tell(head: RequestHead, asker: Asker): Reply {
    spill(head, asker);
    return { status: 200, fields: OPTIONS_FIELDS, body: null, cache: '', close: false };
  }

  async #carryOut(request: Request): Promise<Reply> {
    switch (request.head.methodText) {
      case 'PROPFIND':
        return this.#propfind(request);
      case 'PROPPATCH':
        return this.#proppatch(request);
      case 'LOCK':
        return this.#lock(request);
      default:
        return this.#unlock(request);
    }
  }

  async #propfind({ head, asker }: Request): Promise<Reply> {
    const depth = depthOf(head, ['0', '1', 'infinity']) as '0' | '1' | 'infinity';
    const document = await readXml(asker.body);
    const wanted = understood(() => wantedIn(document));
    const sight = await this.#sight();
    const asked = parsePath(head.path, sight.dotfiles);
    if (asked === 'bad-request') throw new Refusal(400, 'The path is not well formed.');
    const found = asked === 'missing' ? undefined : await resourceAt(asked.segments, sight);
    if (found === undefined) throw new Refusal(404, '');
    return propfind(found, depth, wanted, {
      sight,
      dead: this.#dead,
      locks: this.#locks,
      etags: this.#etags,
    });
  }

  async #proppatch({ head, asker, signal }: Request): Promise<Reply> {
    const target = await resolveTarget(head.path, this.#options.rules);
    const document = await readXml(asker.body);
    const updates = understood(() => updatesIn(document));
    return this.#holding(target, 'read', signal, async () => {
      const found = await statOf(target.path);
      if (found === undefined) throw new Refusal(404, '');
      await this.#keeper.check(head, [{ path: target.segments, isMembership: false, isDeep: false }]);
      const { propstats, properties } = applyUpdates(await this.#dead.get(target.segments), updates);
      if (properties !== undefined) await this.#dead.set(target.segments, properties);
      return multistatus([{ href: target.urlPath, propstats }]);
    });
  }

  async #lock({ head, asker, signal }: Request): Promise<Reply> {
    const target = await resolveTarget(head.path, this.#options.rules);
    const document = await readXml(asker.body);
    const timeoutSeconds = timeoutOf(head.valueOf('timeout'));
    if (document === undefined) {
      return this.#holding(target, 'write', signal, () => this.#refresh(head, target, timeoutSeconds));
    }
    const depth = depthOf(head, ['0', 'infinity']) as '0' | 'infinity';
    const wanted = { ...understood(() => lockInfoOf(document)), depth, timeoutSeconds };
    return this.#holding(target, 'write', signal, (set) => this.#makeLock(head, target, wanted, set));
  }

  async #refresh(head: RequestHead, target: Target, timeoutSeconds: number): Promise<Reply> {
    const submitted = await this.#keeper.checkIf(head);
    if (submitted.size === 0)
      throw new Refusal(400, 'A LOCK without a body names its lock in the If header.');
    const covering = await this.#locks.covering(target.segments);
    const lock = covering.find(({ token }) => submitted.has(token));
    if (lock === undefined) throw new DavRefusal(davError(412, 'lock-token-matches-request-uri'));
    return this.#discovered(200, [await this.#locks.refresh(lock, timeoutSeconds)], '');
  }

  async #makeLock(head: RequestHead, target: Target, wanted: NewLockRequest, set: TokenSet): Promise<Reply> {
    const path = target.segments;
    const isNew = (await statOf(target.path)) === undefined;
    if (isNew && target.isDirectoryPath) throw new Refusal(409, 'There is no such directory.');
    const conflicting = await this.#locks.conflicting({ ...wanted, path });
    if (conflicting.length > 0) return conflictOf(conflicting, target);
    if (isNew) {
      await this.#keeper.check(head, [{ path, isMembership: true, isDeep: false }]);
      await this.#makeEmpty(target, set);
    } else await this.#keeper.checkIf(head);
    const lock = await this.#locks.add({ ...wanted, path, principal: '' });
    return this.#discovered(isNew ? 201 : 200, [lock], `Lock-Token: <${lock.token}>\r\n`);
  }

  /** What is locked before it is there is an empty file from then on (section 7.3). */
  async #makeEmpty(target: Target, set: TokenSet): Promise<void> {
    const { session, maxHashedBytes } = this.#options;
    const path = await newSpoolPath(target.root, session());
    const file = await open(path, 'wx', 0o666);
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    const etag = await etagOf(path, maxHashedBytes);
    await replace(target, path, set.grant(target.token), session(), { etag, bytes: 0 });
    await this.#keeper.created(target.segments);
  }

  async #unlock({ head, asker, signal }: Request): Promise<Reply> {
    const token = lockTokenOf(head.valueOf('lock-token'));
    if (token === undefined) throw new Refusal(400, 'UNLOCK has its lock in Lock-Token: <TOKEN>.');
    const target = await resolveTarget(head.path, this.#options.rules);
    spill(head, asker);
    return this.#holding(target, 'write', signal, async () => {
      const covering = await this.#locks.covering(target.segments);
      const lock = covering.find((each) => each.token === token);
      if (lock === undefined) throw new DavRefusal(davError(409, 'lock-token-matches-request-uri'));
      await this.#locks.remove(lock);
      return { status: 204, fields: '', body: null, cache: '', close: false };
    });
  }

  /** Does something while the file and, in this mode, all locks are kept from others. */
  async #holding(
    target: Target,
    locks: Mode,
    signal: AbortSignal,
    work: (set: TokenSet) => Promise<Reply>,
  ): Promise<Reply> {
    const { tokens, waitMs } = this.#options;
    const set = new TokenSet();
    set.write(target.segments, target.token);
    set.also(LOCKS_TOKEN, locks);
    await set.acquire(tokens, { waitMs, signal });
    try {
      const reply = await work(set);
      // What was written without the tokens may be undone by others.
      set.check();
      return reply;
    } finally {
      set.release();
    }
  }

  #discovered(status: number, locks: readonly Lock[], fields: string): Reply {
    const found = lockdiscovery(locks, (lock) => this.#locks.remainingSeconds(lock), hrefOf);
    return xmlReply(status, `<D:prop xmlns:D="DAV:">${found}</D:prop>`, fields);
  }

  async #sight(): Promise<Sight> {
    const { rules, maxHashedBytes } = this.#options;
    return { ...rules, root: await realpath(rules.documentRoot), maxBodyBytes: maxHashedBytes };
  }

  #refused(error: unknown, head: RequestHead, asker: Asker): Reply {
    const refusal = refusalOf(error);
    if (refusal === undefined) this.#options.report(`${head.methodText} ${head.path}: ${messageOf(error)}`);
    spill(head, asker);
    return (refusal ?? new Refusal(500, '')).reply;
  }
}

/** Of a lock on a tree the answer says what in it is in the way (section 9.10.6). */
function conflictOf(conflicting: readonly Lock[], target: Target): Reply {
  const isBelow = (lock: Lock): boolean => lock.path.length > target.segments.length;
  if (!conflicting.every(isBelow)) return davError(423, 'no-conflicting-lock', conflicting.map(hrefOf));
  const error = precondition('no-conflicting-lock');
  const paths = new Set(conflicting.map(hrefOf));
  return multistatus([
    ...[...paths].map((href) => ({ href, status: 423, error })),
    { href: target.urlPath, status: 424 },
  ]);
}

/** @throws Refusal 400 for a Depth that this method does not have */
function depthOf(head: RequestHead, allowed: readonly string[]): string {
  const depth = head.valueOf('depth')?.toLowerCase() ?? 'infinity';
  if (allowed.includes(depth)) return depth;
  throw new Refusal(400, `Depth is one of ${allowed.join(', ')}.`);
}

/** A short body that nobody wants is read all the same, so that its connection can go on. */
function spill(head: RequestHead, asker: Asker): void {
  const isShort = head.contentLength >= 0 && head.contentLength <= MAX_SPILLED_BYTES;
  if (isShort && !head.expectsContinue) asker.body?.cancel();
}
