/** A worker's tokens: the arbiter in the master as this process reaches it (tokens/messages.ts). */
import { randomBytes } from 'node:crypto';
import type { CommitRecord, EngineEvents, Granted, TokenEngine } from '../tokens/engine.js';
import type { LockAnswer, LockDeskLink, LockRequest } from '../tokens/listing.js';
import type { TokensToMaster, TokensToWorker } from '../tokens/messages.js';
import { type Mode, TokenError } from '../tokens/token.js';
import { TokenManager } from '../tokens/token-manager.js';
import { Replies } from './replies.js';

export interface WorkerTokensOptions {
  /** False when there is no master to be told. */
  readonly send: (message: TokensToMaster) => boolean;
  readonly ttlMs: number;
  /** Milliseconds of a clock that is never set. */
  readonly now?: () => number;
}

/** What is held is believed for this part of the time after which the master gives it to others. */
const BELIEVED = 0.9;

/** One session after another with the arbiter in the master. */
class MasterEngine implements TokenEngine {
  readonly #options: WorkerTokensOptions;
  readonly #now: () => number;
  readonly #requests = new Replies<number>();
  /** Of the present session. */
  #open = new Set<number>();
  #events: EngineEvents = { demand: () => undefined, lost: () => undefined };
  #session = newName();
  #validUntilMs = Number.NEGATIVE_INFINITY;
  /** When keep-alives were sent that are not answered yet. */
  readonly #beats = new Map<number, number>();
  #beat = 0;

  constructor(options: WorkerTokensOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#join();
  }

  get sessionId(): string {
    return this.#session;
  }

  get validUntilMs(): number {
    return this.#validUntilMs;
  }

  listen(events: EngineEvents): void {
    this.#events = events;
  }

  request(file: string, mode: Mode, signal?: AbortSignal): Promise<Granted> {
    const session = this.#session;
    let asked = 0;
    const abort = (): void => {
      this.#options.send({ op: 'cancel', session, id: asked });
    };
    const answer = this.#ask((id) => {
      asked = id;
      return { op: 'request', session, id, file, mode };
    });
    signal?.addEventListener('abort', abort);
    return answer.then((fence) => ({ fence })).finally(() => signal?.removeEventListener('abort', abort));
  }

  async yieldToken(file: string, fence: number, to: 'read' | 'none'): Promise<void> {
    // Messages keep their order: what is asked for next is asked for after this.
    this.#options.send({ op: 'yield', session: this.#session, file, fence, to });
  }

  commit(file: string, fence: number, record: CommitRecord): Promise<number> {
    const session = this.#session;
    return this.#ask((id) => ({ op: 'commit', session, id, file, fence, record }));
  }

  async close(): Promise<void> {
    this.#refuseAll('the worker ends');
  }

  /** Shows that this process goes on, and asks how long what it holds may be believed. */
  keepAlive(): void {
    const beat = ++this.#beat;
    this.#beats.set(beat, this.#now());
    this.#options.send({ op: 'alive', session: this.#session, beat });
  }

  receive(message: Exclude<TokensToWorker, { readonly op: 'locks' }>): void {
    switch (message.op) {
      case 'alive':
        this.#onAlive(message.session, message.beat);
        break;
      case 'granted':
        this.#settle(message.id, () => this.#requests.resolve(message.id, message.fence));
        break;
      case 'committed':
        this.#settle(message.id, () => this.#requests.resolve(message.id, message.version));
        break;
      case 'refused':
        this.#settle(message.id, () =>
          this.#requests.reject(message.id, new TokenError(message.code, message.message)),
        );
        break;
      case 'demand':
        if (message.session === this.#session) this.#events.demand(message.file, message.to);
        break;
      case 'lost':
        if (message.session === this.#session) this.#onLost(message.why);
        break;
    }
  }

  #onAlive(session: string, beat: number): void {
    const sentMs = this.#beats.get(beat);
    this.#beats.delete(beat);
    if (sentMs === undefined || session !== this.#session) return;
    this.#validUntilMs = Math.max(this.#validUntilMs, sentMs + BELIEVED * this.#options.ttlMs);
  }

  #onLost(why: string): void {
    this.#session = newName();
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
    this.#beats.clear();
    this.#events.lost(why);
    this.#refuseAll(why);
    this.#join();
  }

  #join(): void {
    this.#options.send({ op: 'join', session: this.#session });
    this.keepAlive();
  }

  #ask(messageOf: (id: number) => TokensToMaster): Promise<number> {
    let asked = 0;
    const answer = this.#requests.ask((id) => {
      asked = id;
      if (!this.#options.send(messageOf(id))) throw new TokenError('unavailable', 'the master is gone');
    });
    this.#open.add(asked);
    return answer;
  }

  #settle(id: number, settle: () => void): void {
    // Of a session that is gone: it was refused then.
    if (this.#open.delete(id)) settle();
  }

  #refuseAll(why: string): void {
    const open = this.#open;
    this.#open = new Set();
    for (const id of open) this.#requests.reject(id, new TokenError('lost', why));
  }
}

/** What a worker has of tokens. */
export class WorkerTokens {
  readonly manager: TokenManager;
  readonly locks: LockDeskLink;
  readonly #engine: MasterEngine;
  readonly #answers = new Replies<LockAnswer>();
  readonly #options: WorkerTokensOptions;
  readonly #beating: NodeJS.Timeout;

  /** Takes part from now on. */
  constructor(options: WorkerTokensOptions) {
    this.#options = options;
    this.#engine = new MasterEngine(options);
    this.manager = new TokenManager(this.#engine, { now: options.now ?? (() => performance.now()) });
    this.locks = { ask: (request, signal) => this.#ask(request, signal) };
    this.#beating = setInterval(() => this.#engine.keepAlive(), options.ttlMs / 4);
  }

  /** No other session ever had it. */
  get sessionId(): string {
    return this.#engine.sessionId;
  }

  /** The master has said something. */
  receive(message: TokensToWorker): void {
    if (message.op === 'locks') this.#answers.resolve(message.id, message.answer);
    else this.#engine.receive(message);
  }

  async close(): Promise<void> {
    clearInterval(this.#beating);
    await this.manager.close();
  }

  #ask(request: LockRequest, signal?: AbortSignal): Promise<LockAnswer> {
    let asked = 0;
    const cancel = (): void => {
      this.#options.send({ op: 'cancel-locks', id: asked });
    };
    const answer = this.#answers.ask((id) => {
      asked = id;
      if (!this.#options.send({ op: 'locks', id, request })) {
        throw new TokenError('unavailable', 'the master is gone');
      }
    });
    signal?.addEventListener('abort', cancel);
    return answer.finally(() => signal?.removeEventListener('abort', cancel));
  }
}

function newName(): string {
  return randomBytes(8).toString('hex');
}
