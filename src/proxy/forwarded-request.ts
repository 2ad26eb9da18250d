/**
 * A request as it goes on to one upstream or another, and as the cache sees it. Its fields are made when they are
 * first asked for, which a hit never does.
 */
import type { ProxyRule } from '../config/settings.js';
import type { Asker } from '../http/asker.js';
import { splitList } from '../http/field-lists.js';
import { fieldBit, type RequestHead } from '../http/request-head.js';
import { BodyStream } from './body-stream.js';
import type { CacheRequest, ForwardRequest } from './cache/cache-request.js';
import {
  endToEnd,
  type FieldLine,
  FORWARDED_NAMES,
  fieldValue,
  forwardedFields,
  isLoop,
  unambiguous,
  viaField,
  without,
} from './fields.js';
import { countedDown } from './max-forwards.js';
import { clientLocation, upstreamTarget } from './route.js';
import type { Upstream } from './upstream.js';
import type { UpstreamExchange } from './upstream-exchange.js';
import type { UpstreamGroup } from './upstream-group.js';
import { UpstreamError, type UpstreamReply } from './upstream-reply.js';

/** Where the requests below a prefix go. */
export interface Route {
  readonly rule: ProxyRule;
  readonly group: UpstreamGroup;
  readonly upstreams: readonly Upstream[];
}

const CONNECTION = fieldBit('connection');

export class ForwardedRequest implements CacheRequest {
  /** Only borrowed, like everything that is not made yet when the answer is a promise. */
  readonly head: RequestHead;
  readonly path: string;
  readonly isHead: boolean;
  readonly hasBody: boolean;
  readonly key: string;
  readonly #asker: Asker;
  readonly #pseudonym: string;
  readonly #route: Route;
  readonly #host: string;
  readonly #query: string;
  #fields: readonly FieldLine[] | undefined;
  #isLoop = false;
  #upgrade: string | undefined;
  #body: BodyStream | undefined;
  #exchange: UpstreamExchange | undefined;
  /** It goes on for others when its own client is gone. */
  #isShared = false;
  #isGone = false;

  /** @param path without dot segments */
  constructor(head: RequestHead, path: string, asker: Asker, pseudonym: string, route: Route) {
    this.head = head;
    this.path = path;
    this.isHead = head.method === 'HEAD';
    this.hasBody = asker.body !== undefined;
    this.#asker = asker;
    this.#pseudonym = pseudonym;
    this.#route = route;
    this.#host = head.authority;
    this.#query = head.query;
    this.key = this.#keyAs(asker.secure, this.path + this.#query);
  }

  /** Nobody waits for the answer any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The keys of what is asked for, by whichever protocol. */
  publicKeys(): string[] {
    return [true, false].map((secure) => this.#keyAs(secure, this.path + this.#query));
  }

  fields(): readonly FieldLine[] {
    this.#fields ??= this.#made();
    return this.#fields;
  }

  keyOf(reference: string): string | undefined {
    const { rule, upstreams } = this.#route;
    const ours = upstreams.map(({ origin, basePath }) =>
      clientLocation(rule.prefix, origin, basePath, reference),
    );
    const scheme = this.#asker.secure ? 'https' : 'http';
    const base = `${scheme}://${this.#host}${this.path}`;
    const named = ours.find((each) => each !== undefined) ?? reference;
    if (!URL.canParse(named, base)) return undefined;
    const { origin, pathname, search } = new URL(named, base);
    return origin === new URL(base).origin ? this.#keyAs(this.#asker.secure, pathname + search) : undefined;
  }

  /** Rejects with UpstreamError. Its fields have been asked for before. */
  forward = async ({ method, fields, isShared }: ForwardRequest): Promise<UpstreamReply> => {
    const { rule, group } = this.#route;
    if (this.#isLoop) throw new UpstreamError(508, 'this request was here before', true);
    this.#isShared = isShared;
    const body = this.#body;
    const reply = await group.send({
      method,
      body,
      requestTo: ({ authority, basePath }) => ({
        method,
        target: upstreamTarget(rule.prefix, basePath, this.path, this.#query),
        fields: [['Host', authority], ...fields],
        body,
        upgrade: this.#upgrade,
        // To whoever has asked; those who wait for the same answer do without.
        onInterim: (status, lines) => this.#asker.interim(status, lines),
      }),
      translated: (answer, upstream) => withClientLocation(answer, rule.prefix, upstream),
      began: (exchange) => {
        this.#exchange = exchange;
      },
    });
    return withVia(reply, this.#pseudonym);
  };

  #made(): readonly FieldLine[] {
    const { head } = this;
    const asker = this.#asker;
    const received = head.fieldLines();
    this.#isLoop = isLoop(received, this.#pseudonym);
    this.#upgrade = !this.hasBody && isUpgrade(head) ? protocolsOf(received) : undefined;
    this.#body = asker.body && new BodyStream(asker.body);
    // Its errors are told by undici, which may not have begun to listen.
    this.#body?.on('error', () => undefined);
    asker.onGone(() => {
      this.#isGone = true;
      if (!this.#isShared) this.#exchange?.cancel();
    });
    const requester = { peer: asker.peer, secure: asker.secure, host: this.#host };
    return [
      ...countedDown(
        head,
        unambiguous(without(endToEnd(received), 'host', 'expect', 'via', ...FORWARDED_NAMES)),
      ),
      ...forwardedFields(received, requester),
      viaField(received, head.minor === 0 ? '1.0' : '1.1', this.#pseudonym),
    ];
  }

  /** By all that an upstream is told of what was asked for, since it may answer by that. */
  #keyAs(secure: boolean, target: string): string {
    const scheme = secure ? 'https' : 'http';
    return `${this.#route.rule.upstreams[0]} ${scheme}://${this.#host.toLowerCase()}${target}`;
  }
}

/** True when a client wants to change to another protocol (RFC 9110 section 7.8). */
export function isUpgrade(head: RequestHead): boolean {
  if (!head.has(CONNECTION) || head.minor === 0 || head.method !== 'GET') return false;
  const connection = splitList((head.field('connection') ?? '').toLowerCase());
  return connection.includes('upgrade') && head.valueOf('upgrade') !== undefined;
}

/**
 * The protocols that a client wants to change to. Not to another kind of HTTP, in which it could ask for what it
 * likes behind our back.
 */
function protocolsOf(fields: readonly FieldLine[]): string | undefined {
  const protocols = splitList(fieldValue(fields, 'upgrade') ?? '').filter(
    (protocol) => !/^(?:h2c?|http|tls)(?:\/|$)/i.test(protocol),
  );
  return protocols.length === 0 ? undefined : protocols.join(', ');
}

/** A redirection within the upstream stays below the prefix. */
function withClientLocation(reply: UpstreamReply, prefix: string, upstream: Upstream): UpstreamReply {
  const location = fieldValue(reply.fields, 'location');
  const { origin, basePath } = upstream;
  const ours = location === undefined ? undefined : clientLocation(prefix, origin, basePath, location);
  if (ours === undefined) return reply;
  return { ...reply, fields: [...without(reply.fields, 'location'), ['Location', ours]] };
}

/** The answer with this server in Via, and with what a change of protocol needs. */
function withVia(reply: UpstreamReply, pseudonym: string): UpstreamReply {
  const upgrade: FieldLine[] =
    reply.socket === undefined
      ? []
      : [
          ['Connection', 'Upgrade'],
          ['Upgrade', reply.upgrade ?? ''],
        ];
  const via = viaField(reply.fields, '1.1', pseudonym);
  return { ...reply, fields: [...without(reply.fields, 'via'), via, ...upgrade] };
}
