/**
 * The cache before the upstreams (RFC 9111, as a shared cache): what is stored and fresh is answered at once, what
 * is not is asked for once, whoever wants it, and stored on its way.
 *
 *     respond ── fresh ──► reply, without a promise
 *        ├── stale, allowed ──► reply, and asked in the background
 *        ├── stored, or missing ──► one flight for all ──► origin ──► landing ──► replies
 *        └── not for the cache ──► forward ──► reply
 */
import type { Clock } from '../../http/clock.js';
import { errorReply } from '../../http/error-reply.js';
import type { CacheState, Reply } from '../../http/reply.js';
import { fieldBit } from '../../http/request-head.js';
import { fieldLines } from '../fields.js';
import { relayedReply } from '../relayed-reply.js';
import {
  type CacheRequest,
  isForOrigin,
  isSelecting,
  type ReadRequest,
  readRequest,
} from './cache-request.js';
import { type ForwardReason, forwardedStatus, hitStatus } from './cache-status.js';
import { Flights, type Landing } from './flights.js';
import { ageLine, currentAgeMs, dateOf } from './freshness.js';
import { Invalidator } from './invalidation.js';
import { Origin } from './origin.js';
import { type Found, findIn, type ResponseStore } from './response-store.js';
import { type Reuse, reuseOf } from './reuse.js';
import { isKnownToClient, notModified, type Provenance, storedReply } from './stored-reply.js';
import type { StoredResponse } from './stored-response.js';
import { secondaryKey, varyOf } from './vary.js';

export interface ProxyCacheOptions {
  readonly store: ResponseStore;
  readonly clock: Clock;
  /** Milliseconds since the epoch, when the clock of the present piece of work is not meant. */
  readonly now: () => number;
  /** Larger bodies are not stored. */
  readonly maxObjectBytes: number;
  /** Memory for all bodies that are on their way into the store. */
  readonly maxHeldBytes: number;
  /** How stale a response may be that stands in for an origin which does not answer; 0: not at all. */
  readonly staleWhenDownMs: number;
  /** Makes the other workers forget what is stored under these keys; true when any had something. Does not reject. */
  readonly tellOthers: (keys: readonly string[]) => Promise<boolean>;
}

/** Requests that have one of these are looked at more closely than a hit allows. */
const SPECIAL =
  fieldBit('cache-control') |
  fieldBit('pragma') |
  fieldBit('range') |
  fieldBit('if-match') |
  fieldBit('if-none-match') |
  fieldBit('if-modified-since') |
  fieldBit('if-unmodified-since');

/** A request that waited for the answer to another variant looks again, but not for ever. */
const MAX_LOOKS = 3;

/** What a stored response that had to be asked about is called. */
const STATE_OF: Readonly<Record<Exclude<Reuse, 'fresh'>, CacheState>> = {
  stale: 'STALE',
  revalidate: 'STALE',
  expired: 'EXPIRED',
  refused: 'BYPASS',
};

export class ProxyCache {
  readonly #options: ProxyCacheOptions;
  readonly #flights = new Flights();
  readonly #origin: Origin;
  readonly #invalidator: Invalidator;

  constructor(options: ProxyCacheOptions) {
    this.#options = options;
    this.#origin = new Origin(options);
    this.#invalidator = new Invalidator({ ...options, flights: this.#flights, origin: this.#origin });
  }

  /** Answers a request. Rejects with UpstreamError. */
  respond(request: CacheRequest): Reply | Promise<Reply> {
    const { head, key, hasBody } = request;
    if (hasBody || (head.method !== 'GET' && head.method !== 'HEAD')) return this.#invalidator.pass(request);
    const { clock, store } = this.#options;
    if (!head.has(SPECIAL)) {
      const { stored } = findIn(store, key, (name) => head.valueOf(name));
      const hit =
        stored?.isFresh(clock.nowMs) === true ? stored.hit(clock, head.method === 'HEAD') : undefined;
      if (hit !== undefined) return hit;
    }
    return this.#answer(readRequest(request), 1);
  }

  /** Forgets what is stored under these keys, here and in the other workers. True when there was something. */
  purge(keys: readonly string[]): Promise<boolean> {
    return this.#invalidator.purge(keys);
  }

  /** Another worker says that this has changed. True when there was something here. */
  forget(keys: readonly string[]): boolean {
    return this.#invalidator.forget(keys);
  }

  #answer(read: ReadRequest, look: number): Reply | Promise<Reply> {
    const { store } = this.#options;
    const nowMs = this.#options.now();
    if (read.directives.noStore || isForOrigin(read)) return this.#alone(read, 'BYPASS', 'request');
    const found = findIn(store, read.key, read.value);
    const { stored } = found;
    if (stored === undefined) {
      if (read.directives.onlyIfCached) return notStored();
      return this.#ask(read, found, 'MISS', found.isVaryMiss ? 'vary-miss' : 'uri-miss', look);
    }
    const reuse = reuseOf(stored.aged(nowMs), read.directives);
    if (reuse === 'fresh') return this.#use(read, stored, this.#hit(stored, 'HIT'), look);
    if (reuse === 'stale') return this.#use(read, stored, this.#hit(stored, 'STALE'), look);
    if (reuse === 'revalidate') {
      const isUpdating = this.#flights.get(found.key) !== undefined;
      if (!isUpdating) this.#revalidate(read, found);
      return this.#use(read, stored, this.#hit(stored, isUpdating ? 'UPDATING' : 'STALE'), look);
    }
    if (read.directives.onlyIfCached) return notStored();
    return this.#ask(read, found, STATE_OF[reuse], reuse === 'refused' ? 'request' : 'stale', look);
  }

  /** A reply from what is stored. If its body is gone by now, the request goes on as if nothing had been there. */
  #use(read: ReadRequest, stored: StoredResponse, from: Provenance, look: number): Reply | Promise<Reply> {
    const { store, now } = this.#options;
    const reply = storedReply(stored, read, from, now());
    if (reply !== undefined) return reply;
    store.dropCopy(findIn(store, read.key, read.value).key);
    return look < MAX_LOOKS ? this.#answer(read, look + 1) : this.#alone(read, 'MISS', 'uri-miss');
  }

  /** Asks the origin, or waits for whoever has asked already. */
  async #ask(
    read: ReadRequest,
    found: Found,
    state: CacheState,
    reason: ForwardReason,
    look: number,
  ): Promise<Reply> {
    if (read.method === 'HEAD') return this.#askHead(read, found, state, reason);
    const isForOne = found.stored === undefined && (isSelecting(read) || !this.#flights.mayShare(found.key));
    if (isForOne) return this.#alone(read, state, reason);
    const flight = this.#flights.get(found.key);
    if (flight !== undefined) return this.#join(read, found, await flight.landing, reason, look);
    const own = this.#flights.begin(found.key, read.key, (it) => this.#origin.fetch(read, found, it));
    return this.#land(read, await own.landing, state, reason, look);
  }

  /** The reply for the request that has asked. */
  #land(
    read: ReadRequest,
    landing: Landing,
    state: CacheState,
    reason: ForwardReason,
    look: number,
  ): Reply | Promise<Reply> {
    switch (landing.kind) {
      case 'private':
        return this.#relay(landing.reply, state, forwardedStatus({ reason }));
      case 'stored': {
        const { stored, wasAsked } = landing;
        const from = wasAsked
          ? this.#from(stored, 'REVALIDATED', { reason, status: 304 })
          : this.#from(stored, 'HIT', { reason, isCollapsed: true });
        return this.#use(read, stored, from, look);
      }
      case 'fallback':
        return this.#fallback(read, landing, reason, look);
      case 'filling': {
        const { reply, fill } = landing;
        const line = forwardedStatus({ reason, isStored: true });
        const known = this.#known(read, landing, { lines: line, state });
        const answer = known ?? this.#relay({ ...reply, body: reply.body && fill.reader() }, state, line);
        fill.start();
        return answer;
      }
    }
  }

  /** The reply for a request that has waited for another one's answer. */
  async #join(
    read: ReadRequest,
    found: Found,
    landing: Landing,
    reason: ForwardReason,
    look: number,
  ): Promise<Reply> {
    if (landing.kind === 'private')
      return this.#alone(read, found.stored === undefined ? 'MISS' : 'EXPIRED', reason);
    if (landing.kind === 'fallback') return this.#fallback(read, landing, reason, look);
    const { fields } = landing.kind === 'stored' ? landing.stored : landing.head;
    if (!isChosenToo(fields, landing.chosenBy, read)) {
      return look < MAX_LOOKS ? this.#answer(read, look + 1) : this.#alone(read, 'MISS', 'vary-miss');
    }
    const collapsed = { reason, isCollapsed: true };
    if (landing.kind === 'stored') {
      return this.#use(read, landing.stored, this.#from(landing.stored, 'HIT', collapsed), look);
    }
    const { fill, head, reply } = landing;
    const line = forwardedStatus(collapsed);
    const known = this.#known(read, landing, { lines: line, state: 'HIT' });
    if (known !== undefined) return known;
    if (fill.isJoinable) {
      const body = reply.body && fill.reader();
      const age = ageLine(currentAgeMs(head, this.#options.now()));
      return {
        status: head.status,
        fields: fieldLines(head.fields) + age + line,
        body: body && { source: body, length: reply.length },
        cache: 'HIT',
        close: false,
        isRelayed: true,
      };
    }
    const outcome = await fill.outcome;
    if (outcome === 'whole' && look < MAX_LOOKS) return this.#answer(read, look + 1);
    return this.#alone(read, 'MISS', reason);
  }

  /** 304 where the client has already what is coming. */
  #known(
    read: ReadRequest,
    { head }: Extract<Landing, { kind: 'filling' }>,
    from: Provenance,
  ): Reply | undefined {
    if (head.status !== 200 || !isSelecting(read)) return undefined;
    const { fields, receivedMs } = head;
    const etag = fields.find(([name]) => name.toLowerCase() === 'etag')?.[1];
    const lastModifiedMs = dateOf(fields, 'last-modified', receivedMs);
    const validated = { etag, lastModifiedMs, dateMs: dateOf(fields, 'date', receivedMs) ?? receivedMs };
    return isKnownToClient(validated, read, receivedMs) ? notModified(fields, from) : undefined;
  }

  #fallback(
    read: ReadRequest,
    landing: Extract<Landing, { kind: 'fallback' }>,
    reason: ForwardReason,
    look: number,
  ): Reply | Promise<Reply> {
    const { stored, status } = landing;
    const forwarded = { reason, isFallback: true, ...(status !== undefined && { status }) };
    return this.#use(read, stored, this.#from(stored, 'STALE', forwarded), look);
  }

  /** A request for which nobody waits, and which waits for nobody. Its answer is stored if it may be. */
  async #alone(read: ReadRequest, state: CacheState, reason: ForwardReason): Promise<Reply> {
    const { now } = this.#options;
    const requestedMs = now();
    const { method, fields } = read;
    const reply = await read.forward({ method, fields, isShared: false });
    if (method !== 'GET') return this.#relay(reply, state, forwardedStatus({ reason }));
    const landing = this.#origin.keep(read, reply, { requestedMs, receivedMs: now() }, { isOutdated: false });
    return this.#land(read, landing, state, reason, MAX_LOOKS);
  }

  /** HEAD is sent on as it is, and tells of what is stored. */
  async #askHead(read: ReadRequest, found: Found, state: CacheState, reason: ForwardReason): Promise<Reply> {
    const { now } = this.#options;
    const requestedMs = now();
    const reply = await read.forward({ method: 'HEAD', fields: read.fields, isShared: false });
    if (found.stored !== undefined && !isSelecting(read)) {
      this.#origin.noteHead(found.key, found.stored, reply, { requestedMs, receivedMs: now() });
    }
    return this.#relay(reply, state, forwardedStatus({ reason }));
  }

  /** Asks for the next request, while this one is answered with what is stored. */
  #revalidate(read: ReadRequest, found: Found): void {
    const flight = this.#flights.begin(found.key, read.key, (it) => this.#origin.fetch(read, found, it));
    flight.landing.then(
      (landing) => {
        if (landing.kind === 'filling') landing.fill.start();
        else if (landing.kind === 'private') landing.reply.body?.cancel();
      },
      // What is stored goes on being used for as long as it may; the next request asks again.
      () => undefined,
    );
  }

  #relay(reply: Parameters<typeof relayedReply>[0], state: CacheState, line: string): Reply {
    return relayedReply(reply, state, line, this.#options.now());
  }

  #hit(stored: StoredResponse, state: CacheState): Provenance {
    const nowMs = this.#options.now();
    return { lines: stored.ageLine(nowMs) + hitStatus(stored.aged(nowMs)), state };
  }

  #from(
    stored: StoredResponse,
    state: CacheState,
    forwarded: Parameters<typeof forwardedStatus>[0],
  ): Provenance {
    return { lines: stored.ageLine(this.#options.now()) + forwardedStatus(forwarded), state };
  }
}

/** True when another request's answer would be chosen for this one, too. */
function isChosenToo(fields: StoredResponse['fields'], chosenBy: string, read: ReadRequest): boolean {
  const names = varyOf(fields);
  return names !== '*' && secondaryKey(names, read.value) === chosenBy;
}

/** What `only-if-cached` gets when there is nothing (RFC 9111 section 5.2.1.7). */
function notStored(): Reply {
  return errorReply(504, 'This is not stored here.');
}
