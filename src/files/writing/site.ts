/**
 * Writing over HTTP: PUT, DELETE, MKCOL, COPY and MOVE (RFC 9110 section 9.3, RFC 4918 section 9). A body is whole and
 * durable before anything is changed; then the tokens are taken, the conditions looked at, and the change made by one
 * rename.
 */
import type { Stats } from 'node:fs';
import { chmod, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../durable.js';
import { messageOf } from '../../errors.js';
import type { Asker } from '../../http/asker.js';
import type { Forwarded, Forwarder } from '../../http/forwarded.js';
import type { Reply } from '../../http/reply.js';
import type { RequestHead } from '../../http/request-head.js';
import { tokenNameOf } from '../../tokens/names.js';
import type { Mode } from '../../tokens/token.js';
import type { TokenManager } from '../../tokens/token-manager.js';
import { authorize } from './authorization.js';
import type { Change, Companion } from './companion.js';
import { copyDurably, copyInto } from './copy.js';
import { discard, newSpoolPath } from './fence-directories.js';
import { checkPart, type Part, partOf } from './part.js';
import { remove, replace } from './publish.js';
import { Refusal, refusalOf } from './refusal.js';
import { type Spooled, spool } from './spool.js';
import { checkConditions, etagOf, stamp } from './state.js';
import { resolveTarget, statOf, type Target, type TargetRules } from './target.js';
import { TokenSet } from './token-set.js';
import { copyTree, wantTree } from './tree.js';

export interface WritingOptions {
  readonly rules: TargetRules;
  readonly tokens: TokenManager;
  /** Of this worker's session now. */
  readonly session: () => string;
  /** WRITE_TOKEN; `''`: there is none. */
  readonly token: string;
  readonly maxBodyBytes: number;
  /** Files up to this size have an entity tag made from their content. */
  readonly maxHashedBytes: number;
  readonly waitMs: number;
  /** Undefined: there are no locks and properties. */
  readonly companion?: Companion | undefined;
  readonly report: (problem: string) => void;
}

const METHODS = new Set(['PUT', 'DELETE', 'MKCOL', 'COPY', 'MOVE']);
/** So much of a body that nobody wants is read, so that the connection can go on. */
const MAX_SPILLED_BYTES = 64 * 1024;
/** How often the tokens of a directory are taken that gains files meanwhile. */
const TREE_ATTEMPTS = 10;

/** One request, and who asks. */
interface Request {
  readonly head: RequestHead;
  readonly asker: Asker;
  readonly target: Target;
  /** The client is gone. */
  readonly signal: AbortSignal;
}

export class WritingSite implements Forwarder {
  readonly #options: WritingOptions;

  constructor(options: WritingOptions) {
    this.#options = options;
  }

  find(head: RequestHead): Forwarded | undefined {
    if (head.method === 'GET' || head.method === 'HEAD' || !METHODS.has(head.methodText)) return undefined;
    // What is too much is answered from here, after it was asked who wants it.
    const maxBodyBytes = Number.POSITIVE_INFINITY;
    return { maxBodyBytes, answer: (asker) => this.#answer(head.retain(), asker) };
  }

  async #answer(head: RequestHead, asker: Asker): Promise<Reply> {
    const gone = new AbortController();
    asker.onGone(() => gone.abort());
    try {
      const { token, rules } = this.#options;
      authorize(head, asker, token);
      const target = await resolveTarget(head.path, rules);
      return await this.#carryOut({ head, asker, target, signal: gone.signal });
    } catch (error) {
      return this.#refused(error, head, asker);
    }
  }

  #carryOut(request: Request): Promise<Reply> {
    switch (request.head.methodText) {
      case 'PUT':
        return this.#put(request);
      case 'DELETE':
        return this.#delete(request);
      case 'MKCOL':
        return this.#makeCollection(request);
      default:
        return this.#copyOrMove(request, request.head.methodText === 'MOVE');
    }
  }

  async #put({ head, asker, target, signal }: Request): Promise<Reply> {
    const { maxBodyBytes, session } = this.#options;
    if (target.isDirectoryPath)
      throw new Refusal(409, 'This names a directory, which has no content (MKCOL makes one).');
    if (head.contentLength > maxBodyBytes) {
      throw new Refusal(413, 'The body is larger than this server takes (WRITE_MAX_MB).');
    }
    const part = partOf(head.valueOf('content-range'));
    if ((await statOf(target.path))?.isDirectory()) throw isDirectory();
    const spooled = await spool(asker.body, await newSpoolPath(target.root, session()), maxBodyBytes);
    const set = this.#newSet('read');
    set.write(target.segments, target.token);
    let assembled: string | undefined;
    try {
      await this.#acquire(set, signal);
      const found = await statOf(target.path);
      if (found?.isDirectory()) throw isDirectory();
      const isNew = found === undefined;
      await this.#check(head, target, found, [changeOf(target, isNew)]);
      let source: Spooled = spooled;
      if (part !== undefined) {
        if (found !== undefined && !found.isFile()) throw new Refusal(409, 'Only files are written in part.');
        source = await this.#assemble(target, part, spooled, found?.size ?? 0);
        assembled = source.path;
      }
      if (found?.isFile()) await chmod(source.path, found.mode & 0o777);
      const etag = this.#quickEtag(source);
      if (etag === '') await stamp(source.path);
      const grant = set.grant(target.token);
      await replace(target, source.path, grant, session(), { etag, bytes: source.bytes });
      if (isNew) await this.#options.companion?.created(target.segments);
      const shown = etag === '' ? await etagOf(target.path, this.#options.maxHashedBytes) : etag;
      return done(isNew, `ETag: ${shown}\r\n`, target);
    } finally {
      set.release();
      await rm(spooled.path, { force: true });
      if (assembled !== undefined) await rm(assembled, { force: true });
    }
  }

  /** The whole new file, where a part of it has come. */
  async #assemble(target: Target, part: Part, spooled: Spooled, fileBytes: number): Promise<Spooled> {
    checkPart(part, spooled.bytes, fileBytes);
    const { maxBodyBytes, session, maxHashedBytes } = this.#options;
    const bytes = Math.max(fileBytes, part.offset + part.length);
    if (bytes > maxBodyBytes) throw new Refusal(413, 'The file would be larger than WRITE_MAX_MB.');
    if (fileBytes === 0 && part.offset === 0) return spooled;
    const path = await newSpoolPath(target.root, session());
    try {
      await copyDurably(target.path, path);
      await copyInto(spooled.path, path, part.offset);
      const etag = bytes <= maxHashedBytes ? await etagOf(path, maxHashedBytes) : '';
      return { path, bytes, sha256: etag.slice(1, -1) };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async #delete({ head, target, signal }: Request): Promise<Reply> {
    const depth = head.valueOf('depth');
    if (depth !== undefined && depth.toLowerCase() !== 'infinity') {
      throw new Refusal(400, 'A directory is deleted with all that is in it: Depth is infinity.');
    }
    const set = await this.#acquireTrees([target], signal);
    try {
      const found = await statOf(target.path);
      if (found === undefined) throw new Refusal(404, '');
      await this.#check(head, target, found, [treeOf(target)]);
      await remove(target, set.grant(target.token), this.#options.session());
      await this.#options.companion?.removed(target.segments);
      return noContent();
    } finally {
      set.release();
    }
  }

  async #makeCollection({ head, asker, target, signal }: Request): Promise<Reply> {
    if (asker.body !== undefined) throw new Refusal(415, 'A directory is made without a body.');
    const set = this.#newSet('read');
    set.write(target.segments, target.token);
    try {
      await this.#acquire(set, signal);
      const found = await statOf(target.path);
      if (found !== undefined) throw new Refusal(405, 'There is something of this name already.', allow());
      await this.#check(head, target, found, [changeOf(target, true)]);
      const source = await newSpoolPath(target.root, this.#options.session());
      await mkdir(source, 0o777);
      await this.#publish(target, source, set);
      await this.#options.companion?.created(target.segments);
      return done(true, '', target);
    } finally {
      set.release();
    }
  }

  async #copyOrMove({ head, target: source, signal }: Request, isMove: boolean): Promise<Reply> {
    const { companion } = this.#options;
    const target = await this.#destinationOf(head);
    const overwrite = head.valueOf('overwrite')?.toUpperCase() !== 'F';
    const depth = head.valueOf('depth')?.toLowerCase() ?? 'infinity';
    if (depth !== 'infinity' && (isMove || depth !== '0')) throw new Refusal(400, 'Depth is 0 or infinity.');
    if (source.path === target.path) throw new Refusal(403, 'Source and destination are the same.');
    if (isBelow(target.path, source.path) || isBelow(source.path, target.path)) {
      throw new Refusal(409, 'One of the two lies within the other.');
    }
    const set = await this.#acquireTrees([source, target], signal);
    let copy: string | undefined;
    try {
      const found = await statOf(source.path);
      if (found === undefined) throw new Refusal(404, '');
      await this.#check(head, source, found, isMove ? [treeOf(source), treeOf(target)] : [treeOf(target)]);
      const replaced = await statOf(target.path);
      if (replaced !== undefined && !overwrite) {
        throw new Refusal(412, 'There is something at the destination (Overwrite: F).');
      }
      const isTree = found.isDirectory();
      if (!isMove) copy = await this.#copyOf(source, found, depth === 'infinity');
      if (replaced !== undefined && (isTree || replaced.isDirectory())) {
        await remove(target, set.grant(target.token), this.#options.session());
        await companion?.removed(target.segments);
      }
      if (copy !== undefined) await this.#publish(target, copy, set);
      else if (isTree) await this.#moveTree(source, target, set);
      else await this.#moveFile(source, target, set);
      if (isMove) await companion?.moved(source.segments, target.segments);
      else await companion?.copied(source.segments, target.segments, depth === 'infinity');
      return done(replaced === undefined, '', target);
    } finally {
      set.release();
      if (copy !== undefined) await discard(source.root, copy);
    }
  }

  async #copyOf(source: Target, found: Stats, isDeep: boolean): Promise<string> {
    const path = await newSpoolPath(source.root, this.#options.session());
    try {
      if (found.isDirectory()) await copyTree(source.path, path, isDeep);
      // What it leads to may be what nobody is served.
      else if (found.isSymbolicLink()) await symlink(await readlink(source.path), path);
      else if (found.isFile()) await copyDurably(source.path, path);
      else throw new Refusal(409, 'This is neither a file nor a directory.');
      return path;
    } catch (error) {
      await discard(source.root, path);
      throw error;
    }
  }

  #publish(target: Target, source: string, set: TokenSet, isCopy = false): Promise<void> {
    const record = { etag: '', bytes: 0 };
    return replace(target, source, set.grant(target.token), this.#options.session(), record, isCopy);
  }

  async #moveTree(source: Target, target: Target, set: TokenSet): Promise<void> {
    set.check();
    await rename(source.path, target.path);
    await syncDirectory(dirname(target.path));
    await syncDirectory(dirname(source.path));
  }

  /** At no time is there neither of the two. */
  async #moveFile(source: Target, target: Target, set: TokenSet): Promise<void> {
    await this.#publish(target, source.path, set, true);
    await remove(source, set.grant(source.token), this.#options.session());
  }

  /**
   * For removing, moving or copying these as a whole. Rejects with TokenError, or Refusal when what is in them changes
   * all the time; then nothing is held.
   */
  async #acquireTrees(targets: readonly Target[], signal: AbortSignal): Promise<TokenSet> {
    for (let attempt = 0; attempt < TREE_ATTEMPTS; attempt++) {
      const set = await this.#tokensOf(targets);
      await this.#acquire(set, signal);
      try {
        // Something may have been made in them while their tokens were waited for; from here on nothing is.
        if (set.covers(await this.#tokensOf(targets))) return set;
      } catch (error) {
        set.release();
        throw error;
      }
      set.release();
    }
    throw new Refusal(
      423,
      'Others are changing what is in this directory. Please try again.',
      'Retry-After: 1\r\n',
    );
  }

  async #tokensOf(targets: readonly Target[]): Promise<TokenSet> {
    const set = this.#newSet('write');
    for (const { path, segments, token } of targets) {
      set.write(segments, token);
      if ((await statOf(path))?.isDirectory()) await wantTree(set, path, segments, this.#options.rules);
      else set.write(segments, tokenNameOf(segments, true));
    }
    return set;
  }

  #acquire(set: TokenSet, signal: AbortSignal): Promise<void> {
    return set.acquire(this.#options.tokens, { waitMs: this.#options.waitMs, signal });
  }

  /** @param companionMode `write`: files may go */
  #newSet(companionMode: Mode): TokenSet {
    const { companion } = this.#options;
    const set = new TokenSet();
    if (companion !== undefined) set.also(companion.token, companionMode);
    return set;
  }

  async #check(
    head: RequestHead,
    { path }: Target,
    found: Stats | undefined,
    changes: readonly Change[],
  ): Promise<void> {
    await checkConditions(head, path, found, this.#options.maxHashedBytes);
    await this.#options.companion?.check(head, changes);
  }

  /** Of what has just come; `''`: it is known when the file is in its place. */
  #quickEtag({ bytes, sha256 }: Spooled): string {
    return bytes <= this.#options.maxHashedBytes ? `"${sha256.slice(0, 22)}"` : '';
  }

  async #destinationOf(head: RequestHead): Promise<Target> {
    const destination = head.valueOf('destination') ?? '';
    const isAbsolute = /^https?:\/\//i.test(destination);
    const [, authority, path = ''] = isAbsolute
      ? (/^https?:\/\/([^/]*)([^?#]*)/i.exec(destination) ?? [])
      : [destination, undefined, destination];
    if (!path.startsWith('/')) throw new Refusal(400, 'Destination must be the URL or path of the new name.');
    if (authority !== undefined && authority.toLowerCase() !== head.authority.toLowerCase()) {
      throw new Refusal(502, 'The destination is on another server.');
    }
    return resolveTarget(path, this.#options.rules);
  }

  #refused(error: unknown, head: RequestHead, asker: Asker): Reply {
    const refusal = refusalOf(error);
    if (refusal === undefined) this.#options.report(`${head.methodText} ${head.path}: ${messageOf(error)}`);
    const isShort = head.contentLength >= 0 && head.contentLength <= MAX_SPILLED_BYTES;
    // So that its connection can go on.
    if (isShort && !head.expectsContinue) asker.body?.cancel();
    return (refusal ?? new Refusal(500, '')).reply;
  }
}

function changeOf({ segments }: Target, isMembership: boolean): Change {
  return { path: segments, isMembership, isDeep: false };
}

function treeOf({ segments }: Target): Change {
  return { path: segments, isMembership: true, isDeep: true };
}

function allow(): string {
  return 'Allow: GET, HEAD, OPTIONS, PUT, DELETE, COPY, MOVE\r\n';
}

function isDirectory(): Refusal {
  return new Refusal(409, 'This is a directory, which has no content of its own.');
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

function done(isNew: boolean, fields: string, { urlPath }: Target): Reply {
  const location = isNew ? `Location: ${urlPath}\r\n` : '';
  const length = isNew ? 'Content-Length: 0\r\n' : '';
  return {
    status: isNew ? 201 : 204,
    fields: length + location + fields,
    body: null,
    cache: '',
    close: false,
  };
}

function noContent(): Reply {
  return { status: 204, fields: '', body: null, cache: '', close: false };
}
