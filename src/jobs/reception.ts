/** A part on its way in: what the protocols give their bytes to. */
import type { PartReceipt } from './api.js';

/** What is known of a part before it comes. */
export interface Announced {
  readonly job: string;
  readonly part: string;
  /** Of the whole part; undefined when only its end will tell. */
  readonly bytes?: number | undefined;
  /** What the content must have, in hexadecimal; undefined: the client does not say. */
  readonly sha256?: string | undefined;
  /** The content begins here: bytes before are here from an earlier attempt. 0, or absent: from the beginning. */
  readonly offset?: number | undefined;
}

export interface Reception {
  /**
   * The next bytes, which are copied. False: enough for now, wait for `drained`.
   *
   * @throws JobError when no more of this part is taken: too large, or the storage has failed
   */
  write(bytes: Uint8Array): boolean;
  /** Resolves when more may be written, or `write` would throw. */
  drained(): Promise<void>;
  /** All of it is here. Resolves when it is durable. Rejects with JobError. */
  commit(): Promise<PartReceipt>;
  /**
   * No more comes. What came is kept for another attempt, as far as that can be: resolves when it is. Does nothing
   * after the end. Does not reject.
   */
  abandon(): Promise<void>;
}

export interface Intake {
  /** Where the connections of this job's clients belong: the place of its owner. Undefined while no worker serves. */
  placeOf(job: string): number | undefined;
  /** Rejects with JobError when the part may not be sent. */
  begin(announced: Announced): Promise<Reception>;
}
