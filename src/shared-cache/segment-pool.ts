/**
 * The segments of one worker, for one connection to the cache process: made when they are needed, lent to one
 * transfer at a time.
 *
 *     free ──acquire──► lent ──release──► free
 *                        └──give up────► quarantine ──CANCELLED──► free     the cache may still write there
 */
import { randomBytes } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type MappingKind, shareBytes } from '../posix/shared-bytes.js';
import { makeFile } from './directory.js';
import { Segment, segmentFileBytes } from './segment.js';

/** Whoever has a segment, and what it may be told. */
export interface SegmentUser {
  /** The head of the object that is transferred. */
  head(bytes: Buffer): void;
  /** There is a chunk. */
  ready(): void;
  /** The chunk was taken. */
  acknowledged(): void;
  /** Nothing more comes; the segment is no longer this user's. */
  fail(error: Error): void;
}

export interface LentSegment {
  readonly index: number;
  readonly segment: Segment;
  /** Number of this use of it. */
  readonly gen: number;
}

interface Kept {
  readonly index: number;
  readonly segment: Segment;
  readonly fd: number;
  /** Undefined when the cache has it open, so that the name is gone. */
  path: string | undefined;
  gen: number;
  user: SegmentUser | undefined;
  /** It is the cache's turn. */
  isAwaited: boolean;
  awaitedTicks: number;
  state: 'free' | 'lent' | 'quarantine';
}

interface Waiter {
  readonly take: (kept: Kept | undefined) => void;
  ticks: number;
}

export interface SegmentPoolOptions {
  /** Where the cache process looks for them. */
  readonly directory: string;
  readonly maxSegments: number;
  readonly chunkBytes: number;
  readonly mapping: MappingKind | 'auto';
  /** Tells the cache of a new one. */
  readonly attach: (index: number, name: string) => void;
  /** Tells the cache to write no more. */
  readonly cancel: (index: number, gen: number) => void;
  /** There is no room for one more. */
  readonly onFull: (error: unknown) => void;
}

export interface SegmentCounts {
  readonly free: number;
  readonly lent: number;
  readonly quarantined: number;
  readonly waiting: number;
}

export class SegmentPool {
  readonly #options: SegmentPoolOptions;
  readonly #prefix = `segment-${process.pid}-${randomBytes(6).toString('hex')}`;
  readonly #all: Kept[] = [];
  readonly #waiting: Waiter[] = [];
  #isFull = false;
  #closed = false;

  constructor(options: SegmentPoolOptions) {
    this.#options = options;
  }

  /** One for this user; undefined when there is none, or none became free in time. */
  acquire(user: SegmentUser): Promise<LentSegment | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const kept = this.#all.find(({ state }) => state === 'free') ?? this.#make();
    if (kept !== undefined) return Promise.resolve(this.#lend(kept, user));
    if (this.#all.length === 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const take = (given: Kept | undefined): void => resolve(given && this.#lend(given, user));
      this.#waiting.push({ take, ticks: 0 });
    });
  }

  /** It is the cache's turn now. */
  await({ index }: LentSegment): void {
    const kept = this.#all[index]!;
    kept.isAwaited = true;
    kept.awaitedTicks = 0;
  }

  /** Gives a segment back in which nothing is under way. */
  release({ index, gen }: LentSegment): void {
    const kept = this.#all[index];
    if (kept?.state !== 'lent' || kept.gen !== gen) return;
    this.#free(kept);
  }

  /** Gives a segment back in which the cache may still write. */
  giveUp({ index, gen }: LentSegment): void {
    const kept = this.#all[index];
    if (kept?.state !== 'lent' || kept.gen !== gen) return;
    kept.state = 'quarantine';
    kept.user = undefined;
    kept.isAwaited = false;
    this.#options.cancel(index, gen);
  }

  /** Whose turn it is after READY or ACK; undefined for an answer that nobody waits for any more. */
  answered(index: number, gen: number): SegmentUser | undefined {
    const kept = this.#all[index];
    if (kept?.state !== 'lent' || kept.gen !== gen) return undefined;
    kept.isAwaited = false;
    return kept.user;
  }

  userOf(index: number, gen: number): SegmentUser | undefined {
    const kept = this.#all[index];
    return kept?.state === 'lent' && kept.gen === gen ? kept.user : undefined;
  }

  attached(index: number): void {
    const kept = this.#all[index];
    if (kept?.path === undefined) return;
    rmSync(kept.path, { force: true });
    kept.path = undefined;
  }

  cancelled(index: number, gen: number): void {
    const kept = this.#all[index];
    if (kept?.state === 'quarantine' && kept.gen === gen) this.#free(kept);
  }

  /** True when the cache is to say something. */
  get isAwaiting(): boolean {
    return this.#all.some(({ isAwaited }) => isAwaited);
  }

  get counts(): SegmentCounts {
    const count = (wanted: Kept['state']): number => this.#all.filter(({ state }) => state === wanted).length;
    return {
      free: count('free'),
      lent: count('lent'),
      quarantined: count('quarantine'),
      waiting: this.#waiting.length,
    };
  }

  /** Time has passed: who has waited for more than so many ticks is told that he waits in vain. */
  tick(maxWaitTicks: number, maxAwaitedTicks: number): void {
    for (const waiter of this.#waiting) waiter.ticks++;
    while ((this.#waiting[0]?.ticks ?? 0) > maxWaitTicks) this.#waiting.shift()!.take(undefined);
    for (const kept of this.#all) {
      if (!kept.isAwaited || ++kept.awaitedTicks <= maxAwaitedTicks) continue;
      this.#fail(kept, new Error('the cache process did not give a chunk in time'));
    }
  }

  /** The cache does not answer: what waits for it fails, and nothing new is begun. */
  failAll(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.take(undefined);
    for (const kept of this.#all) if (kept.isAwaited) this.#fail(kept, error);
  }

  /** The connection is gone. */
  close(error: Error): void {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.take(undefined);
    for (const kept of this.#all) {
      const { user } = kept;
      kept.state = 'quarantine';
      kept.user = undefined;
      user?.fail(error);
    }
    for (const { segment, fd, path } of this.#all.splice(0)) {
      segment.close();
      closeSync(fd);
      if (path !== undefined) rmSync(path, { force: true });
    }
  }

  #fail(kept: Kept, error: Error): void {
    const { user } = kept;
    this.giveUp(kept);
    user?.fail(error);
  }

  #lend(kept: Kept, user: SegmentUser): LentSegment {
    kept.state = 'lent';
    kept.user = user;
    kept.gen = (kept.gen + 1) >>> 0;
    return { index: kept.index, segment: kept.segment, gen: kept.gen };
  }

  #free(kept: Kept): void {
    kept.state = 'free';
    kept.user = undefined;
    kept.isAwaited = false;
    this.#waiting.shift()?.take(kept);
  }

  #make(): Kept | undefined {
    const { directory, maxSegments, chunkBytes, mapping, attach, onFull } = this.#options;
    const index = this.#all.length;
    if (index >= maxSegments || this.#isFull) return undefined;
    const name = `${this.#prefix}-${index}`;
    const path = join(directory, name);
    const lengthBytes = segmentFileBytes(chunkBytes);
    try {
      const fd = makeFile(path, lengthBytes);
      const segment = new Segment(shareBytes(fd, lengthBytes, mapping));
      const kept: Kept = {
        index,
        segment,
        fd,
        path,
        gen: 0,
        user: undefined,
        isAwaited: false,
        awaitedTicks: 0,
        state: 'free',
      };
      this.#all.push(kept);
      attach(index, name);
      return kept;
    } catch (error) {
      // With those that there are it goes on.
      this.#isFull = true;
      onFull(error);
      return undefined;
    }
  }
}
