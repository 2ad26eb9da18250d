/** Questions that were asked by message, and wait for the message that answers them. */

interface Pending<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: Error) => void;
}

export class Replies<T> {
  readonly #pending = new Map<number, Pending<T>>();
  #lastId = 0;

  /** Asks, under a number of its own. Rejects with what `send` throws, or as `reject` says. */
  ask(send: (id: number) => void): Promise<T> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      send(id);
      this.#pending.set(id, { resolve, reject });
    });
  }

  /** An answer that nobody waits for is let be. */
  resolve(id: number, answer: T): void {
    this.#take(id)?.resolve(answer);
  }

  reject(id: number, error: Error): void {
    this.#take(id)?.reject(error);
  }

  #take(id: number): Pending<T> | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}
