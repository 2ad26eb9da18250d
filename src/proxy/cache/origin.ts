/**
 * One question to an origin on behalf of the cache, and what comes of it: a stored response that holds, a new one
 * that is stored while it is passed on, or one that is for the asker alone (RFC 9111 sections 3, 4.3.3 and 4.3.5).
 */
import type { BodySource } from '../../http/body-source.js';
import { MAX_LOOKUP_BYTES } from '../../shared-cache/shared-cache.js';
import { UpstreamError, type UpstreamReply } from '../upstream-reply.js';
import type { ReadRequest } from './cache-request.js';
import { Fill } from './fill.js';
import { FillRoom } from './fill-room.js';
import type { Flight, Landing } from './flights.js';
import type { Exchanged } from './freshness.js';
import { type Held, prepare } from './placing.js';
import { type Claim, type Found, findIn, type ResponseStore } from './response-store.js';
import { mayReplaceError } from './reuse.js';
import type { StoredHead, StoredResponse } from './stored-response.js';
import { isStorable, storedHeadOf } from './storing.js';
import { freshened, hasValidator, updatedByHead, validatingFields } from './validation.js';
import { secondaryKey, varyOf } from './vary.js';

export interface OriginOptions {
  readonly store: ResponseStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Larger bodies are not stored. */
  readonly maxObjectBytes: number;
  /** Memory for all bodies that are on their way into the store; who needs more is not stored. */
  readonly maxHeldBytes: number;
  /** How stale a response may be that stands in for an origin which does not answer. */
  readonly staleWhenDownMs: number;
}

type FlightState = Pick<Flight, 'isOutdated'>;

/** Answers that are as good as none where something stale may be used (RFC 5861 section 4). */
const ERRORS = new Set([500, 502, 503, 504]);

export class Origin {
  readonly #options: OriginOptions;
  readonly #room: FillRoom;

  constructor(options: OriginOptions) {
    this.#options = options;
    this.#room = new FillRoom(options.maxHeldBytes);
  }

  /**
   * Brings a resource: from the origin, with GET, or from another worker that was faster. Rejects with
   * UpstreamError.
   *
   * @param found what is stored and cannot be used unasked, with the key it stands under
   * @param tries how often it may wait for another worker
   */
  async fetch(read: ReadRequest, found: Found, flight: FlightState, tries = 2): Promise<Landing> {
    const { store } = this.#options;
    const claim = await store.claim(found.key, found.stored);
    if (claim !== 'done') return this.#fetchFor(read, found, flight, claim);
    const now = findIn(store, read.key, read.value);
    if (now.stored?.isFresh(this.#options.now()) === true) {
      return {
        kind: 'stored',
        stored: now.stored,
        chosenBy: chosenBy(now.stored.fields, read),
        wasAsked: false,
      };
    }
    const isOtherPlace = now.key !== found.key;
    if (isOtherPlace && tries > 1) return this.fetch(read, now, flight, tries - 1);
    // It is stale already: whoever goes on from here waits for nobody.
    return this.#fetchFor(read, now, flight, undefined);
  }

  /** Stores the answer to a request, if it may be stored; it can be read from the landing while it comes. */
  keep(
    read: Pick<ReadRequest, 'method' | 'key' | 'fields' | 'directives' | 'value'>,
    reply: UpstreamReply,
    exchanged: Exchanged,
    flight: FlightState,
    held?: Held,
  ): Landing {
    const { maxObjectBytes } = this.#options;
    const names = varyOf(reply.fields);
    const isTooLarge = (reply.length ?? 0) > maxObjectBytes;
    if (names === '*' || isTooLarge || !isStorable(read, reply, exchanged)) {
      held?.claim.release('unshared');
      return { kind: 'private', reply };
    }
    const head = storedHeadOf(reply, exchanged);
    const placing = prepare(this.#options.store, read, names, flight, held);
    const fill = new Fill(reply.body ?? NOTHING, {
      length: reply.body === null ? 0 : reply.length,
      maxBytes: maxObjectBytes,
      copyBytes: MAX_LOOKUP_BYTES,
      room: this.#room,
      store: placing,
      onWhole: (bytes, body) => placing.keep(reply.body === null ? head : withLength(head, bytes), body),
    });
    void fill.outcome.then((outcome) => {
      if (outcome !== 'whole') placing.release(outcome === 'broken' ? 'failed' : 'unshared');
    });
    return { kind: 'filling', reply, head, fill, chosenBy: chosenBy(reply.fields, read) };
  }

  /** Takes over what the answer to a HEAD says of a stored response, or forgets that (RFC 9111 section 4.3.5). */
  noteHead(key: string, stored: StoredResponse, reply: UpstreamReply, exchanged: Exchanged): void {
    const { store } = this.#options;
    const updated = updatedByHead(stored, reply.status, reply.fields, exchanged);
    if (updated !== undefined) store.put(key, updated);
    else if (reply.status < 500) store.delete(key);
  }

  async #fetchFor(
    read: ReadRequest,
    { key, stored }: Found,
    flight: FlightState,
    claim: Claim | undefined,
  ): Promise<Landing> {
    const { now, store } = this.#options;
    const isValidating = stored !== undefined && hasValidator(stored);
    const fields = isValidating ? validatingFields(read.fields, stored) : read.fields;
    const requestedMs = now();
    let reply: UpstreamReply;
    try {
      reply = await read.forward({ method: 'GET', fields, isShared: true });
    } catch (error) {
      claim?.release('failed');
      if (stored !== undefined && isOfUpstream(error) && this.#mayStandIn(stored, read, true)) {
        return { kind: 'fallback', stored, status: undefined };
      }
      throw error;
    }
    const { status } = reply;
    const exchanged = { requestedMs, receivedMs: now() };
    if (status === 304 && isValidating) {
      const fresh = freshened(stored, reply.fields, exchanged);
      if (fresh === undefined || flight.isOutdated) claim?.release('failed');
      else if (claim === undefined) store.put(key, fresh);
      else claim.freshen(fresh);
      const current = fresh ?? stored;
      return { kind: 'stored', stored: current, chosenBy: chosenBy(current.fields, read), wasAsked: true };
    }
    if (stored !== undefined && ERRORS.has(status) && this.#mayStandIn(stored, read, false)) {
      claim?.release('failed');
      reply.body?.cancel();
      return { kind: 'fallback', stored, status };
    }
    const held = claim && { key, claim };
    const landing = this.keep({ ...read, method: 'GET' }, reply, exchanged, flight, held);
    // The origin has another answer now, though not one to keep.
    const isReplaced = landing.kind === 'private' && status < 500 && status !== 304;
    if (isReplaced && stored !== undefined) store.delete(key);
    return landing;
  }

  #mayStandIn(stored: StoredResponse, { directives }: ReadRequest, isDown: boolean): boolean {
    const { now, staleWhenDownMs } = this.#options;
    return mayReplaceError(stored.aged(now()), directives, isDown, staleWhenDownMs);
  }
}

/** The body of a response that has none. */
const NOTHING: BodySource = {
  start: (sink) => sink.end(),
  pause: () => undefined,
  resume: () => undefined,
  cancel: () => undefined,
};

/** What stands for the fields by which a request has chosen a response. */
function chosenBy(fields: StoredResponse['fields'], { value }: Pick<ReadRequest, 'value'>): string {
  const names = varyOf(fields);
  return secondaryKey(names === '*' ? [] : names, value);
}

/** Not a mistake of the client's. */
function isOfUpstream(error: unknown): boolean {
  return error instanceof UpstreamError && error.status >= 500 && error.status !== 508;
}

function withLength(head: StoredHead, bytes: number): StoredHead {
  if (head.fields.some(([name]) => name.toLowerCase() === 'content-length')) return head;
  return { ...head, fields: [...head.fields, ['Content-Length', String(bytes)]] };
}
