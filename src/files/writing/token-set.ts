/** All tokens that an operation needs: taken in the order of their names, so that two operations never wait for each other. */
import { parentTokensOf } from '../../tokens/names.js';
import { type Mode, TokenError } from '../../tokens/token.js';
import type { Grant, TokenManager } from '../../tokens/token-manager.js';

export interface AcquireLimits {
  readonly waitMs: number;
  /** The client is gone. */
  readonly signal: AbortSignal;
}

/** Whoever has a token and does not use it gives it up within this time, also for those who do not want to wait. */
const GIVING_UP_MS = 500;

export class TokenSet {
  readonly #wanted = new Map<string, Mode>();
  readonly #grants = new Map<string, Grant>();

  /** A file or directory that is about to be changed, in directories that must stay. */
  write(segments: readonly string[], token: string): void {
    for (const parent of parentTokensOf(segments)) this.#want(parent, 'read');
    this.#want(token, 'write');
  }

  /** A token by its name. */
  also(name: string, mode: Mode): void {
    this.#want(name, mode);
  }

  /** True when all that the other one wants is held here. */
  covers(other: TokenSet): boolean {
    return [...other.#wanted].every(([name, mode]) => {
      const held = this.#wanted.get(name);
      return held === 'write' || held === mode;
    });
  }

  /** Rejects with TokenError; then nothing is held. */
  async acquire(tokens: TokenManager, { waitMs, signal }: AcquireLimits): Promise<void> {
    const untilMs = performance.now() + Math.max(waitMs, GIVING_UP_MS);
    try {
      for (const name of [...this.#wanted.keys()].sort()) {
        const timeoutMs = Math.max(0, untilMs - performance.now());
        this.#grants.set(name, await tokens.acquire(name, this.#wanted.get(name)!, { signal, timeoutMs }));
      }
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** @throws TokenError when one of them is lost */
  check(): void {
    for (const grant of this.#grants.values()) {
      if (!grant.isValid()) throw new TokenError('lost', `the token of ${grant.file} was lost`);
    }
  }

  grant(token: string): Grant {
    return this.#grants.get(token)!;
  }

  release(): void {
    for (const grant of this.#grants.values()) grant.release();
    this.#grants.clear();
  }

  #want(name: string, mode: Mode): void {
    if (this.#wanted.get(name) !== 'write') this.#wanted.set(name, mode);
  }
}
