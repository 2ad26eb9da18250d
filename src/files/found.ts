/**
 * What a lookup in the document root finds. These values cross from a pool thread to the worker's
 * loop, so they are plain data; bodies are transferred, not copied.
 */
import type { Coding } from '../http/reply.js';

/** The slice of the settings that decides what a URL path means on disk. */
export interface LookupRules {
  /** The document root; may be a link, whose target is the boundary while a lookup lasts. */
  readonly root: string;
  readonly indexFiles: readonly string[];
  readonly autoindex: boolean;
  readonly cleanUrls: boolean;
  readonly dotfiles: 'hide' | 'serve';
  readonly followSymlinks: 'inside' | 'always' | 'never';
  /** Absolute paths of files that are never served as files of the site: the statistics. */
  readonly withheld: readonly string[];
  /** Bodies up to this size are read into memory. */
  readonly maxBodyBytes: number;
}

/** Question to a pool thread. */
export interface LookupTask {
  /** The request path as received: raw, percent-encoded, one char per byte (latin1), without query. */
  readonly rawPath: string;
  /** `identity` of what is already known: when nothing changed, the answer is just `unchanged`. */
  readonly known?: string;
}

/** One stored form of a file: itself, or a sidecar (`.br`, `.zst`, `.gz`). */
export interface FoundVariant {
  readonly coding: Coding;
  /** Real path on disk. */
  readonly path: string;
  readonly sizeBytes: number;
  /** dev:ino:size:mtimeNs:ctimeNs of this file. */
  readonly identity: string;
  /** Whole content, or null above the limit. Read while unchanged: stat before equals stat after. */
  readonly body: Uint8Array | null;
  /** Strong entity tag with its quotes: content hash when the body was read, else from mtime and size. */
  readonly etag: string;
}

export interface FoundFile {
  readonly kind: 'file';
  /** URL path of the file that was found, decoded: `/docs/index.html` for `/docs/`. */
  readonly urlPath: string;
  /** All variants' identities; equal strings mean nothing changed. */
  readonly identity: string;
  /** Last modification of the file itself, whole seconds since the epoch, in milliseconds. */
  readonly mtimeMs: number;
  /** All variants lie where their names say: no link was followed below the root. */
  readonly isDirect: boolean;
  /** `identity` first, then the sidecars that exist. */
  readonly variants: readonly FoundVariant[];
}

/** A generated directory listing, both forms at once. */
export interface FoundListing {
  readonly kind: 'listing';
  readonly urlPath: string;
  readonly identity: string;
  readonly html: Uint8Array;
  readonly json: Uint8Array;
  readonly htmlEtag: string;
  readonly jsonEtag: string;
}

/** The resource lives under another path; `location` is an encoded absolute path, without query. */
export interface FoundElsewhere {
  readonly kind: 'redirect';
  readonly location: string;
}

/** There is nothing to serve: `busy` when the disk could not be asked now, `failed` for its error. */
export interface NotFound {
  readonly kind: 'missing' | 'busy' | 'failed';
  /** For the log: why it is `failed` or `busy`, or that what is `missing` is there but not readable. */
  readonly reason?: string;
}

export type Found = FoundFile | FoundListing | FoundElsewhere | NotFound | { readonly kind: 'unchanged' };
