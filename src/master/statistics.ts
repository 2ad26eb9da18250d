/**
 * The master's book-keeping: adds up the workers' slots, those that are gone and its own, and turns
 * them into what is published.
 */
import { buildDocument, type StatsBaseline, type StatsSample, type WorkerSample } from '../stats/document.js';
import type { JobSample } from '../stats/jobs.js';
import { residentBytes } from '../stats/resident.js';
import { FIELD } from '../stats/schema.js';
import type { Scoreboard } from '../stats/scoreboard.js';
import { emptySlot, mergeSlots, PublishedTotals, retire, withoutLeaving } from '../stats/totals.js';
import type { Snapshot } from '../stats/writer.js';
import type { WorkerHandle } from './worker-handle.js';

/** What only the master knows, at the moment of a snapshot. */
export interface MasterFacts {
  readonly version: string;
  readonly transport: string;
  readonly reloads: number;
  readonly reloadsFailed: number;
  readonly draining: boolean;
  readonly addresses: StatsSample['addresses'];
  readonly waiting: number;
  readonly maxConnections: number;
  readonly cacheMaxBytes: number;
  readonly threadsPerWorker: number;
  readonly intervalMs: number;
  readonly workers: readonly Pick<WorkerHandle, 'place' | 'pid' | 'state' | 'startedMs' | 'slot'>[];
  readonly restartsOf: (place: number) => number;
  /** As their owners have last published them; undefined when no jobs are taken. */
  readonly jobs?: readonly JobSample[] | undefined;
}

export class Statistics {
  readonly #board: Scoreboard;
  readonly #startedAtMs = Date.now();
  readonly #startedMs = performance.now();
  readonly #published = new PublishedTotals();
  /** Counts of workers that are gone. */
  #departed = emptySlot();
  /** Counts of the master itself: what it refused. */
  readonly #own = emptySlot();
  #accepted = 0;
  #refused = 0;
  #rssBytes = 0;
  #baseline: StatsBaseline | undefined;

  constructor(board: Scoreboard) {
    this.#board = board;
  }

  accepted(): void {
    this.#accepted++;
  }

  /** The master turned a client away: answered 503 itself, or closed (`bytes` 0). */
  refused(bytes: number): void {
    this.#refused++;
    // A client that expects TLS cannot be told why: it got no response.
    if (bytes === 0) return;
    this.#own[FIELD.requests]! += 1;
    this.#own[FIELD.status5xx]! += 1;
    this.#own[FIELD.bytesSent]! += bytes;
  }

  /** Keeps the counts of a worker that is gone; its slot may then be used again. */
  retire(slot: number): void {
    this.#departed = retire(this.#departed, withoutLeaving(this.#board.readSlot(slot)));
  }

  snapshot(facts: MasterFacts): Snapshot {
    // Before the counters are read: what was counted earlier than the time of a document is in it.
    const readAtMs = Date.now();
    const nowMs = performance.now();
    this.#rssBytes = residentBytes(this.#rssBytes);
    const workers: WorkerSample[] = facts.workers.map((worker) => ({
      id: worker.place,
      pid: worker.pid,
      state: worker.state === 'gone' ? 'draining' : worker.state,
      restarts: facts.restartsOf(worker.place),
      uptimeMs: nowMs - worker.startedMs,
      slot: withoutLeaving(this.#board.readSlot(worker.slot)),
    }));
    const slots = workers.map(({ slot }) => slot);
    const totals = this.#published.advance(mergeSlots(slots, [this.#departed, this.#own]));
    const sample: StatsSample = {
      server: `handover/${facts.version}`,
      nowMs: readAtMs,
      uptimeMs: nowMs - this.#startedMs,
      startedAtMs: this.#startedAtMs,
      intervalMs: facts.intervalMs,
      transport: facts.transport,
      reloads: facts.reloads,
      reloadsFailed: facts.reloadsFailed,
      draining: facts.draining,
      addresses: facts.addresses,
      connections: {
        accepted: this.#accepted,
        waiting: facts.waiting,
        refused: this.#refused,
        max: facts.maxConnections,
      },
      cacheMaxBytes: facts.cacheMaxBytes,
      threadsPerWorker: facts.threadsPerWorker,
      master: { pid: process.pid, rssBytes: this.#rssBytes },
      totals,
      workers,
      jobs: facts.jobs,
    };
    const document = buildDocument(sample, this.#baseline);
    this.#baseline = sample;
    return { document, totals };
  }
}
