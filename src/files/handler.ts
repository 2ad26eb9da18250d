/**
 * The static handler, a straight line: method → find → select → decide → reply. What is at hand is
 * answered at once; only a miss, an expired entry, a compression or a file on disk makes a promise.
 */

import { djb2 } from '../cache/djb2.js';
import type { DotfilePolicy, ErrorPage } from '../config/settings.js';
import { messageOf, systemCode } from '../errors.js';
import type { Clock } from '../http/clock.js';
import { errorReply } from '../http/error-reply.js';
import {
  acceptsHtml,
  type CodingPreference,
  namesHtml,
  parseAcceptEncoding,
  prefersJson,
} from '../http/negotiation.js';
import type { CacheState, Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { fieldBit } from '../http/request-head.js';
import type { Peer } from '../transport/connection.js';
import { type DiskReply, decide, isDiskReply } from './decide.js';
import type { Monitoring } from './monitoring.js';
import { openSame } from './open-file.js';
import { encodePath, parsePath } from './paths.js';
import {
  type Compressible,
  chooseVariant,
  codingToMake,
  type FileResource,
  formsOf,
  type ListingResource,
  type RedirectResource,
  type Representation,
} from './resource.js';
import type { ResponseRules } from './response-rules.js';
import { type FileTasks, LookupFailure, type ResourceKey, type ResourceStore, type Stored } from './store.js';

export interface HandlerOptions {
  readonly store: ResourceStore;
  readonly tasks: FileTasks;
  readonly rules: ResponseRules;
  readonly monitoring: Monitoring;
  readonly clock: Clock;
  readonly dotfiles: DotfilePolicy;
  readonly errorPages: readonly ErrorPage[];
  /** URL path of the page for what is not found, for clients that ask for HTML; `''`: off. */
  readonly spa: string;
  /** Told what went wrong on the disk. */
  readonly report: (problem: string) => void;
}

/** Who asks. The address is looked up only when it matters. */
export interface Asker {
  readonly peer: Peer;
}

const ALLOW = 'Allow: GET, HEAD, OPTIONS\r\n';
/** For replies that are a page for a client that takes HTML, and something else for others. */
const VARY_ACCEPT = 'Vary: Accept\r\n';
const ACCEPT_ENCODING = fieldBit('accept-encoding');
/** Distinct Accept-Encoding values that are remembered; browsers and tools have a few dozen. */
const MAX_PREFERENCES = 256;

/** How often a file that changes between look-up and opening is looked up again. */
const OPEN_ATTEMPTS = 3;

export class StaticHandler {
  readonly #options: HandlerOptions;
  readonly #errorPages: ReadonlyMap<number, ResourceKey>;
  readonly #spa: ResourceKey | undefined;
  readonly #preferences = new Map<string, CodingPreference>();
  readonly #noPreference = parseAcceptEncoding(undefined);

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#errorPages = new Map(options.errorPages.map(({ status, path }) => [status, keyOf(path)]));
    this.#spa = options.spa === '' ? undefined : keyOf(options.spa);
  }

  /** Answers one request. The head is only borrowed: what outlives this call is retained. */
  handle(head: RequestHead, from: Asker): Reply | Promise<Reply> {
    if (head.method !== 'GET' && head.method !== 'HEAD') return this.#otherMethod(head);
    const resource = this.#options.store.fresh(head);
    if (resource?.kind === 'file' && !this.#options.rules.byOrigin) {
      const preference = this.#preference(head);
      if (codingToMake(resource, preference, this.#options.tasks.codings) === undefined) {
        const reply = this.#select(head, resource, preference, 'HIT');
        if (!isDiskReply(reply) && reply.status < 400) return reply;
      }
    }
    return this.#find(head.retain(), from);
  }

  #otherMethod(head: RequestHead): Reply | Promise<Reply> {
    if (head.method === 'OPTIONS') {
      const preflight = this.#options.rules.preflightLines(
        head.field('origin'),
        head.field('access-control-request-headers'),
      );
      const fields = `${ALLOW}Content-Length: 0\r\n${preflight}`;
      return { status: 200, fields, body: null, cache: '', close: false };
    }
    const status = head.method === '' ? 501 : 405;
    if (!this.#errorPages.has(status))
      return this.#forOrigin(head, errorReply(status, '', { fields: ALLOW }));
    return this.#otherWithPage(head.retain(), status);
  }

  async #otherWithPage(head: RequestHead, status: number): Promise<Reply> {
    try {
      return this.#forOrigin(head, await this.#errorPage(head, status, '', ALLOW));
    } catch (error) {
      return this.#forOrigin(head, await this.#failure(head, error));
    }
  }

  async #find(head: RequestHead, from: Asker): Promise<Reply> {
    const { monitoring, store } = this.#options;
    const isHead = head.method === 'HEAD';
    try {
      const own = monitoring.own(head.path, from.peer.address, isHead);
      if (own !== undefined) return await own;
      // One path has many spellings (`%66`, `//`, `x/..`). The cache and the disk see one, or anybody could
      // fill the one and keep the other busy with a single file.
      const asked = parsePath(head.path, this.#options.dotfiles);
      if (typeof asked === 'string') return this.#forOrigin(head, await this.#unnameable(head, asked));
      const stored = await store.get(keyOf(encodePath(asked.segments, asked.trailingSlash)));
      if (stored.resource.kind === 'missing') {
        const fallback = monitoring.fallback(head.path, from.peer.address, isHead);
        if (fallback !== undefined) return await fallback;
      }
      return this.#forOrigin(head, await this.#replyWith(head, stored));
    } catch (error) {
      return this.#forOrigin(head, await this.#failure(head, error));
    }
  }

  /** The reply to a path that can name no file. */
  #unnameable(head: RequestHead, why: 'bad-request' | 'missing'): Promise<Reply> {
    return why === 'missing' ? this.#notFound(head, 'BYPASS') : this.#errorPage(head, 400, 'BYPASS');
  }

  async #replyWith(head: RequestHead, { resource, state }: Stored): Promise<Reply> {
    switch (resource.kind) {
      case 'file':
        return this.#replyWithFile(head, resource, state);
      case 'listing':
        return this.#replyWithListing(head, resource, state);
      case 'redirect':
        return redirect(head, resource, state);
      case 'missing':
        return this.#notFound(head, state);
    }
  }

  async #replyWithListing(head: RequestHead, resource: ListingResource, state: CacheState): Promise<Reply> {
    const representation = prefersJson(head.field('accept')) ? 'json' : 'html';
    const preference = this.#preference(head);
    const completed = await this.#completed(resource, representation, preference);
    const variant = chooseVariant(formsOf(completed, representation), preference);
    // A listing stays in memory, so nothing has to be opened.
    return decide(head, { variant, lastModifiedMs: undefined, state }, this.#options.clock.nowMs) as Reply;
  }

  async #replyWithFile(head: RequestHead, resource: FileResource, found: CacheState): Promise<Reply> {
    const { store } = this.#options;
    const preference = this.#preference(head);
    let current = await this.#completed(resource, 'html', preference);
    let state = found;
    for (let attempt = 1; ; attempt++) {
      const reply = this.#select(head, current, preference, state);
      if (!isDiskReply(reply)) return reply;
      const opened = await this.#open(reply, state);
      if (opened !== undefined) return opened;
      // It changed since it was looked up: look again.
      store.forget(current);
      const again = await store.get({ key: current.key, hash: current.hash });
      if (again.resource.kind !== 'file') return this.#replyWith(head, again);
      if (attempt === OPEN_ATTEMPTS) {
        throw new LookupFailure('busy', `${current.urlPath}: changes faster than it can be opened`);
      }
      current = again.resource;
      state = again.state;
    }
  }

  /** The resource with the form that suits the client best; as it is when that form cannot be made now. */
  async #completed<R extends Compressible>(
    resource: R,
    representation: Representation,
    preference: CodingPreference,
  ): Promise<R> {
    const { store, tasks, report } = this.#options;
    const coding = codingToMake(formsOf(resource, representation), preference, tasks.codings);
    if (coding === undefined) return resource;
    try {
      return await store.withCoding(resource, representation, coding);
    } catch (error) {
      report(`${resource.urlPath} is sent as it is, not as ${coding}: ${messageOf(error)}`);
      return resource;
    }
  }

  #select(
    head: RequestHead,
    resource: FileResource,
    preference: CodingPreference,
    state: CacheState,
  ): Reply | DiskReply {
    const variant = chooseVariant(resource, preference);
    const { lastModifiedMs } = resource;
    return decide(head, { variant, lastModifiedMs, state }, this.#options.clock.nowMs);
  }

  async #open({ variant, status, fields, parts }: DiskReply, state: CacheState): Promise<Reply | undefined> {
    const file = await openSame(variant.path, variant.identity);
    if (file === undefined) return undefined;
    return { status, fields, body: { file, parts }, cache: state, close: false };
  }

  /** 404, or the single-page application's page for a client that navigates. */
  async #notFound(head: RequestHead, state: CacheState): Promise<Reply> {
    if (this.#spa !== undefined && namesHtml(head.field('accept'))) {
      const stored = await this.#page(this.#spa);
      if (stored.resource.kind === 'file')
        return withFields(await this.#replyWith(head, stored), VARY_ACCEPT);
    }
    return this.#errorPage(head, 404, state);
  }

  /** An error with the site's own page for it, if there is one and the client accepts HTML. */
  async #errorPage(head: RequestHead, status: number, state: CacheState, fields = ''): Promise<Reply> {
    const headOnly = head.method === 'HEAD';
    const key = this.#errorPages.get(status);
    const isVarying = key !== undefined || (status === 404 && this.#spa !== undefined);
    const lines = isVarying ? fields + VARY_ACCEPT : fields;
    if (key !== undefined && acceptsHtml(head.field('accept'))) {
      const page = (await this.#page(key)).resource;
      const reply = page.kind === 'file' ? await this.#asError(page, status, lines, headOnly) : undefined;
      if (reply !== undefined) return { ...reply, cache: state };
    }
    return { ...errorReply(status, '', { headOnly, fields: lines }), cache: state };
  }

  /** A file as the body of an error; undefined when it has changed since it was looked up. */
  async #asError(
    page: FileResource,
    status: number,
    fields: string,
    headOnly: boolean,
  ): Promise<Reply | undefined> {
    const variant = page.variants[0]!;
    const { contentType, sizeBytes, body } = variant;
    const all =
      `Content-Type: ${contentType}\r\nContent-Length: ${sizeBytes}\r\n` +
      `Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n${fields}`;
    if (headOnly || body !== null) {
      return { status, fields: all, body: headOnly ? null : body, cache: '', close: false };
    }
    const parts = [{ offset: 0, length: sizeBytes }];
    const reply = await this.#open({ status, fields: all, variant, parts }, '');
    if (reply === undefined) this.#options.store.forget(page);
    return reply;
  }

  /** A page that the settings name by its file, which with clean URLs lies under another path. */
  async #page(key: ResourceKey): Promise<Stored> {
    const { store } = this.#options;
    const stored = await store.get(key);
    return stored.resource.kind === 'redirect' ? store.get(keyOf(stored.resource.location)) : stored;
  }

  #forOrigin(head: RequestHead, reply: Reply): Reply {
    const lines = this.#options.rules.originLines(head.field('origin'), reply.status >= 400);
    return lines === '' ? reply : withFields(reply, lines);
  }

  async #failure(head: RequestHead, error: unknown): Promise<Reply> {
    this.#options.report(`${head.path}: ${messageOf(error)}`);
    const isBusy = error instanceof LookupFailure ? error.kind === 'busy' : isExhaustion(systemCode(error));
    const status = isBusy ? 503 : 500;
    const fields = isBusy ? 'Retry-After: 1\r\n' : '';
    try {
      return await this.#errorPage(head, status, '', fields);
    } catch {
      // The error page cannot be read either; the one that is made here needs no disk.
      return errorReply(status, '', { headOnly: head.method === 'HEAD', fields });
    }
  }

  /** What the client's Accept-Encoding says; the same object for the same text. */
  #preference(head: RequestHead): CodingPreference {
    if (!head.has(ACCEPT_ENCODING)) return this.#noPreference;
    const value = head.field('accept-encoding')!;
    let preference = this.#preferences.get(value);
    if (preference === undefined) {
      preference = parseAcceptEncoding(value);
      if (this.#preferences.size >= MAX_PREFERENCES) this.#preferences.clear();
      this.#preferences.set(value, preference);
    }
    return preference;
  }
}

/** The reply with more field lines. A prepared reply has its bytes made, so this is a new one. */
function withFields({ status, fields, body, cache, close }: Reply, lines: string): Reply {
  return { status, fields: fields + lines, body, cache, close };
}

/** @param urlPath percent-encoded, as in a request */
function keyOf(urlPath: string): ResourceKey {
  const key = Buffer.from(urlPath, 'latin1');
  return { key, hash: djb2(key) };
}

function redirect(head: RequestHead, resource: RedirectResource, state: CacheState): Reply {
  const location = resource.location + escapeQuery(head.query);
  const reply = errorReply(301, `This is at ${location}.`, {
    fields: `Location: ${location}\r\n${resource.fields}`,
    cacheControl: 'no-cache',
    headOnly: head.method === 'HEAD',
  });
  return { ...reply, cache: state };
}

/** A query as it may stand in a Location field: bytes above 0x7f are no URI characters. */
function escapeQuery(query: string): string {
  return query.replaceAll(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function isExhaustion(code: string): boolean {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}
