/**
 * Requests that may change what they name: they go on, and what is stored of it is forgotten when they succeed
 * (RFC 9111 section 4.4). And forgetting on demand.
 */
import type { CacheState, Reply } from '../../http/reply.js';
import { fieldValue } from '../fields.js';
import { relayedReply } from '../relayed-reply.js';
import type { UpstreamReply } from '../upstream-reply.js';
import { type CacheRequest, readRequest } from './cache-request.js';
import { forwardedStatus } from './cache-status.js';
import { responseDirectives } from './directives.js';
import type { Flights } from './flights.js';
import { isExplicit } from './freshness.js';
import type { Origin } from './origin.js';
import type { ResponseStore } from './response-store.js';

export interface InvalidatorOptions {
  readonly store: ResponseStore;
  readonly flights: Flights;
  readonly origin: Origin;
  readonly now: () => number;
  readonly tellOthers: (keys: readonly string[]) => Promise<boolean>;
}

/** Methods that change nothing (RFC 9110 section 9.2.1); of one that is not known the opposite is assumed. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']);

const STATE: CacheState = 'BYPASS';

export class Invalidator {
  readonly #options: InvalidatorOptions;

  constructor(options: InvalidatorOptions) {
    this.#options = options;
  }

  /** Sends a request on that is no GET or HEAD. Rejects with UpstreamError. */
  async pass(request: CacheRequest): Promise<Reply> {
    const { now, origin } = this.#options;
    const { key } = request;
    const keyOf = (reference: string): string | undefined => request.keyOf(reference);
    const read = readRequest(request);
    const requestedMs = now();
    const reply = await read.forward({ method: read.method, fields: read.fields, isShared: false });
    if (!SAFE.has(read.method) && reply.status < 400) {
      const named = ['location', 'content-location'].map((name) => fieldValue(reply.fields, name));
      const keys = named.map((reference) => (reference === undefined ? undefined : keyOf(reference)));
      await this.purge([key, ...keys.filter((each) => each !== undefined)]);
    }
    const line = forwardedStatus({ reason: 'method' });
    if (!isOwnRepresentation(read.method, key, reply, keyOf)) return relayedReply(reply, STATE, line, now());
    const landing = origin.keep(read, reply, { requestedMs, receivedMs: now() }, { isOutdated: false });
    if (landing.kind !== 'filling') return relayedReply(reply, STATE, line, now());
    const body = reply.body && landing.fill.reader();
    landing.fill.start();
    return relayedReply(
      { ...reply, body },
      STATE,
      forwardedStatus({ reason: 'method', isStored: true }),
      now(),
    );
  }

  /** Forgets what is stored under these keys, everywhere. True when there was something. */
  async purge(keys: readonly string[]): Promise<boolean> {
    const { store, tellOthers } = this.#options;
    this.#outdate(keys);
    const wasStored = keys.map((key) => store.delete(key)).includes(true);
    return (await tellOthers(keys)) || wasStored;
  }

  /** Forgets it here: another worker has said so. True when there was something. */
  forget(keys: readonly string[]): boolean {
    this.#outdate(keys);
    return keys.map((key) => this.#options.store.deleteHere(key)).includes(true);
  }

  /** What is on its way was asked for before it changed. */
  #outdate(keys: readonly string[]): void {
    for (const key of keys) this.#options.flights.outdate(key);
  }
}

/** The answer to a POST that is what a GET would bring (RFC 9110 section 9.3.3). */
function isOwnRepresentation(
  method: string,
  key: string,
  { status, fields }: UpstreamReply,
  keyOf: CacheRequest['keyOf'],
): boolean {
  const contentLocation = fieldValue(fields, 'content-location');
  if (method !== 'POST' || status !== 200 || contentLocation === undefined) return false;
  return keyOf(contentLocation) === key && isExplicit(fields, responseDirectives(fields));
}
