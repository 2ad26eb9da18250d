/**
 * The proxy of a worker, a straight line: route → fields → upstream → reply. What is stored on the way is
 * the business of the cache.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { ProxyRule } from '../config/settings.js';
import { messageOf } from '../errors.js';
import type { Asker } from '../http/asker.js';
import type { Clock } from '../http/clock.js';
import { errorReply } from '../http/error-reply.js';
import type { Forwarded } from '../http/forwarded.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { CacheClient, type CacheClientOptions } from '../shared-cache/client.js';
import type { SharedCacheStats } from '../shared-cache/shared-cache.js';
import { ProxyCache, type ProxyCacheOptions } from './cache/proxy-cache.js';
import { MemoryStore } from './cache/response-store.js';
import { TieredStore } from './cache/tiered-store.js';
import { ForwardedRequest, isUpgrade, type Route } from './forwarded-request.js';
import { isLastHop } from './max-forwards.js';
import { answerPurge, isPurge } from './purge.js';
import { relayedReply } from './relayed-reply.js';
import { climbsHidden, ruleFor, withoutDots } from './route.js';
import { Upstream, type UpstreamOptions } from './upstream.js';
import { type UpstreamCounters, UpstreamGroup } from './upstream-group.js';
import { UpstreamError } from './upstream-reply.js';

export interface ProxyOptions extends UpstreamOptions {
  readonly rules: readonly ProxyRule[];
  readonly maxBodyBytes: number;
  /** Paths that this server keeps for itself, whatever a prefix says: its statistics, and the health check. */
  readonly isOwn: (path: string) => boolean;
  readonly clock: Clock;
  readonly counters: UpstreamCounters;
  /** Undefined: nothing is stored. */
  readonly cache: CacheSettings | undefined;
  /** Told why an upstream did not answer. */
  readonly report: (problem: string) => void;
}

/** What a worker stores of the answers. */
export interface CacheSettings
  extends Pick<ProxyCacheOptions, 'maxObjectBytes' | 'staleWhenDownMs' | 'tellOthers'> {
  /** Of this worker's memory. */
  readonly maxBytes: number;
  /** What all workers share; undefined: nothing. */
  readonly shared: Omit<CacheClientOptions, 'report'> | undefined;
}

/** What a worker knows of what is stored. */
export interface CacheFigures {
  readonly entries: number;
  readonly bytes: number;
  readonly shared: SharedCacheStats | undefined;
}

/** Bodies on their way may take so much beside what is stored: a few large ones, or many that nobody takes. */
const HELD_PART = 1 / 2;

export class ReverseProxy {
  readonly #options: ProxyOptions;
  readonly #maxBodyBytes: number;
  readonly #cache: ProxyCache | undefined;
  readonly #memory: MemoryStore | undefined;
  readonly #shared: CacheClient | undefined;
  readonly #routes: ReadonlyMap<ProxyRule, Route>;
  /** How this server calls itself in Via: the same in all its workers, and another for each server. */
  readonly #pseudonym: string;

  constructor(options: ProxyOptions) {
    const { rules, counters, cache, clock, report } = options;
    this.#options = options;
    this.#shared = cache?.shared && new CacheClient({ ...cache.shared, report });
    this.#memory = cache && new MemoryStore(cache.maxBytes);
    this.#cache = cache && newCache(cache, this.#memory!, this.#shared, clock);
    this.#maxBodyBytes = options.maxBodyBytes;
    const digest = createHash('sha256').update(`${hostname()} ${process.ppid}`).digest('hex');
    this.#pseudonym = `handover-${digest.slice(0, 8)}`;
    this.#routes = new Map(
      rules.map((rule) => {
        const upstreams = rule.upstreams.map((url) => new Upstream(url, options));
        const group = new UpstreamGroup(upstreams, () => performance.now(), counters);
        return [rule, { rule, group, upstreams }];
      }),
    );
  }

  /** What answers a request; undefined: it is for this server. The head is only borrowed. */
  find(head: RequestHead): Forwarded | undefined {
    const { rules, isOwn } = this.#options;
    const clean = withoutDots(head.path);
    const match = ruleFor(rules, clean);
    if (match === undefined || isOwn(clean) || isLastHop(head)) return undefined;
    const { rule, path } = match;
    const maxBodyBytes = this.#maxBodyBytes;
    if (climbsHidden(path)) {
      const headOnly = head.method === 'HEAD';
      const refusal = errorReply(400, 'The path has escaped slashes around dots.', { headOnly });
      return { maxBodyBytes, answer: () => refusal };
    }
    const route = this.#routes.get(rule)!;
    return {
      maxBodyBytes,
      answer: (asker) =>
        this.#respond(new ForwardedRequest(head, path, asker, this.#pseudonym, route), head, asker),
    };
  }

  #respond(request: ForwardedRequest, head: RequestHead, asker: Asker): Reply | Promise<Reply> {
    const cache = this.#cache;
    if (cache === undefined || isUpgrade(head)) return this.#pass(request);
    if (isPurge(head)) return answerPurge(cache, head, request.publicKeys(), asker.peer);
    const answer = cache.respond(request);
    if (!(answer instanceof Promise)) return answer;
    return answer.catch((error) => this.#failure(request, error));
  }

  /** Another worker says that what is stored under these keys has changed. True when something was. */
  forget(keys: readonly string[]): boolean {
    return this.#cache?.forget(keys) === true;
  }

  /** What is stored, in this worker's memory and in the cache that all share. */
  get figures(): CacheFigures {
    return {
      entries: this.#memory?.count ?? 0,
      bytes: this.#memory?.sizeBytes ?? 0,
      shared: this.#shared?.stats(),
    };
  }

  /** Ends all connections to upstreams. */
  async close(): Promise<void> {
    this.#shared?.close();
    await Promise.all([...this.#routes.values()].map(({ group }) => group.close()));
  }

  async #pass(request: ForwardedRequest): Promise<Reply> {
    try {
      const method = request.head.methodText;
      const reply = await request.forward({ method, fields: request.fields(), isShared: false });
      return relayedReply(reply, '', '', this.#options.clock.nowMs);
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  #failure({ isHead, path, isGone }: ForwardedRequest, error: unknown): Reply {
    const isKnown = error instanceof UpstreamError;
    const status = isKnown ? error.status : 502;
    if (status >= 500 && status !== 508 && !isGone) this.#options.report(`${path}: ${messageOf(error)}`);
    return errorReply(status, isKnown && status < 500 ? error.message : '', { headOnly: isHead });
  }
}

function newCache(
  settings: CacheSettings,
  memory: MemoryStore,
  shared: CacheClient | undefined,
  clock: Clock,
): ProxyCache {
  const { maxObjectBytes, staleWhenDownMs, tellOthers } = settings;
  const store = shared === undefined ? memory : new TieredStore(memory, shared);
  const now = (): number => Date.now();
  const maxHeldBytes = settings.maxBytes * HELD_PART;
  return new ProxyCache({ store, clock, now, maxObjectBytes, maxHeldBytes, staleWhenDownMs, tellOthers });
}
