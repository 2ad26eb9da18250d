/**
 * What workers and the master say to each other about tokens, on the channel of master/protocol.ts. A worker is one
 * session of the master's arbiter at a time; when that is lost, it joins with another name.
 *
 *     worker                                      master
 *       │ ── join { session } ─────────────────────► │  before anything else of this session
 *       │ ── alive { session, beat } ──────────────► │  every quarter of TOKEN_TTL_SECONDS
 *       │ ◄─ alive { beat } ───────────────────────  │  what is held may be believed on
 *       │ ── request { session, id, file, mode } ──► │
 *       │ ── cancel { session, id } ───────────────► │  it is still answered
 *       │ ◄─ granted { id, fence } │ refused ──────  │
 *       │ ◄─ demand { session, file, to } ─────────  │  others want it
 *       │ ── yield { session, file, fence, to } ───► │
 *       │ ── commit { session, id, file, fence } ──► │
 *       │ ◄─ committed { id, version } │ refused ──  │
 *       │ ◄─ lost { session, why } ────────────────  │  all that it held is gone
 *       │ ── locks { id, request } ────────────────► │  for a client: see listing.ts
 *       │ ── cancel-locks { id } ──────────────────► │  the client is gone
 *       │ ◄─ locks { id, answer } ─────────────────  │
 */
import type { CommitRecord } from './engine.js';
import type { LockAnswer, LockRequest } from './listing.js';
import type { Mode, TokenErrorCode } from './token.js';

export type TokensToMaster =
  | { readonly op: 'join'; readonly session: string }
  | { readonly op: 'alive'; readonly session: string; readonly beat: number }
  | {
      readonly op: 'request';
      readonly session: string;
      readonly id: number;
      readonly file: string;
      readonly mode: Mode;
    }
  | { readonly op: 'cancel'; readonly session: string; readonly id: number }
  | {
      readonly op: 'yield';
      readonly session: string;
      readonly file: string;
      readonly fence: number;
      readonly to: 'read' | 'none';
    }
  | {
      readonly op: 'commit';
      readonly session: string;
      readonly id: number;
      readonly file: string;
      readonly fence: number;
      readonly record: CommitRecord;
    }
  | { readonly op: 'locks'; readonly id: number; readonly request: LockRequest }
  | { readonly op: 'cancel-locks'; readonly id: number };

export type TokensToWorker =
  | { readonly op: 'alive'; readonly session: string; readonly beat: number }
  | { readonly op: 'granted'; readonly id: number; readonly fence: number }
  | { readonly op: 'committed'; readonly id: number; readonly version: number }
  | {
      readonly op: 'refused';
      readonly id: number;
      readonly code: TokenErrorCode;
      readonly message: string;
    }
  | { readonly op: 'demand'; readonly session: string; readonly file: string; readonly to: 'read' | 'none' }
  | { readonly op: 'lost'; readonly session: string; readonly why: string }
  | { readonly op: 'locks'; readonly id: number; readonly answer: LockAnswer };
