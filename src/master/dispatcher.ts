/**
 * Gives each connection to a worker, and keeps those that no worker can take now: a queue in the order
 * they came, bounded for the time when every worker is full. What does not fit stays with the kernel, where
 * the transport can leave it there, and is answered 503 where it cannot: nothing is dropped silently.
 */
import { formatHttpDate } from '../http/http-date.js';
import type { Waiting } from '../transport/handover.js';
import { type Candidate, chooseWorker } from './dispatch.js';
import type { WorkerHandle } from './worker-handle.js';

export interface DispatcherOptions {
  readonly maxWaiting: () => number;
  /** Connections one worker may hold. */
  readonly capacity: () => number;
  /** Workers that may be given connections. */
  readonly ready: () => readonly WorkerHandle[];
  /** Workers that may still have to take what they were handed. */
  readonly all: () => readonly WorkerHandle[];
  /** Descriptors that the master may spend on connections. */
  readonly maxHeld: () => number;
  /**
   * Leaves new connections with the kernel, or takes them again. False when the transport cannot: then
   * those that are too many are refused.
   */
  readonly holdBack: (hold: boolean) => boolean;
  /** A client was answered by the master itself, with this many bytes. */
  readonly onRefused: (bytes: number) => void;
  /** One line for the server's own log. */
  readonly report: (text: string) => void;
}

/** How soon the master notices that a worker has taken what it was handed, or has room again. */
const SWEEP_MS = 20;
/** How long it must have been calm before being full is reported again. */
const REPORT_PAUSE_MS = 5000;

const FULL: Candidate = { load: 0, weight: 0, capacity: 0, stalled: false };
const SHORT = 'the master is short of descriptors (ulimit -n)';
const FULL_HOUSE = 'every worker and the wait queue are full';

export class Dispatcher {
  readonly #options: DispatcherOptions;
  #queue: Waiting[] = [];
  #last = -1;
  #timer: NodeJS.Timeout | undefined;
  /** Refused clients that are given time to read why. */
  #lingering = 0;
  /** When it was last the case that there was too much; reported when it had not been for a while. */
  #reportedMs = Number.NEGATIVE_INFINITY;
  #ended = false;
  /** The kernel keeps new connections. */
  #holding = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Connections in the queue. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** A connection was accepted, or came back from a worker. */
  receive(connection: Waiting): void {
    if (this.#ended) {
      this.#turnAway(connection);
      return;
    }
    const { returned } = connection;
    const trouble = returned ? undefined : this.#trouble();
    if (trouble === SHORT) this.#refuse(connection, trouble);
    else if (this.#queue.length === 0 && this.#offer(connection)) this.#holdBack(this.#trouble());
    // A client that was already being served is not turned away because new ones wait.
    else if (returned) this.#queue.unshift(connection);
    else if (trouble === undefined) {
      this.#queue.push(connection);
      this.#holdBack(this.#trouble());
    } else this.#refuse(connection, trouble);
    this.#watch();
  }

  /** What a worker left behind goes first: it has waited longest. */
  receiveAgain(connections: readonly Waiting[]): void {
    this.#queue = [...connections, ...this.#queue];
    if (this.#ended) this.end();
    else this.pump();
  }

  /** Hands out what waits, as far as there is room. */
  pump(): void {
    let given = 0;
    while (given < this.#queue.length && this.#offer(this.#queue[given]!)) given++;
    if (given > 0) this.#queue.splice(0, given);
    this.#watch();
  }

  /** Turns away what waits and everything that comes: the server is about to end. */
  end(): void {
    this.#ended = true;
    const queue = this.#queue;
    this.#queue = [];
    for (const connection of queue) this.#turnAway(connection);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #offer(connection: Waiting): boolean {
    const workers = this.#options.ready();
    const nowMs = performance.now();
    const capacity = this.#options.capacity();
    // One that comes back may have been handed back because it has much to ask.
    const candidates = workers.map((worker) => worker.look(nowMs, capacity, connection.returned));
    for (;;) {
      const position = chooseWorker(candidates, this.#last);
      if (position === undefined) return false;
      if (workers[position]!.handOver(connection, nowMs)) {
        this.#last = position;
        return true;
      }
      candidates[position] = FULL;
    }
  }

  /**
   * Connections that the workers could still hold. As many may wait beyond the bound: they have a place,
   * and only wait for a channel that takes one at a time.
   */
  #room(): number {
    const nowMs = performance.now();
    const capacity = this.#options.capacity();
    const free = this.#options.ready().map((worker) => capacity - worker.look(nowMs, capacity).load);
    return free.reduce((sum, places) => sum + Math.max(0, places), 0);
  }

  /** Why no further connection should come; undefined when it may. */
  #trouble(): string | undefined {
    if (this.#held() >= this.#options.maxHeld()) return SHORT;
    if (this.#queue.length === 0) return undefined;
    return this.#queue.length < this.#room() + this.#options.maxWaiting() ? undefined : FULL_HOUSE;
  }

  #holdBack(trouble: string | undefined): void {
    const hold = trouble !== undefined;
    if (hold === this.#holding) return;
    if (!this.#options.holdBack(hold)) return;
    this.#holding = hold;
    if (hold) this.#reportNow(`${trouble}: new connections wait with the kernel`);
  }

  /** Descriptors that connections take in this process. */
  #held(): number {
    const inFlight = this.#options.all().reduce((sum, worker) => sum + worker.inFlight, 0);
    return this.#queue.length + inFlight + this.#lingering;
  }

  #refuse(connection: Waiting, why: string): void {
    this.#reportNow(`${why}: clients are answered 503`);
    this.#answer(connection);
  }

  #reportNow(text: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#reportedMs > REPORT_PAUSE_MS) this.#options.report(text);
    this.#reportedMs = nowMs;
  }

  #turnAway(connection: Waiting): void {
    // Between two requests: there is nothing to answer.
    if (connection.returned && connection.unused.length === 0) connection.release();
    else this.#answer(connection);
  }

  #answer(connection: Waiting): void {
    const lingers = this.#held() < this.#options.maxHeld();
    const gone = (): void => {
      this.#lingering--;
    };
    if (lingers) this.#lingering++;
    this.#options.onRefused(connection.refuse(serviceUnavailable(Date.now()), lingers ? gone : undefined));
  }

  /** Looks after hand-overs under way, for as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const workers = this.#options.all();
      for (const worker of workers) worker.acknowledge(nowMs);
      this.#rescue(nowMs);
      if (this.#queue.length > 0) this.pump();
      if (this.#holding) this.#holdBack(this.#trouble());
      if (this.#queue.length > 0) return;
      if (this.#held() === 0) this.close();
    }, SWEEP_MS);
  }

  /** Gives others what a worker that is stopped has not begun to take, if there are others. */
  #rescue(nowMs: number): void {
    const workers = this.#options.ready();
    const capacity = this.#options.capacity();
    const looks = workers.map((worker) => worker.look(nowMs, capacity));
    if (!looks.some(({ stalled }) => stalled)) return;
    if (!looks.some(({ stalled, load }) => !stalled && load < capacity)) return;
    const untaken = workers.flatMap((worker, i) => (looks[i]!.stalled ? worker.takeBack() : []));
    if (untaken.length > 0) this.receiveAgain(untaken);
  }
}

function serviceUnavailable(nowMs: number): Buffer {
  const body = '503 Service Unavailable. Please try again.\n';
  return Buffer.from(
    `HTTP/1.1 503 Service Unavailable\r\nDate: ${formatHttpDate(nowMs)}\r\nServer: handover\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n` +
      `Retry-After: 1\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    'latin1',
  );
}
