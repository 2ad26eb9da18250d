/** The record of one reducer thread: what it has to do, whether it hangs, and why it has ended. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { messageOf, systemCode } from '../../errors.js';
import type { Assignment } from './assignment.js';
import type { FromThread, ReducerThreadData, ToThread } from './messages.js';
import { Watch } from './watch.js';

const ENTRY = new URL('../reducer-thread.js', import.meta.url);
/** A call that was seen at one look, and at so many more, holds its thread. */
const HELD_LOOKS = 2;

/** How a thread is started. */
export interface ThreadOptions {
  /** How long a reducer may take over what it is given at once. */
  readonly callMs: number;
  /** It is looked at so often. Looks are counted, not time, which also goes on while all of the process stands still. */
  readonly lookMs: number;
  /** Memory for its JavaScript objects. */
  readonly heapMb: number;
}

/** How a thread has ended. */
export interface ThreadEnd {
  readonly reason: string;
  /** Whose reducer ended it; undefined when that job is over, and none of these has to do with it. */
  readonly culprit: Assignment | 'unknown' | undefined;
  /** What that reducer was given. */
  readonly part: string | undefined;
  /** What it had to do. */
  readonly assignments: readonly Assignment[];
}

/** What becomes of a thread. */
export interface ThreadEvents {
  /** One call has lasted for two looks or more; said again and again while it does. */
  onHeld(thread: ThreadHandle, holder: Assignment): void;
  /** It has nothing more to do. */
  onIdle(thread: ThreadHandle): void;
  onEnd(thread: ThreadHandle, end: ThreadEnd): void;
}

/** See the file's header. */
export class ThreadHandle {
  readonly #options: ThreadOptions;
  readonly #events: ThreadEvents;
  readonly #watch = new Watch();
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** By the numbers of their runs. */
  readonly #assignments = new Map<number, Assignment>();
  #timer: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  /** The memory of all that it had to do was too much: nobody knows whose. */
  #isOutOfMemory = false;
  /** The call that it was in when it was looked at, and how often that was so. */
  #seenCall = 0;
  #seenTimes = 0;

  constructor(options: ThreadOptions, events: ThreadEvents) {
    this.#options = options;
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ReducerThreadData = { watch: this.#watch.memory, port: port2 };
    this.#worker = new Worker(ENTRY, {
      workerData,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: options.heapMb },
    });
    this.#port.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#onError(error));
    this.#worker.on('exit', (code) => this.#onExit(code));
  }

  /** Reductions that it has to do. */
  get load(): number {
    return this.#assignments.size;
  }

  get assignments(): readonly Assignment[] {
    return [...this.#assignments.values()];
  }

  take(assignment: Assignment): void {
    const run = assignment.start((message: ToThread) => this.#port.postMessage(message));
    this.#assignments.set(run, assignment);
    this.#timer ??= setInterval(() => this.#look(), this.#options.lookMs);
  }

  /** The assignment is to begin again in another thread. */
  letGo(assignment: Assignment): void {
    for (const [run, other] of this.#assignments) if (other === assignment) this.#assignments.delete(run);
    assignment.leave();
  }

  /** Ends the thread, wherever it is. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #receive(message: FromThread): void {
    const assignment = this.#assignments.get(message.run);
    if (message.op !== 'progress') this.#assignments.delete(message.run);
    assignment?.receive(message);
    if (this.load > 0) return;
    this.#stopLooking();
    this.#events.onIdle(this);
  }

  #look(): void {
    const { run, calls } = this.#watch;
    this.#seenTimes = run !== 0 && calls === this.#seenCall ? this.#seenTimes + 1 : 0;
    this.#seenCall = calls;
    if (this.#seenTimes < HELD_LOOKS) return;
    const holder = this.#assignments.get(run);
    if (holder !== undefined) this.#events.onHeld(this, holder);
    const { callMs, lookMs } = this.#options;
    if (this.#seenTimes < callMs / lookMs) return;
    this.#reason ??= `took longer than ${callMs / 1000} s`;
    void this.#worker.terminate();
  }

  #stopLooking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #onError(error: unknown): void {
    this.#isOutOfMemory = systemCode(error) === 'ERR_WORKER_OUT_OF_MEMORY';
    this.#reason ??= this.#isOutOfMemory
      ? `needed more than ${this.#options.heapMb} MB of memory`
      : messageOf(error);
  }

  #onExit(code: number): void {
    // What it has said before counts.
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port)) {
      this.#receive(next.message);
    }
    this.#port.close();
    this.#stopLooking();
    const reason = this.#reason ?? `ended its thread with exit code ${code}`;
    const { assignments } = this;
    const { run, part } = this.#watch;
    const isUnknown = run === 0 || (this.#isOutOfMemory && assignments.length > 1);
    const culprit = isUnknown ? 'unknown' : this.#assignments.get(run);
    this.#assignments.clear();
    this.#events.onEnd(this, { reason, culprit, part, assignments });
  }
}
