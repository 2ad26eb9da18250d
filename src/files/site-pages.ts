/**
 * The pages that a site has for what goes wrong: its own error pages, and the page of a single-page
 * application. Each is a file like any other, looked up and kept by the store.
 */
import type { ErrorPage } from '../config/settings.js';
import { bodyFields, errorReply } from '../http/error-reply.js';
import { acceptsHtml, namesHtml } from '../http/negotiation.js';
import type { CacheState, Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { PreparedReply } from '../http/serialise.js';
import { openReply } from './open-file.js';
import { encodePath, parsePath } from './paths.js';
import type { FileResource } from './resource.js';
import { keyOf, type ResourceKey, type ResourceStore, type Stored } from './store.js';

export interface SitePagesOptions {
  readonly store: ResourceStore;
  readonly errorPages: readonly ErrorPage[];
  /** URL path of the page for what is not found, for clients that ask for HTML; `''`: off. */
  readonly spa: string;
}

/** Fields of a reply that is a page for a client that takes HTML, and something else for others. */
export function varyOnAccept(fields: string): string {
  const varied = fields.replace(/^Vary: /m, 'Vary: Accept, ');
  return varied === fields ? `${fields}Vary: Accept\r\n` : varied;
}

export class SitePages {
  readonly #store: ResourceStore;
  readonly #errorPages: ReadonlyMap<number, string>;
  readonly #spa: string;
  /** The site's own page for what is not found, where the cache keeps it. */
  readonly #missingPage: ResourceKey | undefined;
  readonly #missing: { readonly whole: Reply; readonly head: Reply };

  constructor({ store, errorPages, spa }: SitePagesOptions) {
    this.#store = store;
    this.#errorPages = new Map(errorPages.map(({ status, path }) => [status, path]));
    this.#spa = spa;
    const path = this.#errorPages.get(404);
    const page = path === undefined ? 'missing' : parsePath(path, 'serve');
    if (typeof page !== 'string') this.#missingPage = keyOf(encodePath(page.segments, page.trailingSlash));
    const { status, fields, body } = errorReply(404, '', {
      fields: path === undefined ? '' : varyOnAccept(''),
    });
    this.#missing = {
      whole: new PreparedReply(status, fields, body as Buffer, 'HIT'),
      head: new PreparedReply(status, fields, null, 'HIT'),
    };
  }

  /**
   * The ordinary 404, for paths of which nothing else is to be said; undefined when that takes a look at the
   * client's wishes or the disk.
   */
  missing(head: RequestHead): Reply | undefined {
    if (this.#spa !== '') return undefined;
    if (this.#missingPage !== undefined && this.#store.freshAt(this.#missingPage)?.kind !== 'missing') {
      return undefined;
    }
    return head.method === 'HEAD' ? this.#missing.head : this.#missing.whole;
  }

  /** True when the site has a page of its own for this error. */
  has(status: number): boolean {
    return this.#errorPages.has(status);
  }

  /** The single-page application's page, for a client that navigates; undefined when there is none. */
  async application(head: RequestHead): Promise<Stored | undefined> {
    if (this.#spa === '' || !namesHtml(head.field('accept'))) return undefined;
    const stored = await this.#page(this.#spa);
    return stored?.resource.kind === 'file' ? stored : undefined;
  }

  /** An error with the site's own page for it, if there is one and the client accepts HTML. */
  async error(head: RequestHead, status: number, state: CacheState, fields = ''): Promise<Reply> {
    const headOnly = head.method === 'HEAD';
    const path = this.#errorPages.get(status);
    const isVarying = path !== undefined || (status === 404 && this.#spa !== '');
    const lines = isVarying ? varyOnAccept(fields) : fields;
    if (path !== undefined && acceptsHtml(head.field('accept'))) {
      const page = (await this.#page(path))?.resource;
      const reply = page?.kind === 'file' ? await this.#asError(page, status, lines, headOnly) : undefined;
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
    const all = bodyFields(contentType, sizeBytes, 'no-cache') + fields;
    if (headOnly || body !== null) {
      return { status, fields: all, body: headOnly ? null : body, cache: '', close: false };
    }
    const parts = [{ offset: 0, length: sizeBytes }];
    const reply = await openReply({ status, fields: all, variant, parts }, '');
    if (reply === undefined) this.#store.forget(page);
    return reply;
  }

  /** A page that the settings name by its file, which with clean URLs lies under another path. */
  async #page(path: string): Promise<Stored | undefined> {
    const stored = await this.#get(path);
    return stored?.resource.kind === 'redirect' ? this.#get(stored.resource.location) : stored;
  }

  async #get(path: string): Promise<Stored | undefined> {
    const parsed = parsePath(path, 'serve');
    return typeof parsed === 'string' ? undefined : this.#store.getPath(parsed);
  }
}
