/**
 * The worker processes: starting them, noticing when they are gone, starting others in their places.
 * A crew has at most one generation that serves and any number of workers that are leaving.
 */
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.js';
import { EXIT, HandoverError, messageOf } from '../errors.js';
import type { Scoreboard } from '../stats/scoreboard.js';
import type { DrainMode } from '../transport/connection.js';
import type { MasterTransport, Waiting } from '../transport/handover.js';
import { Forgetting } from './forgetting.js';
import { JobsDesk } from './jobs-desk.js';
import { BOOT_FAILED, type TlsIdentity, VERSION } from './protocol.js';
import { type DeathSeries, decideRespawn } from './respawn.js';
import type { TokenService } from './token-service.js';
import { type ProcessEnd, WorkerHandle } from './worker-handle.js';

export interface CrewOptions {
  readonly board: Scoreboard;
  readonly transport: MasterTransport;
  readonly report: (text: string) => void;
  /** A worker is gone: its slot holds its last counts, and these connections it never took. */
  readonly onGone: (worker: WorkerHandle, untaken: readonly Waiting[]) => void;
  /** A worker that lives could not take this connection. */
  readonly onUntaken: (connection: Waiting) => void;
  /** A worker can take connections: it is ready, or has taken what it was handed before. */
  readonly onRoom: () => void;
  /** A worker that replaces a dead one could not boot, and no other serves or may yet. */
  readonly onBootFailure: (error: HandoverError) => void;
}

/** What all workers of a generation are started with. */
export interface Generation {
  readonly settings: Settings;
  readonly statsFile: string;
  readonly tls: TlsIdentity | undefined;
  /** Of the cache process; undefined when there is none. */
  readonly cacheSocket: string | undefined;
}

/** The workers' module is started by its path; the master has none of its code. */
const WORKER_ENTRY = fileURLToPath(new URL('../worker/entry.js', import.meta.url));

/** File reads of a worker run on libuv's threads; its pool's threads are its own. */
const MIN_IO_THREADS = 4;

/** Past the deadline that it was given for draining, a worker has this long to go. */
const KILL_AFTER_MS = 2000;

export class Crew {
  readonly #options: CrewOptions;
  #generation: Generation | undefined;
  #serving: WorkerHandle[] = [];
  #leaving: WorkerHandle[] = [];
  /** The master's part in jobs. */
  readonly jobs = new JobsDesk();
  /** The master's part in tokens; undefined when nothing is written. */
  tokens: TokenService | undefined;
  readonly #forgetting = new Forgetting();
  readonly #restarts = new Map<number, number>();
  readonly #deaths = new Map<number, DeathSeries>();
  #stopping = false;
  #size = 0;
  #emptied: (() => void) | undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Workers that may be given connections. */
  get ready(): readonly WorkerHandle[] {
    return this.#serving.filter((worker) => worker.state === 'ready');
  }

  /** Every worker whose process runs. */
  get all(): readonly WorkerHandle[] {
    return [...this.#serving, ...this.#leaving];
  }

  /** Connections that were handed over and not taken yet. */
  get inFlight(): number {
    let count = 0;
    for (const worker of this.#serving) count += worker.inFlight;
    for (const worker of this.#leaving) count += worker.inFlight;
    return count;
  }

  /** Places that are to be filled; 0 before the first generation. */
  get size(): number {
    return this.#size;
  }

  /** Starts a worker in a place more. Rejects with HandoverError when it cannot boot; nothing has changed then. */
  async grow(): Promise<void> {
    const generation = this.#generation;
    if (generation === undefined) return;
    this.#size++;
    try {
      await this.#spawn(this.#size, generation, this.#serving);
      this.#onMoreServe();
    } catch (error) {
      this.#size--;
      throw error;
    }
  }

  /** Lets the worker in the last place hand its connections over and go; false when it is the only one. */
  shrink(timeoutMs: number): boolean {
    if (this.#size <= 1) return false;
    const place = this.#size--;
    const leaving = this.#serving.filter((worker) => worker.place === place);
    this.#serving = this.#serving.filter((worker) => worker.place !== place);
    this.#leaving.push(...leaving);
    this.jobs.serve(this.ready);
    this.drain(leaving, 'hand-back', timeoutMs);
    return true;
  }

  restartsOf(place: number): number {
    return this.#restarts.get(place) ?? 0;
  }

  /**
   * Starts a generation and, when all of its workers are ready, puts it in the place of the one before.
   * Rejects when one cannot boot; then everything is as it was. Returns the workers that were replaced.
   */
  async replace(generation: Generation): Promise<readonly WorkerHandle[]> {
    const starting: WorkerHandle[] = [];
    const numbers = Array.from({ length: generation.settings.numWorkers }, (_, i) => i + 1);
    try {
      await Promise.all(numbers.map((place) => this.#spawn(place, generation, starting)));
    } catch (error) {
      for (const worker of starting) worker.kill('SIGKILL');
      throw error;
    }
    const replaced = this.#serving;
    this.#generation = generation;
    this.#size = generation.settings.numWorkers;
    // One that was ready may have died while others were still starting.
    this.#serving = starting.filter((worker) => worker.state === 'ready');
    this.#leaving = this.#leaving.filter((worker) => !starting.includes(worker));
    this.#leaving.push(...replaced);
    for (const { place, pid, state } of starting) {
      if (state === 'gone')
        this.#respawn(place, 0, `worker ${place} (pid ${pid}) ended while others started`);
    }
    this.#onMoreServe();
    return replaced;
  }

  /** Tells workers to come to an end. */
  drain(workers: readonly WorkerHandle[], mode: DrainMode, timeoutMs: number): void {
    for (const worker of workers) {
      if (worker.state === 'starting') {
        // It has no connection yet, and may not be listening to messages.
        worker.kill('SIGKILL');
        continue;
      }
      worker.state = 'draining';
      worker.send({ v: VERSION, kind: 'drain', mode, timeoutMs });
      const deadline = setTimeout(() => worker.kill('SIGKILL'), timeoutMs + KILL_AFTER_MS).unref();
      worker.onExit(() => clearTimeout(deadline));
    }
  }

  /** Ends all workers; resolves when their processes are gone. May be called again with less patience. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    this.drain(this.all, 'close', timeoutMs);
    if (this.all.length === 0) return;
    await new Promise<void>((resolve) => {
      const earlier = this.#emptied;
      this.#emptied = () => {
        earlier?.();
        resolve();
      };
    });
  }

  /** Workers that were started serve from now on. */
  #onMoreServe(): void {
    this.jobs.serve(this.ready);
    this.#options.onRoom();
  }

  reopenLogs(): void {
    for (const worker of this.all) worker.send({ v: VERSION, kind: 'reopen-logs' });
  }

  /**
   * Starts one worker into `group`; resolves when it is ready. Rejects with HandoverError when it cannot boot,
   * with the code WORKER_LOST when that was not of its own making: it was killed, or there was no process.
   */
  async #spawn(place: number, generation: Generation, group: WorkerHandle[]): Promise<void> {
    if (this.#stopping) throw new HandoverError('STOPPING', 'the server is about to end');
    const worker = this.#fork(place, generation);
    const { settings, statsFile, tls, cacheSocket } = generation;
    group.push(worker);
    // Until its generation serves, it belongs to those whose end is only noted.
    if (group !== this.#serving) this.#leaving.push(worker);
    await new Promise<void>((resolve, reject) => {
      let reason = '';
      worker.onMessage((message) => {
        if (message.kind === 'listening')
          worker.send({
            v: VERSION,
            kind: 'start',
            settings,
            place,
            slot: worker.slot,
            statsFile,
            transport: this.#options.transport.name,
            ...(tls && { tls }),
            ...(cacheSocket && { cacheSocket }),
          });
        else if (message.kind === 'report') this.#options.report(`worker ${place}: ${message.text}`);
        else if (message.kind === 'failed') reason = message.reason;
        else if (message.kind === 'jobs') this.jobs.receive(worker, message.about);
        else if (message.kind === 'tokens') this.tokens?.receive(worker, message.about);
        else if (message.kind === 'forgotten') this.#forgetting.done(worker, message.id, message.wasStored);
        else if (message.kind === 'forget') {
          // One that is only starting hears nothing yet, and has nothing stored.
          const others = this.all.filter((other) => other !== worker && other.state !== 'starting');
          this.#forgetting.begin(worker, message.id, message.keys, others);
        } else if (message.kind === 'ready' && worker.state === 'starting') {
          worker.state = 'ready';
          worker.readyMs = performance.now();
          resolve();
        }
      });
      worker.onExit((end) => {
        const wasStarting = worker.state === 'starting';
        this.#reap(worker, end);
        if (!wasStarting) return;
        const code = reason === '' && end.code === null ? 'WORKER_LOST' : 'WORKER_BOOT';
        const why = reason === '' ? `it ended ${howItEnded(end)}` : reason;
        reject(new HandoverError(code, `worker ${place} cannot start: ${why}`, EXIT.workerBoot));
      });
    });
  }

  #fork(place: number, { settings }: Generation): WorkerHandle {
    const { board, transport, report, onUntaken, onRoom } = this.#options;
    const ioThreads = Math.max(MIN_IO_THREADS, settings.threadsPerWorker);
    let slot: number | undefined;
    try {
      slot = board.allocate();
      return new WorkerHandle({
        place,
        slot,
        board,
        transport,
        start: (inherited) => {
          // Behind the channel come descriptors SCOREBOARD_FD and, if the transport has any, CHANNEL_FD.
          const stdio = ['ignore', 'inherit', 'inherit', 'ipc', board.fd, ...inherited];
          cluster.setupPrimary({ exec: WORKER_ENTRY, args: [], execArgv: [], stdio });
          return cluster.fork({ UV_THREADPOOL_SIZE: String(ioThreads) });
        },
        nowMs: performance.now(),
        onRoom,
        onUntaken: (connection, isFirst) => {
          if (isFirst)
            report(`worker ${place} is out of descriptors (ulimit -n), others take its connections`);
          onUntaken(connection);
        },
      });
    } catch (error) {
      if (slot !== undefined) board.free(slot);
      const message = `worker ${place} cannot start: ${messageOf(error)}`;
      throw new HandoverError('WORKER_LOST', message, EXIT.workerBoot, error);
    }
  }

  #reap(worker: WorkerHandle, end: ProcessEnd): void {
    const wasServing = this.#serving.includes(worker);
    const { place, pid, state, readyMs } = worker;
    worker.state = 'gone';
    this.#forgetting.gone(worker);
    this.jobs.gone(worker);
    this.tokens?.gone(worker);
    this.#serving = this.#serving.filter((other) => other !== worker);
    this.#leaving = this.#leaving.filter((other) => other !== worker);
    this.#options.onGone(worker, worker.reclaim());
    this.#options.board.free(worker.slot);
    if (wasServing && state === 'ready' && !this.#stopping) {
      const what = `worker ${place} (pid ${pid}) ended ${howItEnded(end)}`;
      this.#respawn(place, performance.now() - (readyMs ?? 0), what);
    }
    if (this.#stopping && this.all.length === 0) this.#emptied?.();
  }

  /** Starts another worker in a place that has lost its own, sooner or later. `what` happened, for the report. */
  #respawn(place: number, livedMs: number, what: string): void {
    const { delayMs, series } = decideRespawn(this.#deaths.get(place) ?? 0, livedMs);
    this.#deaths.set(place, series);
    this.#restarts.set(place, this.restartsOf(place) + 1);
    const when = delayMs === 0 ? 'now' : `in ${delayMs} ms`;
    this.#options.report(`${what}; another starts ${when}`);
    setTimeout(() => void this.#startAgain(place), delayMs);
  }

  async #startAgain(place: number): Promise<void> {
    const generation = this.#generation;
    // A reload may have filled the place, or taken it away.
    const isFilled = this.#serving.some((worker) => worker.place === place);
    if (this.#stopping || generation === undefined || isFilled) return;
    if (place > this.#size) return;
    try {
      await this.#spawn(place, generation, this.#serving);
      this.#onMoreServe();
    } catch (error) {
      // A reload has put another worker in its place and ended it.
      if (this.#stopping || this.#generation !== generation) return;
      const failure = error as HandoverError;
      // What keeps a worker from booting keeps others too, unless it passes: while some serve or may yet,
      // that is waited for.
      if (failure.code === 'WORKER_LOST' || this.#serving.length > 0)
        this.#respawn(place, 0, failure.message);
      else this.#options.onBootFailure(failure);
    }
  }
}

function howItEnded({ code, signal, error }: ProcessEnd): string {
  if (error !== undefined) return `before it began: ${messageOf(error)}`;
  if (signal !== null) return `by ${signal}`;
  return code === BOOT_FAILED ? 'while it started' : `with exit code ${code}`;
}
