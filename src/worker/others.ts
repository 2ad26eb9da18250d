/** What a worker has to say to the others, through the master. */

import { Replies } from './replies.js';

/** A worker that is stopped hears it later: nobody waits for it longer than this. */
const WAIT_MS = 1000;

export class Others {
  readonly #send: (id: number, keys: readonly string[]) => void;
  readonly #replies = new Replies<boolean>();

  constructor(send: (id: number, keys: readonly string[]) => void) {
    this.#send = send;
  }

  /**
   * Resolves when all have forgotten what is stored under these keys, or after a second; true when any of them had
   * something.
   */
  async forget(keys: readonly string[]): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await this.#replies.ask((id) => {
        timer = setTimeout(() => this.onForgotten(id, false), WAIT_MS);
        this.#send(id, keys);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  onForgotten(id: number, wasStored: boolean): void {
    this.#replies.resolve(id, wasStored);
  }
}
