/**
 * Whoever sends a file waits for what was written to leave, before there is more. At most one waits at a
 * time.
 */
export class FlushWaiter {
  #settle: (() => void) | undefined;

  /** Resolves at the next `settle`. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** All has left, or never will. */
  settle(): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.();
  }
}
