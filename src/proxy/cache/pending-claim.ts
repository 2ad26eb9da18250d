/** A claim that is not answered yet: what comes meanwhile waits for it. */
import { type Claim, claimHere, type ResponseStore } from './response-store.js';
import type { StoredHead, StoredResponse, VaryMarker } from './stored-response.js';

export class PendingClaim implements Claim {
  /** For what is kept before it is answered, or when somebody else was faster. */
  readonly #here: Claim;
  readonly #answered: Promise<Claim>;
  #claim: Claim | undefined;
  #waiting: Uint8Array[] = [];

  constructor(store: ResponseStore, key: string, asked: Promise<Claim | 'done'>) {
    this.#here = claimHere(store, key);
    this.#answered = asked.then((answer) => this.#settle(answer === 'done' ? this.#here : answer));
  }

  takes(bodyBytes: number): boolean | undefined {
    return this.#claim?.takes(bodyBytes);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#claim !== undefined) return this.#claim.write(bytes);
    this.#waiting.push(bytes);
    return true;
  }

  async drained(): Promise<void> {
    await (await this.#answered).drained();
  }

  keep(head: StoredHead, body: Buffer | undefined): boolean | Promise<boolean> {
    if (this.#claim !== undefined) return this.#claim.keep(head, body);
    const isHere = this.#here.keep(head, body);
    void this.#answered.then((claim) => claim.keep(head, body));
    return isHere;
  }

  keepMarker(marker: VaryMarker): void {
    void this.#answered.then((claim) => claim.keepMarker(marker));
  }

  freshen(item: StoredResponse): void {
    void this.#answered.then((claim) => claim.freshen(item));
  }

  release(why: 'failed' | 'unshared'): void {
    this.#waiting = [];
    void this.#answered.then((claim) => claim.release(why));
  }

  #settle(claim: Claim): Claim {
    this.#claim = claim;
    for (const bytes of this.#waiting.splice(0)) claim.write(bytes);
    return claim;
  }
}
