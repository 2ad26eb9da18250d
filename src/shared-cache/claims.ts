/**
 * Who fills which object: one claim for each key, and those who wait for it. Knows nothing of objects; it
 * is told whether one came of a claim.
 *
 *     ask ──► granted ──commit──► the waiting are told `done`
 *       └──► waiting  ──failed──► the first of the waiting is granted the next claim
 *                     ──unshared► the waiting are told `none`
 */

export type ClaimOutcome = Claim | 'done' | 'none';

interface Waiter {
  readonly owner: object;
  readonly settle: (outcome: ClaimOutcome) => void;
  readonly timer: NodeJS.Timeout;
}

/** The right to fill one key, until it is ended. */
export class Claim {
  readonly key: string;
  /** Whoever was granted it. */
  readonly owner: object;
  /** What is filled in the meantime must not be stored: it was removed while it was fetched. */
  isDoomed = false;
  readonly waiting = new Set<Waiter>();

  constructor(key: string, owner: object) {
    this.key = key;
    this.owner = owner;
  }
}

export class Claims {
  readonly #claims = new Map<string, Claim>();

  /**
   * Asks to fill a key. `settle` is called once, maybe before this returns; not after the returned
   * function was called, which gives up waiting.
   *
   * @param owner for `leave`
   */
  ask(key: string, owner: object, waitMs: number, settle: (outcome: ClaimOutcome) => void): () => void {
    const current = this.#claims.get(key);
    if (current === undefined) {
      const claim = new Claim(key, owner);
      this.#claims.set(key, claim);
      settle(claim);
      return () => undefined;
    }
    if (waitMs <= 0) {
      settle('none');
      return () => undefined;
    }
    return this.#wait(current, owner, waitMs, settle);
  }

  /** Something came of it: whoever waits finds it. */
  done(claim: Claim): void {
    this.#end(claim, 'done');
  }

  /** Nothing came of it. `unshared`: nothing that is for others would come of another try either. */
  abandon(claim: Claim, why: 'failed' | 'unshared'): void {
    if (this.#claims.get(claim.key) !== claim) return;
    const [next] = claim.waiting;
    if (why === 'unshared' || next === undefined) {
      this.#end(claim, 'none');
      return;
    }
    claim.waiting.delete(next);
    clearTimeout(next.timer);
    const successor = new Claim(claim.key, next.owner);
    this.#claims.set(claim.key, successor);
    for (const waiter of claim.waiting) successor.waiting.add(waiter);
    claim.waiting.clear();
    next.settle(successor);
  }

  /** What is being fetched for a key is not to be stored. Whoever asks from now on gets a new claim. */
  doom(key: string): void {
    const claim = this.#claims.get(key);
    if (claim === undefined) return;
    claim.isDoomed = true;
    this.#end(claim, 'done');
  }

  /** The same for all keys that begin so. */
  doomPrefix(start: string): void {
    for (const key of [...this.#claims.keys()]) if (key.startsWith(start)) this.doom(key);
  }

  /** Somebody is gone: his claims are given up, and he waits for nothing. */
  leave(owner: object): void {
    for (const claim of this.#claims.values()) {
      for (const waiter of claim.waiting) {
        if (waiter.owner !== owner) continue;
        clearTimeout(waiter.timer);
        claim.waiting.delete(waiter);
      }
    }
    for (const claim of [...this.#claims.values()]) {
      if (claim.owner === owner) this.abandon(claim, 'failed');
    }
  }

  #wait(claim: Claim, owner: object, waitMs: number, settle: (outcome: ClaimOutcome) => void): () => void {
    const giveUp = (): void => {
      clearTimeout(waiter.timer);
      // It may wait for the successor of the claim by now.
      this.#claims.get(claim.key)?.waiting.delete(waiter);
    };
    const timer = setTimeout(() => {
      giveUp();
      settle('none');
    }, waitMs).unref();
    const waiter: Waiter = { owner, settle, timer };
    claim.waiting.add(waiter);
    return giveUp;
  }

  #end(claim: Claim, outcome: 'done' | 'none'): void {
    if (this.#claims.get(claim.key) !== claim) return;
    this.#claims.delete(claim.key);
    const waiting = [...claim.waiting];
    claim.waiting.clear();
    for (const { settle, timer } of waiting) {
      clearTimeout(timer);
      settle(outcome);
    }
  }
}
