/**
 * The arbiter of one node: who of its sessions holds which token, and who is next. It lives in the master; a session
 * is a worker, reached over its channel, or a lock that somebody outside holds.
 *
 * First come, first served: whoever is at the head of a file's queue is granted it as soon as nobody holds it in a
 * mode that conflicts, and nobody is granted it before. Holders are asked to give it up (`demand`) until they have.
 */
import type { CommitRecord, EngineEvents, Granted, TokenEngine } from './engine.js';
import type { TokenCounters, TokenRow } from './listing.js';
import { conflicts, type Mode, TokenError } from './token.js';

export interface LocalArbiterOptions {
  /** The fence of the next grant of a file. */
  readonly nextFence: () => number;
  /** Milliseconds of a clock that is never set. */
  readonly now?: () => number;
  /**
   * A session is gone that has not given up what it held. Nobody else is granted that before this has resolved: it
   * makes sure that whatever is left of the session changes nothing more. Does not reject.
   */
  readonly onExpired?: (session: string) => Promise<void>;
}

export interface SessionOptions {
  /** No other session ever has the same. */
  readonly id: string;
  /** What people are told of it. */
  readonly who: string;
  /** It is expelled when it was not heard of for so long; undefined: never. */
  readonly ttlMs?: number | undefined;
}

interface Holding {
  readonly mode: Mode;
  readonly fence: number;
  readonly sinceMs: number;
}

interface Waiter {
  readonly session: LocalSession;
  readonly mode: Mode;
  readonly sinceMs: number;
  readonly granted: (granted: Granted) => void;
  readonly refused: (error: TokenError) => void;
}

interface Entry {
  readonly file: string;
  readonly holders: Map<LocalSession, Holding>;
  readonly queue: Waiter[];
}

/** How often a holder that does not give up is asked again, and silent sessions are looked for. */
const SWEEP_MS = 500;

type Counters = { -readonly [Name in keyof TokenCounters]: number };

export class LocalArbiter {
  readonly #options: LocalArbiterOptions;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #sessions = new Set<LocalSession>();
  readonly #counters: Omit<Counters, 'read' | 'write' | 'waiting'> = {
    grants: 0,
    revokes: 0,
    downgrades: 0,
    timeouts: 0,
    commits: 0,
    staleCommits: 0,
    expiredSessions: 0,
  };
  #version = 0;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: LocalArbiterOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Looks after silent sessions and slow holders from now on, until `close`. */
  start(): void {
    this.#sweeping ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  close(): void {
    clearInterval(this.#sweeping);
  }

  open(options: SessionOptions): LocalSession {
    const session = new LocalSession(this, options, this.#now());
    this.#sessions.add(session);
    return session;
  }

  /** Expels sessions that were not heard of for too long, and asks slow holders again. */
  sweep(): void {
    const nowMs = this.#now();
    for (const session of this.#sessions) {
      if (nowMs - session.aliveMs < session.ttlMs) continue;
      void session.expel(`nothing was heard of it for ${Math.round(session.ttlMs / 1000)} s`);
    }
    for (const entry of this.#entries.values()) if (entry.queue.length > 0) this.#demand(entry, false);
  }

  get counters(): TokenCounters {
    let read = 0;
    let write = 0;
    let waiting = 0;
    for (const { holders, queue } of this.#entries.values()) {
      waiting += queue.length;
      for (const { mode } of holders.values()) {
        if (mode === 'read') read++;
        else write++;
      }
    }
    return { read, write, waiting, ...this.#counters };
  }

  /** All files of which a token is held or wanted, by name. */
  rows(): TokenRow[] {
    const nowMs = this.#now();
    const rows = [...this.#entries.values()].map(({ file, holders, queue }) => ({
      file,
      holders: [...holders].map(([{ who }, { mode, fence, sinceMs }]) => ({
        who,
        mode,
        fence,
        heldMs: Math.round(nowMs - sinceMs),
      })),
      queue: queue.map(({ session: { who }, mode, sinceMs }) => ({
        who,
        mode,
        waitedMs: Math.round(nowMs - sinceMs),
      })),
    }));
    return rows.sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** Somebody has waited for as long as they wanted to. */
  timedOut(): void {
    this.#counters.timeouts++;
  }

  /** Of a session: see TokenEngine. */
  request(session: LocalSession, file: string, mode: Mode, signal?: AbortSignal): Promise<Granted> {
    if (session.isGone) return Promise.reject(new TokenError('lost', session.whyGone));
    if (signal?.aborted) return Promise.reject(aborted());
    const entry = this.#entryOf(file);
    const holding = entry.holders.get(session);
    if (holding?.mode === 'read' && mode === 'read') return Promise.resolve({ fence: holding.fence });
    if (holding !== undefined) throw new Error(`${file}: asked for ${mode} while ${holding.mode} is held`);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        session,
        mode,
        sinceMs: this.#now(),
        granted: (granted) => {
          signal?.removeEventListener('abort', abort);
          resolve(granted);
        },
        refused: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      const abort = (): void => {
        this.#leaveQueue(entry, waiter);
        waiter.refused(aborted());
      };
      signal?.addEventListener('abort', abort);
      entry.queue.push(waiter);
      this.#pump(entry);
    });
  }

  /** Of a session: see TokenEngine. */
  yieldToken(session: LocalSession, file: string, fence: number, to: 'read' | 'none'): void {
    const entry = this.#entries.get(file);
    const holding = entry?.holders.get(session);
    // An earlier holding was given up already; what is held now was granted since.
    if (entry === undefined || holding === undefined || holding.fence !== fence) return;
    if (to === 'read') {
      if (holding.mode === 'write') this.#counters.downgrades++;
      entry.holders.set(session, { ...holding, mode: 'read' });
    } else entry.holders.delete(session);
    this.#pump(entry);
  }

  /** Of a session: see TokenEngine. */
  commit(session: LocalSession, file: string, fence: number, _record: CommitRecord): number {
    const holding = this.#entries.get(file)?.holders.get(session);
    if (session.isGone || holding?.mode !== 'write' || holding.fence !== fence) {
      this.#counters.staleCommits++;
      throw new TokenError('stale', `${file}: somebody else has been granted it since`);
    }
    this.#counters.commits++;
    return ++this.#version;
  }

  /** Of a session that is no more: frees all that it holds. */
  async remove(session: LocalSession, isExpelled: boolean): Promise<void> {
    this.#sessions.delete(session);
    const held: Entry[] = [];
    for (const entry of [...this.#entries.values()]) {
      for (const waiter of entry.queue.filter((one) => one.session === session)) {
        this.#leaveQueue(entry, waiter);
        waiter.refused(new TokenError('lost', session.whyGone));
      }
      const holding = entry.holders.get(session);
      if (holding !== undefined) held.push(entry);
    }
    if (isExpelled) {
      if (held.length > 0) this.#counters.expiredSessions++;
      await this.#options.onExpired?.(session.id);
    }
    for (const entry of held) {
      entry.holders.delete(session);
      this.#pump(entry);
    }
  }

  #entryOf(file: string): Entry {
    let entry = this.#entries.get(file);
    if (entry === undefined) {
      entry = { file, holders: new Map(), queue: [] };
      this.#entries.set(file, entry);
    }
    return entry;
  }

  #leaveQueue(entry: Entry, waiter: Waiter): void {
    const at = entry.queue.indexOf(waiter);
    if (at < 0) return;
    entry.queue.splice(at, 1);
    this.#pump(entry);
  }

  /** Grants what can be granted, from the head of the queue on, and demands what the next one needs. */
  #pump(entry: Entry): void {
    const { file, holders, queue } = entry;
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const { session, mode, granted } = head;
      const isInTheWay = [...holders].some(
        ([other, held]) => other !== session && conflicts(held.mode, mode),
      );
      if (isInTheWay) {
        this.#demand(entry, true);
        return;
      }
      queue.shift();
      const fence = this.#options.nextFence();
      holders.set(session, { mode, fence, sinceMs: this.#now() });
      this.#counters.grants++;
      granted({ fence });
    }
    if (holders.size === 0) this.#entries.delete(file);
  }

  /** Asks those that are in the way of the head of the queue. */
  #demand({ file, holders, queue }: Entry, isFirst: boolean): void {
    const { session, mode } = queue[0]!;
    const to = mode === 'read' ? 'read' : 'none';
    for (const [other, held] of [...holders]) {
      if (other === session || !conflicts(held.mode, mode)) continue;
      if (isFirst && to === 'none') this.#counters.revokes++;
      other.events.demand(file, to);
    }
  }
}

/** One who asks for tokens. Its keep-alives are its owner's business (`alive`). */
export class LocalSession implements TokenEngine {
  readonly id: string;
  readonly who: string;
  ttlMs: number;
  readonly validUntilMs = Number.POSITIVE_INFINITY;
  events: EngineEvents = { demand: () => undefined, lost: () => undefined };
  /** When it was last heard of. */
  aliveMs: number;
  isGone = false;
  whyGone = '';
  readonly #arbiter: LocalArbiter;
  #gone: () => void = () => undefined;

  /** Made by `LocalArbiter.open`. */
  constructor(arbiter: LocalArbiter, { id, who, ttlMs }: SessionOptions, nowMs: number) {
    this.#arbiter = arbiter;
    this.id = id;
    this.who = who;
    this.ttlMs = ttlMs ?? Number.POSITIVE_INFINITY;
    this.aliveMs = nowMs;
  }

  listen(events: EngineEvents): void {
    this.events = events;
  }

  /** It was heard of. */
  alive(nowMs: number): void {
    this.aliveMs = nowMs;
  }

  /** From now on it is expelled when it is not heard of for so long. */
  limit(ttlMs: number, nowMs: number): void {
    this.ttlMs = ttlMs;
    this.aliveMs = nowMs;
  }

  /** Called back once when it is expelled. */
  onGone(callback: () => void): void {
    this.#gone = callback;
  }

  /** It is gone, or must be taken for it: resolves when others may have what it held. */
  async expel(why: string): Promise<void> {
    if (this.isGone) return;
    this.isGone = true;
    this.whyGone = why;
    this.#gone();
    this.events.lost(why);
    await this.#arbiter.remove(this, true);
  }

  request(file: string, mode: Mode, signal?: AbortSignal): Promise<Granted> {
    return this.#arbiter.request(this, file, mode, signal);
  }

  async yieldToken(file: string, fence: number, to: 'read' | 'none'): Promise<void> {
    if (this.isGone) throw new TokenError('lost', this.whyGone);
    this.#arbiter.yieldToken(this, file, fence, to);
  }

  async commit(file: string, fence: number, record: CommitRecord): Promise<number> {
    return this.#arbiter.commit(this, file, fence, record);
  }

  async close(): Promise<void> {
    if (this.isGone) return;
    this.isGone = true;
    this.whyGone = 'it has ended';
    await this.#arbiter.remove(this, false);
  }
}

function aborted(): TokenError {
  return new TokenError('aborted', 'it is not wanted any more');
}
