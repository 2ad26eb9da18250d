/**
 * What the cache holds for a path: a file in its stored forms, a listing, a redirect, or the knowledge
 * that there is nothing. Everything that does not depend on the request is made when the entry is made.
 */
import type { CacheEntry } from '../cache/file-cache.js';
import { isCompressible } from '../http/content-type.js';
import { formatHttpDate } from '../http/http-date.js';
import type { Coding } from '../http/reply.js';
import type { ReadGuard } from '../tokens/token-manager.js';
import { type Forms, NOTHING_CHOSEN, Variant } from './forms.js';
import type { Found, FoundFile, FoundListing, FoundVariant } from './found.js';
import { withCoding } from './identity.js';
import type { ResponseRules } from './response-rules.js';

/** What an entry costs besides its bodies: objects, head fields, the key. Measured roughly. */
const ENTRY_OVERHEAD_BYTES = 4096;
/** A body that is joined to its head for sending is in memory twice. */
const JOINED_BYTES = 64 * 1024;

const NOSNIFF = 'X-Content-Type-Options: nosniff\r\n';

interface ResourceBase extends CacheEntry<Resource> {
  /** Equal strings mean that nothing has changed on disk. */
  readonly identity: string;
  /** When the disk was last asked, in milliseconds since the epoch. */
  checkedAtMs: number;
  /** Where files are written through the server: it may be believed while this is valid. */
  guard: ReadGuard | undefined;
}

export interface FileResource extends ResourceBase, Forms {
  readonly kind: 'file';
  readonly urlPath: string;
  /** No link was followed below the root. */
  readonly isDirect: boolean;
  readonly lastModifiedMs: number;
}

/** A listing in its two representations. */
export interface ListingResource extends ResourceBase {
  readonly kind: 'listing';
  readonly urlPath: string;
  readonly html: Forms;
  readonly json: Forms;
}

/** What has bodies that can be compressed. */
export type Compressible = FileResource | ListingResource;

/** Which representation of a resource is meant; a file has one. */
export type Representation = 'html' | 'json';

export interface RedirectResource extends ResourceBase {
  readonly kind: 'redirect';
  readonly location: string;
  readonly fields: string;
}

export interface MissingResource extends ResourceBase {
  readonly kind: 'missing';
  /** True when nothing but the ordinary 404 can be said of it; undefined until that was asked. */
  isPlain: boolean | undefined;
}

export type Resource = FileResource | ListingResource | RedirectResource | MissingResource;

type BaseKey = 'key' | 'hash' | 'checkedAtMs' | 'guard' | 'next';

/** What an entry is made from: the answer of a lookup that found something out. */
export type Findable = Exclude<Found, { kind: 'unchanged' | 'busy' | 'failed' }>;

/** What makes entries, with the settings that shape their fields. */
export class ResourceMaker {
  readonly #rules: ResponseRules;
  readonly #compress: boolean;

  constructor(rules: ResponseRules, compress: boolean) {
    this.#rules = rules;
    this.#compress = compress;
  }

  /** The entry for what was found under a raw path. */
  make(found: Findable, key: Buffer, hash: number, nowMs: number): Resource {
    const base = { key, hash, checkedAtMs: nowMs, guard: undefined, next: undefined };
    const bare = { ...base, sizeBytes: key.length + ENTRY_OVERHEAD_BYTES };
    switch (found.kind) {
      case 'file':
        return this.#file(found, base);
      case 'listing':
        return this.#listing(found, base);
      case 'redirect':
        return {
          ...bare,
          kind: 'redirect',
          identity: found.location,
          location: found.location,
          fields: this.#rules.extraLines(found.location),
        };
      default:
        return { ...bare, kind: 'missing', identity: '', isPlain: undefined };
    }
  }

  /** The same resource with one more form, or with the note that the form is not worth keeping. */
  withCoding<R extends Compressible>(
    resource: R,
    representation: Representation,
    coding: Coding,
    body: Uint8Array,
  ): R {
    const forms = formsOf(resource, representation);
    const identity = forms.variants[0]!;
    if (body.length >= identity.sizeBytes) return this.withoutCoding(resource, representation, coding);
    const found: FoundVariant = {
      coding,
      path: identity.path,
      sizeBytes: body.length,
      identity: identity.identity,
      body,
      etag: withCoding(identity.etag, coding),
    };
    const variant =
      resource.kind === 'file'
        ? this.#variant(found, resource)
        : this.#listingVariant(found, resource.urlPath, identity.contentType);
    const variants = [...forms.variants, variant];
    return withForms(resource, representation, { ...forms, variants, ...NOTHING_CHOSEN });
  }

  /** The same resource with the note that a form is not worth making. */
  withoutCoding<R extends Compressible>(resource: R, representation: Representation, coding: Coding): R {
    const forms = formsOf(resource, representation);
    const useless = new Set([...forms.useless, coding]);
    return withForms(resource, representation, { ...forms, useless, ...NOTHING_CHOSEN });
  }

  #file(found: FoundFile, base: Pick<FileResource, BaseKey>): FileResource {
    const compressible = this.#compress && isCompressible(this.#rules.contentType(found.urlPath));
    const shape = {
      urlPath: found.urlPath,
      // A file from the future was last modified no later than now (RFC 9110 section 8.8.2.1), in whole seconds.
      lastModifiedMs: Math.min(found.mtimeMs, Math.floor(base.checkedAtMs / 1000) * 1000),
      compressible: compressible || found.variants.length > 1,
    };
    const variants = found.variants.map((variant) => this.#variant(variant, shape));
    return {
      ...base,
      ...shape,
      kind: 'file',
      identity: found.identity,
      isDirect: found.isDirect,
      sizeBytes: sizeOf(base.key, variants),
      compressible,
      variants,
      useless: new Set(),
      ...NOTHING_CHOSEN,
    };
  }

  #variant(
    found: FoundVariant,
    shape: Pick<FileResource, 'urlPath' | 'lastModifiedMs' | 'compressible'>,
  ): Variant {
    const { urlPath } = shape;
    const shared =
      this.#rules.cacheControlLine(urlPath) +
      this.#rules.varyOn([shape.compressible ? 'Accept-Encoding' : '']) +
      NOSNIFF +
      this.#rules.extraLines(urlPath);
    const lastModified = formatHttpDate(shape.lastModifiedMs);
    return new Variant(found, this.#rules.contentType(urlPath), shared, lastModified);
  }

  #listing(found: FoundListing, base: Pick<ListingResource, BaseKey>): ListingResource {
    const form = (contentType: string, body: Uint8Array, etag: string): Forms => {
      const variant = {
        coding: 'identity',
        path: '',
        identity: '',
        sizeBytes: body.length,
        body,
        etag,
      } as const;
      const variants = [this.#listingVariant(variant, found.urlPath, contentType)];
      return { compressible: this.#compress, variants, useless: new Set(), ...NOTHING_CHOSEN };
    };
    const html = form('text/html; charset=utf-8', found.html, found.htmlEtag);
    const json = form('application/json; charset=utf-8', found.json, found.jsonEtag);
    const { identity, urlPath } = found;
    const sizeBytes = sizeOf(base.key, [...html.variants, ...json.variants]);
    return { ...base, kind: 'listing', urlPath, identity, sizeBytes, html, json };
  }

  #listingVariant(found: FoundVariant, urlPath: string, contentType: string): Variant {
    const vary = this.#rules.varyOn(['Accept', this.#compress ? 'Accept-Encoding' : '']);
    const shared = `Cache-Control: no-cache\r\n${vary}${NOSNIFF}${this.#rules.extraLines(urlPath)}`;
    return new Variant(found, contentType, shared, '');
  }
}

/** The forms of one representation. */
export function formsOf(resource: Compressible, representation: Representation): Forms {
  return resource.kind === 'file' ? resource : resource[representation];
}

/** The same resource with other forms of one representation, as an entry of its own. */
function withForms<R extends Compressible>(resource: R, representation: Representation, forms: Forms): R {
  const changed: R =
    resource.kind === 'file' ? { ...resource, ...forms } : { ...resource, [representation]: forms };
  return { ...changed, next: undefined, sizeBytes: sizeOf(resource.key, variantsOf(changed)) };
}

function variantsOf(resource: Compressible): readonly Variant[] {
  if (resource.kind === 'file') return resource.variants;
  return [...resource.html.variants, ...resource.json.variants];
}

function sizeOf(key: Buffer, variants: readonly Variant[]): number {
  return variants.reduce((size, { body }) => {
    const bodyBytes = body === null ? 0 : body.length;
    return size + bodyBytes + (bodyBytes <= JOINED_BYTES ? bodyBytes : 0);
  }, ENTRY_OVERHEAD_BYTES + key.length);
}
