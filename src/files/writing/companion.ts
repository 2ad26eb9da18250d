/**
 * What else is known of files than what is in them, as WebDAV does: whoever changes files asks first whether they may,
 * and says afterwards what has become of them. All of it is called while the tokens of the files are held.
 */
import type { RequestHead } from '../../http/request-head.js';

/** Decoded names from the root down, links in the directory resolved. */
type Segments = readonly string[];

/** What a request is about to change. */
export interface Change {
  readonly path: Segments;
  /** It comes to be, or goes, or is replaced: its directory changes too. */
  readonly isMembership: boolean;
  /** All that lies below goes with it. */
  readonly isDeep: boolean;
}

export interface Companion {
  /** To be held besides the tokens of the files: `read` to change files, `write` where any go. */
  readonly token: string;
  /** Rejects with Refusal when the request must not be carried out. */
  check(head: RequestHead, changes: readonly Change[]): Promise<void>;
  /** Something is there where nothing was. */
  created(path: Segments): Promise<void>;
  /** It is gone, with all below. */
  removed(path: Segments): Promise<void>;
  moved(from: Segments, to: Segments): Promise<void>;
  copied(from: Segments, to: Segments, isDeep: boolean): Promise<void>;
}
