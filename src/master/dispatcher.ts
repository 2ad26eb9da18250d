/**
 * Gives each connection to a worker, and keeps those that no worker can take now: a queue in the order
 * they came, bounded for the time when every worker is full. What does not fit stays with the kernel, where
 * the transport can leave it there, and is answered 503 where it cannot: nothing is dropped silently. What was
 * handed back for a certain worker goes there (directed-queue.ts).
 */
import { performance } from 'node:perf_hooks';
import { replyHead } from '../getfile/wire.js';
import { formatHttpDate } from '../http/http-date.js';
import { UNAVAILABLE } from '../jobs/line.js';
import type { Waiting } from '../transport/handover.js';
import { DirectedQueue, type Direction } from './directed-queue.js';
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
  /** Connections that all of them have yet to take. */
  readonly inFlight: () => number;
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
  readonly #directed = new DirectedQueue((connection, place, nowMs) =>
    this.#offerTo(connection, place, nowMs),
  );
  #last = -1;
  #timer: NodeJS.Timeout | undefined;
  /** Refused clients that are given time to read why. */
  #lingering = 0;
  /** When it was last the case that there was too much; reported when it had not been for a while. */
  #reportedMs = Number.NEGATIVE_INFINITY;
  #ended = false;
  #pumping = false;
  /** The kernel keeps new connections. */
  #holding = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Connections that wait, for any worker or for a certain one. */
  get waiting(): number {
    return this.#queue.length + this.#directed.size;
  }

  /** A connection was accepted, or came back from a worker. */
  receive(connection: Waiting): void {
    if (this.#ended) {
      this.#turnAway(connection);
      return;
    }
    if (this.#directed.add(connection, performance.now())) {
      this.#watch();
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
    // Looking at a worker may bring back what it could not take, in the midst of this: it is among those that wait.
    if (this.#pumping) return;
    this.#pumping = true;
    const undirected = this.#directed.pump(performance.now());
    this.#queue.unshift(...undirected);
    while (this.#queue.length > 0) {
      const connection = this.#queue.shift()!;
      if (this.#offer(connection)) continue;
      this.#queue.unshift(connection);
      break;
    }
    this.#pumping = false;
    this.#watch();
  }

  /** Turns away what waits and everything that comes: the server is about to end. */
  end(): void {
    this.#ended = true;
    const queue = [...this.#directed.clear(), ...this.#queue];
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

  #offerTo(connection: Waiting, place: number, nowMs: number): Direction {
    const worker = this.#options.ready().find((each) => each.place === place);
    if (worker === undefined) return 'never';
    const { load, capacity, stalled } = worker.look(nowMs, this.#options.capacity());
    if (stalled) return 'never';
    return load < capacity && worker.handOver(connection, nowMs) ? 'given' : 'later';
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
    return this.waiting + this.#options.inFlight() + this.#lingering;
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
    this.#options.onRefused(connection.refuse(refusalFor(connection), lingers ? gone : undefined));
  }

  /** Looks after hand-overs under way, for as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const workers = this.#options.all();
      for (const worker of workers) worker.acknowledge(nowMs);
      this.#rescue(nowMs);
      if (this.waiting > 0) this.pump();
      if (this.#holding) this.#holdBack(this.#trouble());
      if (this.waiting > 0) return;
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

function refusalFor({ protocol }: Waiting): Buffer {
  if (protocol === 'getfile') return replyHead('ERROR');
  return protocol === 'jobs' ? UNAVAILABLE : serviceUnavailable(Date.now());
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
