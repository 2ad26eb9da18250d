/** From a response's head to its place in the store, which is known before the response is whole. */
import { randomUUID } from 'node:crypto';
import type { ReadRequest } from './cache-request.js';
import type { Flight } from './flights.js';
import { PendingClaim } from './pending-claim.js';
import { type Claim, placeFor, type ResponseStore } from './response-store.js';

/** The right to bring what is missing under a key. */
export interface Held {
  readonly key: string;
  readonly claim: Claim;
}

/** A response that is on its way. Not stored when what it tells of was changed meanwhile. */
export type Placing = Omit<Claim, 'freshen' | 'keepMarker'>;

/**
 * Prepares the place for a response that differs by some fields of the request. Its marker is put in place at
 * once, so that those who want another variant find out before this one is whole.
 *
 * @param names as of `varyOf`
 */
export function prepare(
  store: ResponseStore,
  read: Pick<ReadRequest, 'key' | 'value'>,
  names: readonly string[],
  flight: Pick<Flight, 'isOutdated'>,
  held: Held | undefined,
): Placing {
  const { key, marker } = placeFor(store, read.key, names, read.value, randomUUID);
  if (held?.key === key) return unlessOutdated(flight, held.claim);
  // Claimed before the marker is seen, so that other workers wait for it.
  const claim = new PendingClaim(store, key, held ? store.claim(key, undefined) : store.claimNow(key));
  if (held?.key === read.key && marker !== undefined && !flight.isOutdated) held.claim.keepMarker(marker);
  else {
    held?.claim.release('failed');
    if (marker !== undefined && !flight.isOutdated) store.put(read.key, marker);
  }
  return unlessOutdated(flight, claim);
}

function unlessOutdated(flight: Pick<Flight, 'isOutdated'>, claim: Claim): Placing {
  return {
    takes: (bodyBytes) => claim.takes(bodyBytes),
    write: (bytes) => claim.write(bytes),
    drained: () => claim.drained(),
    keep: (head, body) => {
      if (!flight.isOutdated) return claim.keep(head, body);
      claim.release('failed');
      // It is whole, and whoever has waited for it looks for what is there now.
      return true;
    },
    release: (why) => claim.release(why),
  };
}
