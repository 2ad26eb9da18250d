/**
 * Requests that are under way for objects of the store, so that those who want the same wait for one answer and
 * do not ask again. Whether it serves them all is known when its head is there; if not, they ask for themselves,
 * all at once.
 */
import { LRUCache } from 'lru-cache';
import type { UpstreamReply } from '../upstream-reply.js';
import type { Fill } from './fill.js';
import type { StoredHead, StoredResponse } from './stored-response.js';

/** What has come of asking an origin. `chosenBy`: the secondary key of the request that asked. */
export type Landing =
  /** The stored response still holds; or another worker has brought one, and the origin was not asked. */
  | {
      readonly kind: 'stored';
      readonly stored: StoredResponse;
      readonly chosenBy: string;
      readonly wasAsked: boolean;
    }
  /** It is on its way into the store, to be started by who has asked, and can be read meanwhile. */
  | {
      readonly kind: 'filling';
      readonly reply: UpstreamReply;
      readonly head: StoredHead;
      readonly fill: Fill;
      readonly chosenBy: string;
    }
  /** It is not for others. */
  | { readonly kind: 'private'; readonly reply: UpstreamReply }
  /** The origin fails, and a stored response may stand in. */
  | { readonly kind: 'fallback'; readonly stored: StoredResponse; readonly status: number | undefined };

/** One request under way. */
export interface Flight {
  /** Primary key of what is asked for. */
  readonly primary: string;
  /** Settled when the head is there. Rejects with UpstreamError. */
  readonly landing: Promise<Landing>;
  /** True when what is asked for was changed meanwhile: the answer is for those who wait, and not stored. */
  isOutdated: boolean;
}

/** What was answered for one client alone is likely to be so again: nobody waits to find out, for a while. */
const PRIVATE_MS = 10_000;
const MAX_PRIVATE = 4096;

export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #private = new LRUCache<string, true>({ max: MAX_PRIVATE, ttl: PRIVATE_MS });

  /** How many are under way. */
  get count(): number {
    return this.#flights.size;
  }

  /** The flight to wait for; undefined when there is none, or it is outdated. */
  get(key: string): Flight | undefined {
    const flight = this.#flights.get(key);
    return flight?.isOutdated === true ? undefined : flight;
  }

  /** False when it is known that the answer will not be for others. */
  mayShare(key: string): boolean {
    return !this.#private.has(key);
  }

  /** Begins a flight; others may join until it has landed, and what it brings is whole. */
  begin(key: string, primary: string, fly: (flight: Pick<Flight, 'isOutdated'>) => Promise<Landing>): Flight {
    const state = { primary, isOutdated: false };
    const flight: Flight = Object.assign(state, { landing: fly(state) });
    this.#flights.set(key, flight);
    flight.landing.then(
      (landing) => this.#landed(key, flight, landing),
      () => this.#end(key, flight),
    );
    return flight;
  }

  /** What is under way for a resource, and for all its variants, is not to be stored. */
  outdate(primary: string): void {
    for (const flight of this.#flights.values()) if (flight.primary === primary) flight.isOutdated = true;
  }

  #landed(key: string, flight: Flight, landing: Landing): void {
    if (landing.kind === 'private') this.#private.set(key, true);
    else this.#private.delete(key);
    if (landing.kind !== 'filling') {
      this.#end(key, flight);
      return;
    }
    void landing.fill.outcome.then((outcome) => {
      if (outcome === 'unstored') this.#private.set(key, true);
      this.#end(key, flight);
    });
  }

  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
