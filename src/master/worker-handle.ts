/**
 * The master's record of one worker process: its place, its state, its slot in the scoreboard and the
 * channel over which it is handed connections. What is to be done about it is the master's decision.
 */
import type { ChildProcess } from 'node:child_process';
import type { Worker as ClusterWorker } from 'node:cluster';
import type { JobsToWorker } from '../jobs/messages.js';
import { FIELD } from '../stats/schema.js';
import type { Scoreboard } from '../stats/scoreboard.js';
import type { TokensToWorker } from '../tokens/messages.js';
import type { MasterTransport, Waiting, WorkerChannel } from '../transport/handover.js';
import type { Candidate } from './dispatch.js';
import type { JobsWorker } from './jobs-worker.js';
import { asWorkerMessage, type MasterMessage, VERSION, type WorkerMessage } from './protocol.js';
import type { TokensWorker } from './token-service.js';

export type WorkerState = 'starting' | 'ready' | 'draining' | 'gone';

/** How a process ended: by a signal or with an exit code, or it could not even be started (`error`). */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: Error;
}

/** What a record of a worker is made of. */
export interface WorkerHandleOptions {
  readonly place: number;
  readonly slot: number;
  readonly board: Scoreboard;
  readonly transport: MasterTransport;
  /** Starts the process, with descriptors that it inherits behind the scoreboard. */
  readonly start: (inherited: readonly number[]) => ClusterWorker;
  readonly nowMs: number;
  /**
   * A connection that the worker was handed and could not take: it is out of descriptors. `isFirst`: it took
   * the one before.
   */
  readonly onUntaken: (connection: Waiting, isFirst: boolean) => void;
  /** The worker can be handed another connection. */
  readonly onRoom: () => void;
}

/** A hand-over that has not been taken for this long is waiting for something. */
const STALLED_MS = 200;
/** How long a worker that was out of descriptors is left alone. */
const EXHAUSTED_MS = 100;

export class WorkerHandle implements JobsWorker, TokensWorker {
  /** Stable number of the place the worker fills, from 1. */
  readonly place: number;
  readonly slot: number;
  readonly startedMs: number;
  state: WorkerState = 'starting';
  readyMs: number | undefined;
  readonly #process: ClusterWorker;
  readonly #channel: WorkerChannel;
  readonly #board: Scoreboard;
  /** When the oldest hand-over in flight began to wait, as far as is known; undefined: none waits. */
  #waitingSinceMs: number | undefined;
  #taken = 0;
  /** It was out of descriptors when it was last handed a connection. */
  #exhausted = false;
  #exhaustedUntilMs = 0;

  constructor(options: WorkerHandleOptions) {
    const { place, slot, board, transport, start, nowMs, onUntaken, onRoom } = options;
    this.place = place;
    this.slot = slot;
    this.startedMs = nowMs;
    this.#board = board;
    let child: ClusterWorker | undefined;
    const startProcess = (inherited: readonly number[]): ChildProcess => {
      child = start(inherited);
      return child.process;
    };
    this.#channel = transport.channelTo(startProcess, {
      onRoom,
      onUntaken: (connection) => {
        const isFirst = !this.#exhausted;
        this.#exhausted = true;
        this.#exhaustedUntilMs = performance.now() + EXHAUSTED_MS;
        onUntaken(connection, isFirst);
      },
    });
    this.#process = child!;
  }

  get pid(): number {
    return this.#process.process.pid ?? 0;
  }

  get inFlight(): number {
    return this.#channel.inFlight;
  }

  onMessage(receive: (message: WorkerMessage) => void): void {
    this.#process.process.on('message', (raw: unknown) => {
      const message = asWorkerMessage(raw);
      if (message !== undefined) receive(message);
    });
  }

  /** Called once. */
  onExit(gone: (end: ProcessEnd) => void): void {
    this.#process.process.once('exit', (code, signal) => gone({ code, signal }));
    // Out of descriptors or memory there is no process at all, and no exit. Other errors leave it as it is.
    this.#process.on('error', (error) => {
      if (this.#process.process.pid === undefined) gone({ code: null, signal: null, error });
    });
  }

  send(message: MasterMessage): void {
    // A worker that is going away no longer listens; its exit says the rest.
    if (this.#process.process.connected) this.#process.process.send(message, () => undefined);
  }

  tellOfJobs(about: JobsToWorker): void {
    this.send({ v: VERSION, kind: 'jobs', about });
  }

  tellOfTokens(about: TokensToWorker): void {
    this.send({ v: VERSION, kind: 'tokens', about });
  }

  /** Tells it to hand connections back; `active`: such that have asked something lately. */
  shed(count: number, active: boolean): void {
    this.send({ v: VERSION, kind: 'shed', count, active });
  }

  /** What it has to do, as it has put it on record. */
  work(): { readonly open: number; readonly active: number; readonly busyUs: number } {
    const field = (position: number): number => this.#board.readField(this.slot, position);
    return { open: field(FIELD.open), active: field(FIELD.active), busyUs: field(FIELD.busyUs) };
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.process.kill(signal);
  }

  /**
   * Releases what the worker has taken, and says how it stands for the next choice: by the connections it
   * has, those that are `active` counted twice if that is asked for.
   */
  look(nowMs: number, capacity: number, active = false): Candidate {
    this.acknowledge(nowMs);
    if (nowMs < this.#exhaustedUntilMs) return { load: 0, weight: 0, capacity: 0, stalled: true };
    const waits = this.#waitingSinceMs !== undefined && nowMs - this.#waitingSinceMs > STALLED_MS;
    const stalled = waits || this.#channel.stopped;
    const { inFlight } = this.#channel;
    const load = this.#open() + inFlight;
    const weight = active ? load + this.#board.readField(this.slot, FIELD.active) : load;
    return { load, weight, capacity, stalled };
  }

  /** Closes the master's copies of the connections that the worker has on record. */
  acknowledge(nowMs: number): void {
    const before = this.#channel.inFlight;
    if (before > 0) {
      const taken = this.#board.readField(this.slot, FIELD.taken);
      if (taken !== this.#taken) this.#exhausted = false;
      this.#taken = taken;
      this.#channel.acknowledge(taken);
      if (this.#channel.inFlight < before) this.#waitingSinceMs = nowMs;
    }
    if (this.#channel.inFlight === 0) this.#waitingSinceMs = undefined;
  }

  /** False when the worker cannot take it now. */
  handOver(connection: Waiting, nowMs: number): boolean {
    if (!this.#channel.handOver(connection)) return false;
    this.#waitingSinceMs ??= nowMs;
    return true;
  }

  /** What it was handed and has not begun to take, if it is stopped or very busy. */
  takeBack(): Waiting[] {
    return this.#channel.takeBack();
  }

  /** What the dead worker was handed and had not taken. */
  reclaim(): Waiting[] {
    return this.#channel.reclaim(this.#board.readField(this.slot, FIELD.taken));
  }

  #open(): number {
    return this.#board.readField(this.slot, FIELD.open);
  }
}
