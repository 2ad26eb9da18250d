/**
 * The seam between tokens as they are used (token-manager.ts) and the arbiter that grants them: the one in the
 * master (local-arbiter.ts), reached from a worker over its channel, or etcd (etcd/etcd-engine.ts). One contract
 * suite says what it means; all pass it.
 *
 * A session asks for tokens and gives them up; between two sessions the arbiter decides, first come first served.
 * Fences and versions are integers below 2^53: a later grant has a higher fence, a later commit a higher version.
 */
import type { Held, Mode } from './token.js';

/** What is granted. */
export interface Granted {
  /** Higher than that of every earlier grant of this file to another session in a mode that conflicts. */
  readonly fence: number;
}

/** What a commit puts on record. */
export interface CommitRecord {
  /** Entity tag of the new state, with its quotes; `''`: the file is gone. */
  readonly etag: string;
  readonly bytes: number;
}

export interface EngineEvents {
  /**
   * Others want a token of this file, for which this session must not hold more than `to`. Said again until it is
   * given up; an old demand may come late, and means nothing then.
   */
  demand(file: string, to: 'read' | 'none'): void;
  /** The session is gone, and all that it held. A new one begins by itself with the next request. */
  lost(why: string): void;
}

export interface TokenEngine {
  /** Until when what is held may be believed, on the scale of `performance.now()`; Infinity: until `lost`. */
  readonly validUntilMs: number;
  /** Called once, before anything is asked. */
  listen(events: EngineEvents): void;
  /**
   * Asks for a token of a file of which this session holds none, or `read` where `mode` is `read` again. Resolves
   * when it is granted. Rejects with TokenError (`aborted`, `lost`, `unavailable`); then nothing is held and nothing
   * waits any more.
   */
  request(file: string, mode: Mode, signal?: AbortSignal): Promise<Granted>;
  /**
   * Gives up what was granted with this fence: wholly, or `write` for `read`. May be said twice; does nothing when
   * the fence is not that of the present holding. Rejects only when the session is gone.
   */
  yieldToken(file: string, fence: number, to: Exclude<Held, 'write'>): Promise<void>;
  /**
   * Puts on record that the holder of this write token is about to change the file, if it still holds it. Resolves
   * to the version. Rejects with TokenError: `stale` (then nobody may change anything), `ambiguous`, `unavailable`.
   */
  commit(file: string, fence: number, record: CommitRecord): Promise<number>;
  /** Gives up everything. */
  close(): Promise<void>;
}
