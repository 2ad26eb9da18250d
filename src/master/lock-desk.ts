/** Locks that clients hold by name, as `handover lock` does: each is a session of its own of the arbiter. */
import { randomBytes } from 'node:crypto';
import type { LockAnswer, LockRequest, LockStatus, TokenListing } from '../tokens/listing.js';
import type { LocalArbiter, LocalSession } from '../tokens/local-arbiter.js';
import { TokenError } from '../tokens/token.js';
import { TokenManager } from '../tokens/token-manager.js';

export interface LockDeskOptions {
  readonly arbiter: LocalArbiter;
  readonly listing: () => TokenListing;
}

interface Lock {
  readonly session: LocalSession;
  readonly status: LockStatus;
}

/** Whoever has a token and does not use it gives it up within this time, also for those who do not want to wait. */
const GIVING_UP_MS = 500;
/** Those that wait count. */
const MAX_LOCKS = 10_000;

export class LockDesk {
  readonly #options: LockDeskOptions;
  readonly #locks = new Map<string, Lock>();
  #waiting = 0;

  constructor(options: LockDeskOptions) {
    this.#options = options;
  }

  /** @param signal whoever asks is gone */
  async answer(request: LockRequest, signal: AbortSignal): Promise<LockAnswer> {
    switch (request.op) {
      case 'list':
        return { ok: 'list', listing: this.#options.listing() };
      case 'lock':
        return this.#lock(request, signal);
      case 'refresh': {
        const lock = this.#locks.get(request.lock);
        if (lock === undefined) return noSuchLock();
        lock.session.alive(performance.now());
        return { ok: 'lock', status: lock.status };
      }
      case 'unlock': {
        const lock = this.#locks.get(request.lock);
        if (lock === undefined) return noSuchLock();
        this.#locks.delete(request.lock);
        await lock.session.close();
        return { ok: 'unlocked' };
      }
    }
  }

  async #lock(request: LockRequest & { readonly op: 'lock' }, signal: AbortSignal): Promise<LockAnswer> {
    if (this.#locks.size + this.#waiting >= MAX_LOCKS) {
      return { ok: false, code: 'too-many', message: `${MAX_LOCKS} locks are held or waited for` };
    }
    const { file, mode, waitMs, ttlSeconds, who } = request;
    const { arbiter } = this.#options;
    const id = randomBytes(16).toString('hex');
    const name = who === '' ? '' : ` (${who})`;
    const session = arbiter.open({ id, who: `lock ${id.slice(0, 8)}${name}` });
    // Whoever holds it wants to keep it: it ends by `unlock`, or when it is not refreshed.
    const tokens = new TokenManager(session);
    this.#waiting++;
    try {
      const { fence } = await tokens.acquire(file, mode, {
        signal,
        timeoutMs: Math.max(waitMs, GIVING_UP_MS),
      });
      if (signal.aborted) throw new TokenError('aborted', 'whoever asked is gone');
      const status = { lock: id, file, mode, fence, ttlSeconds };
      session.limit(ttlSeconds * 1000, performance.now());
      this.#locks.set(id, { session, status });
      session.onGone(() => this.#locks.delete(id));
      return { ok: 'lock', status };
    } catch (error) {
      await session.close();
      const { code, message } = error as TokenError;
      if (code !== 'timeout') return { ok: false, code: 'unavailable', message };
      arbiter.timedOut();
      const late = `${file} was not given up within ${waitMs / 1000} s`;
      return { ok: false, code: 'timeout', message: late };
    } finally {
      this.#waiting--;
    }
  }
}

function noSuchLock(): LockAnswer {
  return { ok: false, code: 'no-such-lock', message: 'there is no such lock: it has expired, or never was' };
}
