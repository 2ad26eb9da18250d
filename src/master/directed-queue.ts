/**
 * Connections that were handed back for the worker at a certain place, and wait until it takes them: each place has
 * a line of its own. Nobody waits for a worker that is gone, or does not go on; where those connections go then is
 * the dispatcher's to say. Pure, but for the offer.
 */
import type { Waiting } from '../transport/handover.js';

/** `later`: its worker is full for the moment. `never`: it is gone, or takes nothing. */
export type Direction = 'given' | 'later' | 'never';

/** Gives a connection to the worker at this place, if that is possible now. */
export type OfferTo = (connection: Waiting, place: number, nowMs: number) => Direction;

/** A worker that is full has so long to take one of those that wait for it. */
export const PATIENCE_MS = 250;

interface Line {
  readonly connections: Waiting[];
  /** When the last one of them was given, or the line began. */
  movedMs: number;
}

export class DirectedQueue {
  readonly #offer: OfferTo;
  readonly #lines = new Map<number, Line>();

  constructor(offer: OfferTo) {
    this.#offer = offer;
  }

  /** Connections that wait. */
  get size(): number {
    let size = 0;
    for (const { connections } of this.#lines.values()) size += connections.length;
    return size;
  }

  /** Gives a connection to its worker, or lets it wait. False when it is for any worker. */
  add(connection: Waiting, nowMs: number): boolean {
    const { place } = connection;
    if (place === undefined) return false;
    const line = this.#lines.get(place);
    if (line !== undefined) {
      line.connections.push(connection);
      return true;
    }
    const direction = this.#offer(connection, place, nowMs);
    if (direction === 'later') this.#lines.set(place, { connections: [connection], movedMs: nowMs });
    return direction !== 'never';
  }

  /** Gives what waits, as far as there is room. Returns those for whom any worker is right by now. */
  pump(nowMs: number): Waiting[] {
    return [...this.#lines].flatMap(([place, line]) => this.#pumpLine(place, line, nowMs));
  }

  /** All that wait; none waits afterwards. */
  clear(): Waiting[] {
    const left = [...this.#lines.values()].flatMap(({ connections }) => connections);
    this.#lines.clear();
    return left;
  }

  #pumpLine(place: number, line: Line, nowMs: number): Waiting[] {
    const { connections } = line;
    let direction: Direction = 'given';
    let given = 0;
    while (given < connections.length) {
      direction = this.#offer(connections[given]!, place, nowMs);
      if (direction !== 'given') break;
      given++;
    }
    if (given > 0) {
      connections.splice(0, given);
      line.movedMs = nowMs;
    }
    const isOver = direction === 'never' || nowMs - line.movedMs > PATIENCE_MS;
    if (isOver || connections.length === 0) this.#lines.delete(place);
    return isOver ? connections : [];
  }
}
