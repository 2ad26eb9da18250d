/** What tokens are: who may do what with a file, and how it is said that somebody may not. */

/** `read`: shared, the file may be answered from memory. `write`: exclusive, it may be changed. */
export type Mode = 'read' | 'write';

/** What a session holds of a file. */
export type Held = Mode | 'none';

/**
 * - `timeout`: others have not given it up in time;
 * - `aborted`: whoever asked does not want it any more;
 * - `lost`: the session is gone, and all it held;
 * - `stale`: somebody else has held the token since: nothing was changed;
 * - `unavailable`: the arbiter cannot be asked now;
 * - `ambiguous`: nobody knows whether it was done.
 */
export type TokenErrorCode = 'timeout' | 'aborted' | 'lost' | 'stale' | 'unavailable' | 'ambiguous';

/** Why a token cannot be had, or is none any more. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly code: TokenErrorCode;

  constructor(code: TokenErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** True when two sessions may not hold these modes of one file at the same time. */
export function conflicts(a: Mode, b: Mode): boolean {
  return a === 'write' || b === 'write';
}
