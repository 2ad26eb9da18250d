/**
 * Tokens and locks over HTTP:
 *
 *     GET    /.handover/tokens?prefix=P&after=FILE&limit=N    who holds what          200
 *     POST   /.handover/locks     {"file", "mode", …}         takes a lock, waits     201, 423
 *     PUT    /.handover/locks/ID                              it lives on             200, 404
 *     DELETE /.handover/locks/ID                              gives it back           204, 404
 *
 * Nothing else is below `/.handover`. Who holds a lock and who is next the lock desk of the master knows.
 */
import { messageOf } from '../../errors.js';
import type { Asker } from '../../http/asker.js';
import { BodyError } from '../../http/body-source.js';
import { textReply } from '../../http/error-reply.js';
import type { Forwarded, Forwarder } from '../../http/forwarded.js';
import type { Reply } from '../../http/reply.js';
import { isBelow, type RequestHead } from '../../http/request-head.js';
import { textOf } from '../../http/whole-body.js';
import type { LockAnswer, LockDeskLink, LockRequest } from '../../tokens/listing.js';
import { TokenError } from '../../tokens/token.js';
import { BadLockRequest, type LockDefaults, lockRequestOf, RESERVED_PATH } from './lock-request.js';
import { pageOf } from './token-page.js';

export interface TokenSiteOptions {
  readonly locks: LockDeskLink;
  /** Resolves to the refusal of who may not; the rule is that of writing. */
  readonly authorize: (head: RequestHead, asker: Asker) => Promise<Reply | undefined>;
  readonly defaults: Omit<LockDefaults, 'who'>;
  readonly report: (problem: string) => void;
}

type Route =
  | { readonly to: 'tokens' }
  | { readonly to: 'locks' }
  | { readonly to: 'lock'; readonly lock: string };

const METHODS: Readonly<Record<Route['to'], readonly string[]>> = {
  tokens: ['GET', 'HEAD'],
  locks: ['POST'],
  lock: ['PUT', 'DELETE'],
};
const MAX_BODY_BYTES = 16 * 1024;
/** Of answers that say to come again. */
const RETRY = 'Retry-After: 1\r\n';
const PREFIX = Buffer.from(RESERVED_PATH, 'latin1');

export class TokenSite implements Forwarder {
  readonly #options: TokenSiteOptions;

  constructor(options: TokenSiteOptions) {
    this.#options = options;
  }

  find(head: RequestHead): Forwarded | undefined {
    if (!isBelow(head, PREFIX)) return undefined;
    const answer = (asker: Asker): Promise<Reply> => this.#answer(head.retain(), asker);
    return { maxBodyBytes: MAX_BODY_BYTES, answer };
  }

  async #answer(head: RequestHead, asker: Asker): Promise<Reply> {
    // Told of now, or never: the client may go while it is found out who it is.
    const gone = new AbortController();
    asker.onGone(() => gone.abort());
    const reply = await this.#decided(head, asker, gone.signal);
    if (head.method !== 'HEAD') return reply;
    return { ...reply, body: null };
  }

  async #decided(head: RequestHead, asker: Asker, gone: AbortSignal): Promise<Reply> {
    const { authorize, report } = this.#options;
    try {
      const refusal = await authorize(head, asker);
      if (refusal !== undefined) return withoutBody(asker, refusal);
      const route = routeOf(head.path);
      if (route === undefined) return withoutBody(asker, notFound('there is nothing here under this name'));
      const methods = METHODS[route.to];
      if (!methods.includes(head.methodText)) return withoutBody(asker, notAllowed(methods));
      if (route.to === 'locks') return await this.#lock(head, asker, gone);
      asker.body?.cancel();
      if (route.to === 'tokens') return await this.#list(head.query);
      const op = head.methodText === 'PUT' ? 'refresh' : 'unlock';
      const answer = await this.#options.locks.ask({ op, lock: route.lock });
      return answer.ok === 'lock' ? json(200, answer.status) : replyOf(answer);
    } catch (error) {
      if (error instanceof BadLockRequest) return problem(400, 'bad-request', error.message);
      if (error instanceof BodyError) return problem(error.status, 'bad-request', error.message);
      if (error instanceof TokenError) return problem(503, error.code, error.message, RETRY);
      report(`a request for ${RESERVED_PATH} could not be answered: ${messageOf(error)}`);
      return problem(500, 'internal', 'the server could not do this: its log says why');
    }
  }

  async #list(query: string): Promise<Reply> {
    const answer = await this.#options.locks.ask({ op: 'list' });
    return answer.ok === 'list' ? json(200, pageOf(answer.listing, query)) : replyOf(answer);
  }

  async #lock(head: RequestHead, asker: Asker, gone: AbortSignal): Promise<Reply> {
    // A form of another site can post, but not as this type without asking first (Fetch, CORS-safelisted types).
    if (!/^application\/json *(?:;|$)/i.test(head.valueOf('content-type') ?? '')) {
      const message = 'a lock is asked for with Content-Type: application/json';
      return withoutBody(asker, problem(415, 'bad-request', message));
    }
    const who = `client at ${asker.peer.address === 'unix:' ? 'a socket' : asker.peer.address}`;
    const wanted = lockRequestOf(await textOf(asker.body, MAX_BODY_BYTES, tooLong), {
      ...this.#options.defaults,
      who,
    });
    return replyOf(await this.#lockFor(wanted, gone));
  }

  /** A lock whose holder never hears of it would keep others out until it ends by itself. */
  async #lockFor(wanted: LockRequest, gone: AbortSignal): Promise<LockAnswer> {
    const { locks, report } = this.#options;
    const answer = await locks.ask(wanted, gone);
    if (answer.ok !== 'lock') return answer;
    const giveBack = (): void => {
      locks.ask({ op: 'unlock', lock: answer.status.lock }).catch((error: unknown) => {
        report(`a lock whose client is gone could not be given back: ${messageOf(error)}`);
      });
    };
    if (gone.aborted) giveBack();
    else gone.addEventListener('abort', giveBack, { once: true });
    return answer;
  }
}

function tooLong(): BodyError {
  return new BodyError(413, `the body has more than ${MAX_BODY_BYTES} bytes`);
}

function routeOf(path: string): Route | undefined {
  const [what, name, ...rest] = path.slice(RESERVED_PATH.length + 1).split('/');
  if (name === undefined && (what === 'tokens' || what === 'locks')) return { to: what };
  if (what === 'locks' && name !== undefined && rest.length === 0) return { to: 'lock', lock: name };
  return undefined;
}

function replyOf(answer: LockAnswer): Reply {
  switch (answer.ok) {
    case 'lock': {
      const { status } = answer;
      return json(201, status, `Location: ${RESERVED_PATH}/locks/${status.lock}\r\n`);
    }
    case 'unlocked':
      return { status: 204, fields: '', body: null, cache: '', close: false };
    case 'list':
      return json(200, answer.listing);
    case false:
      if (answer.code === 'no-such-lock') return notFound(answer.message, answer.code);
      return problem(answer.code === 'timeout' ? 423 : 503, answer.code, answer.message, RETRY);
  }
}

/** Nobody wants what comes of it; the connection goes on. */
function withoutBody(asker: Asker, reply: Reply): Reply {
  asker.body?.cancel();
  return reply;
}

function notFound(message: string, code = 'not-found'): Reply {
  return problem(404, code, message);
}

function notAllowed(methods: readonly string[]): Reply {
  const names = methods.join(', ');
  return problem(405, 'method-not-allowed', `there are ${names}`, `Allow: ${names}\r\n`);
}

function problem(status: number, error: string, message: string, fields = ''): Reply {
  return json(status, { error, message }, fields);
}

function json(status: number, value: unknown, fields = ''): Reply {
  return textReply(status, 'application/json', `${JSON.stringify(value)}\n`, { fields });
}
