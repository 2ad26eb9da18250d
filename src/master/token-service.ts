/** The master's part in tokens: the arbiter, a session of it for each worker, and the locks of clients. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, HandoverError, messageOf } from '../errors.js';
import { RESERVED } from '../files/paths.js';
import { removeTracesOf, sweep } from '../files/writing/fence-directories.js';
import { fencesOf, nextEpoch } from '../tokens/epoch.js';
import type { TokenListing } from '../tokens/listing.js';
import { LocalArbiter, type LocalSession } from '../tokens/local-arbiter.js';
import type { TokensToMaster, TokensToWorker } from '../tokens/messages.js';
import { TokenError } from '../tokens/token.js';
import { LockDesk } from './lock-desk.js';

/** A worker, as this desk knows it. */
export interface TokensWorker {
  readonly place: number;
  tellOfTokens(message: TokensToWorker): void;
}

export interface TokenServiceOptions {
  readonly documentRoot: string;
  readonly ttlMs: number;
  readonly report: (problem: string) => void;
}

interface Member {
  session: LocalSession | undefined;
  /** What it asks for, and may not want any more. */
  readonly asking: Map<number, AbortController>;
  readonly locking: Map<number, AbortController>;
}

export class TokenService {
  readonly #options: TokenServiceOptions;
  readonly #arbiter: LocalArbiter;
  readonly #desk: LockDesk;
  readonly #members = new Map<TokensWorker, Member>();

  /** @throws HandoverError when the document root cannot be written to */
  constructor(options: TokenServiceOptions) {
    this.#options = options;
    this.#arbiter = new LocalArbiter({
      nextFence: fencesOf(beginEpoch(options.documentRoot)),
      onExpired: (session) => this.#fence(session),
    });
    this.#arbiter.start();
    sweep(options.documentRoot, Date.now()).catch((error) =>
      options.report(`what was left by a killed server cannot be removed: ${messageOf(error)}`),
    );
    this.#desk = new LockDesk({ arbiter: this.#arbiter, listing: () => this.listing() });
  }

  /** What it was begun with. */
  get documentRoot(): string {
    return this.#options.documentRoot;
  }

  get ttlMs(): number {
    return this.#options.ttlMs;
  }

  listing(): TokenListing {
    return {
      engine: 'embedded',
      isAvailable: true,
      counters: this.#arbiter.counters,
      files: this.#arbiter.rows(),
    };
  }

  /** A worker has said something. */
  receive(worker: TokensWorker, message: TokensToMaster): void {
    const member = this.#memberOf(worker);
    switch (message.op) {
      case 'join':
        this.#join(worker, member, message.session);
        break;
      case 'alive':
        if (!isIts(member, message.session)) break;
        member.session!.alive(performance.now());
        worker.tellOfTokens({ op: 'alive', session: message.session, beat: message.beat });
        break;
      case 'request':
        if (isIts(member, message.session)) void this.#request(worker, member, message);
        break;
      case 'cancel':
        member.asking.get(message.id)?.abort();
        break;
      case 'yield':
        if (isIts(member, message.session)) {
          // It holds nothing any more when this is refused.
          member.session!.yieldToken(message.file, message.fence, message.to).catch(() => undefined);
        }
        break;
      case 'commit':
        if (isIts(member, message.session)) void this.#commit(worker, member, message);
        break;
      case 'locks':
        void this.#answerLock(worker, member, message);
        break;
      case 'cancel-locks':
        member.locking.get(message.id)?.abort();
        break;
    }
  }

  /** A worker's process has ended. */
  gone(worker: TokensWorker): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    this.#members.delete(worker);
    for (const asking of member.locking.values()) asking.abort();
    void member.session?.expel('the worker has ended');
  }

  close(): void {
    this.#arbiter.close();
  }

  #memberOf(worker: TokensWorker): Member {
    let member = this.#members.get(worker);
    if (member === undefined) {
      member = { session: undefined, asking: new Map(), locking: new Map() };
      this.#members.set(worker, member);
    }
    return member;
  }

  #join(worker: TokensWorker, member: Member, id: string): void {
    void member.session?.expel('the worker has begun anew');
    const session = this.#arbiter.open({ id, who: `worker ${worker.place}`, ttlMs: this.#options.ttlMs });
    member.session = session;
    session.listen({
      demand: (file, to) => worker.tellOfTokens({ op: 'demand', session: id, file, to }),
      lost: (why) => worker.tellOfTokens({ op: 'lost', session: id, why }),
    });
  }

  async #request(
    worker: TokensWorker,
    { session, asking }: Member,
    { id, file, mode }: TokensToMaster & { readonly op: 'request' },
  ): Promise<void> {
    const wanted = new AbortController();
    asking.set(id, wanted);
    try {
      const { fence } = await session!.request(file, mode, wanted.signal);
      worker.tellOfTokens({ op: 'granted', id, fence });
    } catch (error) {
      worker.tellOfTokens(this.#refusal(id, error));
    }
    asking.delete(id);
  }

  async #commit(
    worker: TokensWorker,
    { session }: Member,
    { id, file, fence, record }: TokensToMaster & { readonly op: 'commit' },
  ): Promise<void> {
    try {
      const version = await session!.commit(file, fence, record);
      worker.tellOfTokens({ op: 'committed', id, version });
    } catch (error) {
      worker.tellOfTokens(this.#refusal(id, error));
    }
  }

  async #answerLock(
    worker: TokensWorker,
    { locking }: Member,
    { id, request }: TokensToMaster & { readonly op: 'locks' },
  ): Promise<void> {
    const wanted = new AbortController();
    locking.set(id, wanted);
    const answer = await this.#desk.answer(request, wanted.signal);
    locking.delete(id);
    worker.tellOfTokens({ op: 'locks', id, answer });
  }

  #refusal(id: number, error: unknown): TokensToWorker {
    const message = messageOf(error);
    if (error instanceof TokenError) return { op: 'refused', id, code: error.code, message };
    this.#options.report(`tokens: ${message}`);
    return { op: 'refused', id, code: 'unavailable', message };
  }

  async #fence(session: string): Promise<void> {
    try {
      await removeTracesOf(this.#options.documentRoot, session);
    } catch (error) {
      // Its process may go on with a change that it was about to make; it has been silent for long.
      this.#options.report(`what a lost session may still write cannot be stopped: ${messageOf(error)}`);
    }
  }
}

function isIts({ session }: Member, id: string): boolean {
  return session?.id === id && !session.isGone;
}

function beginEpoch(documentRoot: string): number {
  try {
    const directory = join(documentRoot, RESERVED);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return nextEpoch(join(directory, 'epoch'));
  } catch (error) {
    if (error instanceof HandoverError) throw error;
    const problem = `DOCUMENT_ROOT: ${documentRoot}: WRITABLE is on, but nothing can be written here: ${messageOf(error)}`;
    throw new HandoverError('WRITABLE', problem, EXIT.cannotRead, error);
  }
}
