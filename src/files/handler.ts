/**
 * The static handler, a straight line: method → find → select → decide → reply. What is at hand is
 * answered at once; only a miss, an expired entry, a compression or a file on disk makes a promise.
 */

import type { DotfilePolicy } from '../config/settings.js';
import { messageOf, systemCode } from '../errors.js';
import type { Clock } from '../http/clock.js';
import { CodingPreferences } from '../http/coding-preferences.js';
import { errorReply } from '../http/error-reply.js';
import { type CodingPreference, prefersJson } from '../http/negotiation.js';
import type { CacheState, Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { escapeBytes } from '../http/uri.js';
import type { Peer } from '../transport/connection.js';
import { type DiskReply, decide, isDiskReply } from './decide.js';
import { chooseVariant, codingToMake } from './forms.js';
import type { Monitoring } from './monitoring.js';
import { openReply } from './open-file.js';
import { parsePath } from './paths.js';
import {
  type Compressible,
  type FileResource,
  formsOf,
  type ListingResource,
  type MissingResource,
  type RedirectResource,
  type Representation,
} from './resource.js';
import type { ResponseRules } from './response-rules.js';
import { SitePages, type SitePagesOptions, varyOnAccept } from './site-pages.js';
import { type FileTasks, LookupFailure, type Stored } from './store.js';

export interface HandlerOptions extends SitePagesOptions {
  readonly tasks: FileTasks;
  readonly rules: ResponseRules;
  readonly monitoring: Monitoring;
  readonly clock: Clock;
  readonly dotfiles: DotfilePolicy;
  /** Told what went wrong on the disk. */
  readonly report: (problem: string) => void;
}

/** Who asks. The address is looked up only when it matters. */
export interface Asker {
  readonly peer: Peer;
}

const ALLOW = 'Allow: GET, HEAD, OPTIONS\r\n';

/** How often a file that changes between look-up and opening is looked up again. */
const OPEN_ATTEMPTS = 3;

export class StaticHandler {
  readonly #options: HandlerOptions;
  readonly #pages: SitePages;
  readonly #preferences = new CodingPreferences();
  /** Errors carry no fields for other origins. */
  readonly #sameForAllOrigins: boolean;

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#pages = new SitePages(options);
    const { rules } = options;
    this.#sameForAllOrigins = !rules.byOrigin && rules.originLines(undefined, true) === '';
  }

  /** Answers one request. The head is only borrowed: what outlives this call is retained. */
  handle(head: RequestHead, from: Asker): Reply | Promise<Reply> {
    if (head.method !== 'GET' && head.method !== 'HEAD') return this.#otherMethod(head);
    const resource = this.#options.store.fresh(head);
    if (resource?.kind === 'file' && !this.#options.rules.byOrigin) {
      const preference = this.#preferences.of(head);
      if (codingToMake(resource, preference, this.#options.tasks.codings) === undefined) {
        const reply = this.#select(head, resource, preference, 'HIT');
        if (!isDiskReply(reply) && reply.status < 400) return reply;
      }
    }
    if (resource?.kind === 'missing') {
      const reply = this.#missingAtOnce(resource, head);
      if (reply !== undefined) return reply;
    }
    return this.#find(head.retain(), from);
  }

  /** The ordinary 404, where nothing depends on who asks, and the server has nothing of its own there. */
  #missingAtOnce(resource: MissingResource, head: RequestHead): Reply | undefined {
    if (!this.#sameForAllOrigins) return undefined;
    resource.isPlain ??= !this.#options.monitoring.speaksOf(head.path);
    return resource.isPlain ? this.#pages.missing(head) : undefined;
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
    if (!this.#pages.has(status)) return this.#forOrigin(head, errorReply(status, '', { fields: ALLOW }));
    return this.#otherWithPage(head.retain(), status);
  }

  async #otherWithPage(head: RequestHead, status: number): Promise<Reply> {
    try {
      return this.#forOrigin(head, await this.#pages.error(head, status, '', ALLOW));
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
      const stored = await store.getPath(asked);
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
    return why === 'missing' ? this.#notFound(head, 'BYPASS') : this.#pages.error(head, 400, 'BYPASS');
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
    const preference = this.#preferences.of(head);
    const completed = await this.#completed(resource, representation, preference);
    const variant = chooseVariant(formsOf(completed, representation), preference);
    // A listing stays in memory, so nothing has to be opened.
    return decide(head, { variant, lastModifiedMs: undefined, state }, this.#options.clock.nowMs) as Reply;
  }

  async #replyWithFile(head: RequestHead, resource: FileResource, found: CacheState): Promise<Reply> {
    const { store } = this.#options;
    const preference = this.#preferences.of(head);
    let current = await this.#completed(resource, 'html', preference);
    let state = found;
    for (let attempt = 1; ; attempt++) {
      const reply = this.#select(head, current, preference, state);
      if (!isDiskReply(reply)) return reply;
      const opened = await openReply(reply, state);
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

  /** 404, or the single-page application's page for a client that navigates. */
  async #notFound(head: RequestHead, state: CacheState): Promise<Reply> {
    const stored = await this.#pages.application(head);
    if (stored === undefined) return this.#pages.error(head, 404, state);
    const reply = await this.#replyWith(head, stored);
    return { ...bare(reply), fields: varyOnAccept(reply.fields) };
  }

  #forOrigin(head: RequestHead, reply: Reply): Reply {
    const lines = this.#options.rules.originLines(head.field('origin'), reply.status >= 400);
    return lines === '' ? reply : { ...bare(reply), fields: reply.fields + lines };
  }

  async #failure(head: RequestHead, error: unknown): Promise<Reply> {
    this.#options.report(`${head.path}: ${messageOf(error)}`);
    const isBusy = error instanceof LookupFailure ? error.kind === 'busy' : isExhaustion(systemCode(error));
    const status = isBusy ? 503 : 500;
    const fields = isBusy ? 'Retry-After: 1\r\n' : '';
    try {
      return await this.#pages.error(head, status, '', fields);
    } catch {
      // The error page cannot be read either; the one that is made here needs no disk.
      return errorReply(status, '', { headOnly: head.method === 'HEAD', fields });
    }
  }
}

/** What a reply says. A prepared one has its bytes made besides, which do not fit other fields. */
function bare({ status, fields, body, cache, close }: Reply): Reply {
  return { status, fields, body, cache, close };
}

function redirect(head: RequestHead, resource: RedirectResource, state: CacheState): Reply {
  const location = resource.location + escapeBytes(head.query);
  const reply = errorReply(301, `This is at ${location}.`, {
    fields: `Location: ${location}\r\n${resource.fields}`,
    cacheControl: 'no-cache',
    headOnly: head.method === 'HEAD',
  });
  return { ...reply, cache: state };
}

function isExhaustion(code: string): boolean {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}
