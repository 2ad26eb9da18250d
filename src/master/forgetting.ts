/**
 * One worker says that something has changed which others may have stored: they are told, and it is told when all
 * have forgotten it. A worker that is gone has nothing stored. Pure but for the messages.
 */
import { type MasterMessage, VERSION } from './protocol.js';

/** A worker, as far as this is concerned. */
export interface Rememberer {
  send(message: MasterMessage): void;
}

interface Round {
  readonly asker: Rememberer;
  readonly id: number;
  readonly waiting: Set<Rememberer>;
  wasStored: boolean;
}

export class Forgetting {
  readonly #rounds = new Map<number, Round>();
  #lastRound = 0;

  /** How many are under way. */
  get count(): number {
    return this.#rounds.size;
  }

  /**
   * Tells the others.
   *
   * @param id how the asker calls it
   */
  begin(asker: Rememberer, id: number, keys: readonly string[], others: readonly Rememberer[]): void {
    const round = ++this.#lastRound;
    this.#rounds.set(round, { asker, id, waiting: new Set(others), wasStored: false });
    for (const other of others) other.send({ v: VERSION, kind: 'forget', id: round, keys });
    this.#settle(round);
  }

  /** A worker has forgotten. `id`: as it was told. */
  done(worker: Rememberer, id: number, wasStored: boolean): void {
    const round = this.#rounds.get(id);
    if (round?.waiting.delete(worker) !== true) return;
    if (wasStored) round.wasStored = true;
    this.#settle(id);
  }

  /** A worker is gone. */
  gone(worker: Rememberer): void {
    for (const round of [...this.#rounds.keys()]) this.done(worker, round, false);
  }

  #settle(id: number): void {
    const round = this.#rounds.get(id);
    if (round === undefined || round.waiting.size > 0) return;
    this.#rounds.delete(id);
    const { asker, wasStored } = round;
    asker.send({ v: VERSION, kind: 'forgotten', id: round.id, wasStored });
  }
}
