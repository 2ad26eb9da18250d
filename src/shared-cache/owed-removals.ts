/**
 * Removals that the cache process has not confirmed. What is lost with a connection is asked for again on the next, before
 * anything is read there: nobody is given what was removed.
 */

/** `key` is that of one object, or with `isPrefix` what the keys of all begin with. */
export interface Removal {
  readonly key: Uint8Array;
  readonly isPrefix: boolean;
}

/** Of more it is not remembered what they were: then all objects are to go. */
const MAX_REMEMBERED = 1000;
const EVERYTHING: Removal = { key: Buffer.alloc(0), isPrefix: true };

export class OwedRemovals {
  readonly #owed = new Set<Removal>();

  get isEmpty(): boolean {
    return this.#owed.size === 0;
  }

  /** What is to be asked for on a new connection. */
  all(): Removal[] {
    return [...this.#owed];
  }

  add(removal: Removal): void {
    if (this.#owed.has(EVERYTHING)) return;
    if (this.#owed.size === MAX_REMEMBERED) {
      this.#owed.clear();
      this.#owed.add(EVERYTHING);
    } else this.#owed.add(removal);
  }

  /** It was confirmed. */
  done(removal: Removal): void {
    this.#owed.delete(removal);
  }
}
