/** The cache before a scripted origin: what a test says is answered, and what was asked is written down. */
import { Clock } from '../../src/http/clock.js';
import type { Reply } from '../../src/http/reply.js';
import type { ForwardRequest } from '../../src/proxy/cache/cache-request.js';
import { ProxyCache, type ProxyCacheOptions } from '../../src/proxy/cache/proxy-cache.js';
import { MemoryStore } from '../../src/proxy/cache/response-store.js';
import { fieldValue } from '../../src/proxy/fields.js';
import type { UpstreamReply } from '../../src/proxy/upstream-reply.js';
import { NOW_MS } from './cached-responses.js';
import { type Fields, headOf } from './heads.js';

type Answer = UpstreamReply | Error | Promise<UpstreamReply>;

export class CacheBench {
  readonly asked: ForwardRequest[] = [];
  /** Keys that the other workers were told to forget. */
  readonly told: string[] = [];
  readonly store = new MemoryStore(1024 * 1024);
  readonly cache: ProxyCache;
  /** What the origin answers; asked anew for every request. */
  origin: (request: ForwardRequest) => Answer = () => new Error('the origin was not expected to be asked');
  readonly #clock = new Clock(NOW_MS, 0);

  constructor(options: Partial<ProxyCacheOptions> = {}) {
    this.cache = new ProxyCache({
      store: this.store,
      clock: this.#clock,
      now: () => this.#clock.nowMs,
      maxObjectBytes: 1000,
      maxHeldBytes: 100_000,
      staleWhenDownMs: 10_000,
      tellOthers: async (keys) => {
        this.told.push(...keys);
        return false;
      },
      ...options,
    });
  }

  /** Time goes by. */
  wait(seconds: number): void {
    this.#clock.update(this.#clock.nowMs + seconds * 1000, this.#clock.steadyMs + seconds * 1000);
  }

  /** A request; its answer comes at once when it is at hand. */
  request(method: string, target: string, fields: Fields = {}): Reply | Promise<Reply> {
    const head = headOf(method, target, fields);
    return this.cache.respond({
      head,
      key: `http://o${target}`,
      hasBody: false,
      fields: () => head.fieldLines(),
      keyOf: (reference) => {
        const url = new URL(reference, `http://o${target}`);
        return url.host === 'o' ? url.href : undefined;
      },
      forward: async (request) => {
        this.asked.push(request);
        const answer = await this.origin(request);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
  }

  get(target: string, fields: Fields = {}): Promise<Reply> {
    return Promise.resolve(this.request('GET', target, fields));
  }

  /** A field of the last request to the origin. */
  askedFor(name: string): string | undefined {
    return fieldValue(this.asked.at(-1)?.fields ?? [], name);
  }
}
