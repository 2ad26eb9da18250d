/**
 * The tokens of one session as its users see them: asked for once and kept until others want them, shared among the
 * requests of this process, and given up when nobody here is using them.
 *
 *     none ──► asking ──► held ──(demand, pins gone)──► yielding ──► held | none
 *
 * A demand comes before whoever waits here, so that others are not starved; what was granted is first used by whoever
 * asked for it, so that each grant makes progress. Nobody asks for `write` while `read` is held: two who did would wait
 * for each other for ever.
 */
import type { CommitRecord, TokenEngine } from './engine.js';
import { type Held, type Mode, TokenError } from './token.js';

export interface TokenManagerOptions {
  /** Milliseconds of the clock of `TokenEngine.validUntilMs`. */
  readonly now?: () => number;
  /** For how long `want` leaves a file alone that others have just wanted, in milliseconds. */
  readonly coolDownMs?: number;
  /** Files of which tokens are kept although nobody uses them. */
  readonly maxIdle?: number;
}

export interface AcquireOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for it; undefined: for as long as it takes. */
  readonly timeoutMs?: number | undefined;
}

/** A token that is kept from others until it is released. */
export interface Grant {
  readonly file: string;
  readonly mode: Mode;
  readonly fence: number;
  /** It is held, as far as can be known here. */
  isValid(): boolean;
  /** Of a write token: see TokenEngine.commit. */
  commit(record: CommitRecord): Promise<number>;
  /** Once it has changed what it wanted to. May be called twice. */
  release(): void;
}

/** That what was read of a file while this was valid may be believed for as long as it is. */
export interface ReadGuard {
  /** @param nowMs on the scale of `performance.now()` */
  isValid(nowMs: number): boolean;
}

const COOL_DOWN_MS = 50;
const MAX_IDLE = 10_000;

class Guard implements ReadGuard {
  isLive = true;
  readonly #engine: TokenEngine;

  constructor(engine: TokenEngine) {
    this.#engine = engine;
  }

  isValid(nowMs: number): boolean {
    return this.isLive && nowMs < this.#engine.validUntilMs;
  }
}

interface Waiter {
  readonly mode: Mode;
  readonly granted: (grant: Grant) => void;
  readonly refused: (error: TokenError) => void;
}

/** What is known of one file. */
interface Entry {
  readonly file: string;
  held: Held;
  fence: number;
  /** Grants that are in use. */
  pins: number;
  /** One of them, the only one, writes. */
  isWriting: boolean;
  /** The engine is asked: for a token, or to take one back. */
  isBusy: boolean;
  /** Ends the asking when nobody here waits any more. */
  asking: AbortController | undefined;
  demand: 'read' | 'none' | undefined;
  guard: Guard | undefined;
  revokedMs: number;
  readonly queue: Waiter[];
}

export class TokenManager {
  readonly #engine: TokenEngine;
  readonly #now: () => number;
  readonly #coolDownMs: number;
  readonly #maxIdle: number;
  /** The one that was used last is the last. */
  readonly #entries = new Map<string, Entry>();
  #generation = 0;

  constructor(engine: TokenEngine, options: TokenManagerOptions = {}) {
    this.#engine = engine;
    this.#now = options.now ?? (() => performance.now());
    this.#coolDownMs = options.coolDownMs ?? COOL_DOWN_MS;
    this.#maxIdle = options.maxIdle ?? MAX_IDLE;
    engine.listen({
      demand: (file, to) => this.#onDemand(file, to),
      lost: () => this.#onLost(),
    });
  }

  /** Rejects with TokenError; then nothing is held for it. */
  acquire(file: string, mode: Mode, { signal, timeoutMs }: AcquireOptions = {}): Promise<Grant> {
    if (signal?.aborted) return Promise.reject(new TokenError('aborted', 'it is not wanted any more'));
    const entry = this.#use(file);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        mode,
        granted: (grant) => {
          settle();
          resolve(grant);
        },
        refused: (error) => {
          settle();
          reject(error);
        },
      };
      const giveUp = (error: TokenError): void => {
        const at = entry.queue.indexOf(waiter);
        if (at < 0) return;
        entry.queue.splice(at, 1);
        if (entry.queue.length === 0) entry.asking?.abort();
        waiter.refused(error);
        this.#advance(entry);
      };
      const abort = (): void => giveUp(new TokenError('aborted', 'it is not wanted any more'));
      const late = (): void =>
        giveUp(new TokenError('timeout', `${file}: others have not given it up within ${timeoutMs} ms`));
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
      signal?.addEventListener('abort', abort);
      entry.queue.push(waiter);
      this.#advance(entry);
    });
  }

  /** True when a token is held that allows this now. */
  has(file: string, mode: Mode): boolean {
    const entry = this.#entries.get(file);
    if (entry === undefined || entry.demand === 'none' || this.#now() >= this.#engine.validUntilMs)
      return false;
    return entry.held === 'write' || entry.held === mode;
  }

  /** Undefined when what is read now may be changed by somebody without our hearing of it. */
  guard(file: string): ReadGuard | undefined {
    const entry = this.#entries.get(file);
    if (entry === undefined || entry.held === 'none' || entry.isWriting || entry.isBusy) return undefined;
    if (entry.demand === 'none' || this.#now() >= this.#engine.validUntilMs) return undefined;
    this.#use(file);
    entry.guard ??= new Guard(this.#engine);
    return entry.guard;
  }

  /** Asks for `read`, for the next time. */
  want(file: string): void {
    const known = this.#entries.get(file);
    if (known !== undefined) {
      const isAsked = known.held !== 'none' || known.isBusy || known.queue.length > 0;
      if (isAsked || this.#now() - known.revokedMs < this.#coolDownMs) return;
    }
    this.acquire(file, 'read').then(
      (grant) => grant.release(),
      // It is asked for again with the next request.
      () => undefined,
    );
  }

  /** Gives up everything. */
  async close(): Promise<void> {
    this.#onLost();
    await this.#engine.close();
  }

  #use(file: string): Entry {
    let entry = this.#entries.get(file);
    if (entry === undefined) {
      entry = {
        file,
        held: 'none',
        fence: 0,
        pins: 0,
        isWriting: false,
        isBusy: false,
        asking: undefined,
        demand: undefined,
        guard: undefined,
        revokedMs: Number.NEGATIVE_INFINITY,
        queue: [],
      };
    } else this.#entries.delete(file);
    this.#entries.set(file, entry);
    if (this.#entries.size > this.#maxIdle) this.#dropIdle();
    return entry;
  }

  /** Of those that were not used for longest, the first that nobody needs. */
  #dropIdle(): void {
    let looked = 0;
    for (const entry of this.#entries.values()) {
      if (++looked > 100) return;
      if (entry.pins > 0 || entry.isBusy || entry.queue.length > 0) continue;
      if (entry.held === 'none') {
        this.#entries.delete(entry.file);
        continue;
      }
      entry.demand = 'none';
      this.#advance(entry);
      return;
    }
  }

  #onDemand(file: string, to: 'read' | 'none'): void {
    const entry = this.#entries.get(file);
    if (entry === undefined) return;
    // One that comes while it is asked for may be meant for what is just being granted.
    if (entry.held === 'none' && entry.asking === undefined) return;
    if (to === 'read' && entry.held === 'read') return;
    if (entry.demand !== 'none') entry.demand = to;
    if (to === 'none') {
      dropGuard(entry);
      entry.revokedMs = this.#now();
    }
    this.#advance(entry);
  }

  #onLost(): void {
    this.#generation++;
    for (const entry of [...this.#entries.values()]) {
      dropGuard(entry);
      entry.held = 'none';
      entry.demand = undefined;
      entry.pins = 0;
      entry.isWriting = false;
      // What is still asked is answered by the engine: with the same.
    }
  }

  /** Does the next thing that can be done for a file. */
  #advance(entry: Entry): void {
    if (entry.isBusy) return;
    const { demand } = entry;
    if (demand !== undefined) {
      if (entry.held === 'none' || (demand === 'read' && entry.held === 'read')) entry.demand = undefined;
      else if (demand === 'none' ? entry.pins > 0 : entry.isWriting) return;
      else {
        void this.#yield(entry, demand);
        return;
      }
    }
    while (this.#serveHead(entry));
  }

  /** True when whoever is first here was served, and the next one may be. */
  #serveHead(entry: Entry): boolean {
    const head = entry.queue[0];
    if (head === undefined || entry.isBusy || entry.isWriting) return false;
    const { mode } = head;
    if (entry.held === 'none') {
      void this.#ask(entry, mode);
      return false;
    }
    if (mode === 'write' && entry.held === 'read') {
      if (entry.pins === 0) void this.#yield(entry, 'none');
      return false;
    }
    if (mode === 'write' && entry.pins > 0) return false;
    entry.queue.shift();
    entry.pins++;
    if (mode === 'write') {
      entry.isWriting = true;
      dropGuard(entry);
    }
    head.granted(this.#grantOf(entry, mode));
    return true;
  }

  #grantOf(entry: Entry, mode: Mode): Grant {
    const { file, fence } = entry;
    const generation = this.#generation;
    const engine = this.#engine;
    let isReleased = false;
    const isHeld = (): boolean => !isReleased && generation === this.#generation;
    return {
      file,
      mode,
      fence,
      isValid: () => isHeld() && this.#now() < engine.validUntilMs,
      commit: (record) =>
        isHeld()
          ? engine.commit(file, fence, record)
          : Promise.reject(new TokenError('stale', `${file}: its token was lost`)),
      release: () => {
        const wasHeld = isHeld();
        isReleased = true;
        if (!wasHeld) return;
        entry.pins--;
        if (mode === 'write') entry.isWriting = false;
        this.#advance(entry);
      },
    };
  }

  async #ask(entry: Entry, mode: Mode): Promise<void> {
    entry.isBusy = true;
    const asking = new AbortController();
    entry.asking = asking;
    const generation = this.#generation;
    let failure: TokenError | undefined;
    try {
      const { fence } = await this.#engine.request(entry.file, mode, asking.signal);
      if (generation === this.#generation) {
        entry.held = mode;
        entry.fence = fence;
      } else failure = new TokenError('lost', 'the session is gone');
    } catch (error) {
      failure = error instanceof TokenError ? error : new TokenError('unavailable', String(error));
    }
    entry.isBusy = false;
    entry.asking = undefined;
    if (failure === undefined) {
      // Whoever asked is served before any demand that has come meanwhile.
      this.#serveHead(entry);
    } else {
      entry.demand = undefined;
      // Those who came while nobody waited any more ask anew.
      if (failure.code !== 'aborted') for (const { refused } of entry.queue.splice(0)) refused(failure);
    }
    this.#advance(entry);
  }

  async #yield(entry: Entry, to: 'read' | 'none'): Promise<void> {
    entry.isBusy = true;
    entry.demand = undefined;
    if (to === 'none') dropGuard(entry);
    const generation = this.#generation;
    const { fence } = entry;
    try {
      await this.#engine.yieldToken(entry.file, fence, to);
      if (generation === this.#generation) entry.held = to;
    } catch {
      // The session is gone, which is told besides.
    }
    entry.isBusy = false;
    this.#advance(entry);
  }
}

function dropGuard(entry: Entry): void {
  if (entry.guard === undefined) return;
  entry.guard.isLive = false;
  entry.guard = undefined;
}
