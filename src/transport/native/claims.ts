/**
 * Who has a connection that was handed over: one word of shared memory for each, so that neither side has
 * to ask. The master keeps its copy of the descriptor until the worker has taken it; until then it can take
 * it back from a worker that is stopped, and gives it to another when the worker dies.
 *
 *     master  FREE ──► OFFERED ──────────► REVOKED
 *                         │ worker            │ worker: closes its copy
 *                         ▼                   ▼
 *                      CLAIMED ──► TAKEN    FREE
 *                         or UNTAKEN │ master: closes its copy, or gives it to another
 *                                    ▼
 *                                  FREE
 *
 * A worker reads nothing of a connection before it is TAKEN. Both ends of OFFERED are compare-and-swap.
 */
import { writeSync } from 'node:fs';
import { type Mapping, mapFile, memoryFile } from '../../posix/shared-memory.js';
import { close } from '../../posix/sockets.js';

/** Hand-overs that may be under way to one worker. */
export const MAX_CLAIMS = 512;
const BYTES = 4 * MAX_CLAIMS;

const FREE = 0;
const OFFERED = 1;
const CLAIMED = 2;
const TAKEN = 3;
const UNTAKEN = 4;
const REVOKED = 5;

/** What has become of an offer: with the worker, given up by it, or nothing yet. */
export type Outcome = 'taken' | 'untaken' | 'pending';

class Claims {
  protected readonly words: Int32Array;
  readonly #mapping: Mapping;

  protected constructor(fd: number) {
    this.#mapping = mapFile(fd, BYTES);
    this.words = new Int32Array(this.#mapping.buffer);
  }

  close(): void {
    this.#mapping.unmap();
  }

  protected swap(id: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, id % MAX_CLAIMS, from, to) === from;
  }

  protected get(id: number): number {
    return Atomics.load(this.words, id % MAX_CLAIMS);
  }

  protected set(id: number, state: number): void {
    Atomics.store(this.words, id % MAX_CLAIMS, state);
  }
}

/** The master's side. Connections are numbered one after another. */
export class MasterClaims extends Claims {
  /** To be sent to the worker. */
  readonly fd: number;

  private constructor(fd: number) {
    super(fd);
    this.fd = fd;
  }

  /** @throws the system's error */
  static create(): MasterClaims {
    const fd = memoryFile('handover-claims');
    try {
      writeSync(fd, Buffer.alloc(BYTES));
      return new MasterClaims(fd);
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /** False while the word of that number is still in use by an earlier one. */
  offer(id: number): boolean {
    return this.swap(id, FREE, OFFERED);
  }

  /** Ends an offer that the worker has answered. */
  settle(id: number): Outcome {
    const state = this.get(id);
    if (state !== TAKEN && state !== UNTAKEN) return 'pending';
    this.set(id, FREE);
    return state === TAKEN ? 'taken' : 'untaken';
  }

  /** Takes an offer back; false when the worker has begun to take it. */
  revoke(id: number): boolean {
    return this.swap(id, OFFERED, REVOKED);
  }

  /** True until the worker has come upon an offer that was taken back. */
  isRevoked(id: number): boolean {
    return this.get(id) === REVOKED;
  }

  /** Takes back an offer that was never sent. */
  withdraw(id: number): void {
    this.set(id, FREE);
  }

  override close(): void {
    super.close();
    close(this.fd);
  }
}

/** The worker's side. */
export class WorkerClaims extends Claims {
  /** @throws the system's error */
  constructor(fd: number) {
    super(fd);
    close(fd);
  }

  /** False when the master has taken it back. */
  claim(id: number): boolean {
    if (this.swap(id, OFFERED, CLAIMED)) return true;
    this.set(id, FREE);
    return false;
  }

  /** From now on it is lost if this process is. */
  take(id: number): void {
    this.set(id, TAKEN);
  }

  /** It came without its descriptor. */
  giveUp(id: number): void {
    if (!this.swap(id, OFFERED, UNTAKEN)) this.set(id, FREE);
  }
}
