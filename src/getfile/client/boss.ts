/**
 * The boss of `handover get`: hands jobs to its threads and hears what came of them. The queue between them is
 * bounded: a thread has the job that it does and the next one, and further jobs are not even made before.
 *
 *     jobs ──next──► boss ──at most two each──► thread 1..N ──► server
 *                     ▲ └─────── outcomes ◄────────┘
 */
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../errors.js';
import { INTERRUPTED, type Job, type Outcome, type ThreadOptions, type ToThread } from './job.js';

export interface BossOptions {
  readonly threads: number;
  readonly thread: ThreadOptions;
  /** Asked for the next job when a thread has room for it; must not be empty. */
  readonly jobs: Iterator<Job>;
  readonly onOutcome: (job: Job, outcome: Outcome) => void;
}

/** The job that a thread does, and the one that it begins with while the boss hears of that. */
const JOBS_PER_THREAD = 2;
const THREAD = new URL('./thread.js', import.meta.url);

/** A thread, and the jobs that it has, oldest first. */
interface Hand {
  readonly worker: Worker;
  readonly jobs: Job[];
  /** It was told that there are no more. */
  ended: boolean;
}

export class Boss {
  readonly #options: BossOptions;
  #hands: readonly Hand[] = [];
  #stopped = false;

  constructor(options: BossOptions) {
    this.#options = options;
  }

  /** Resolves when every job has its outcome and every thread has ended. */
  async run(): Promise<void> {
    const { threads, thread } = this.#options;
    this.#hands = Array.from({ length: threads }, () => ({
      worker: new Worker(THREAD, { workerData: thread }),
      jobs: [],
      ended: false,
    }));
    const ends = this.#hands.map((hand) => this.#watch(hand));
    for (const hand of this.#hands) this.#feed(hand);
    await Promise.all(ends);
  }

  /** Breaks off what is under way, which is an outcome too; jobs that nobody has begun have none. */
  stop(): void {
    this.#stopped = true;
    for (const { worker, jobs } of this.#hands) {
      jobs.length = Math.min(jobs.length, 1);
      say(worker, { kind: 'stop' });
    }
  }

  #watch(hand: Hand): Promise<void> {
    const { worker } = hand;
    worker.on('message', (outcome: Outcome) => {
      this.#settle(hand, outcome);
      this.#feed(hand);
    });
    let failure = 'its thread ended';
    worker.on('error', (error) => {
      failure = `its thread failed: ${messageOf(error)}`;
    });
    return new Promise((resolve) => {
      worker.on('exit', () => {
        const problem = this.#stopped ? INTERRUPTED : failure;
        const outcome = { status: undefined, bytes: 0, durationUs: 0, digest: undefined, problem };
        while (hand.jobs.length > 0) this.#settle(hand, outcome);
        resolve();
      });
    });
  }

  #settle(hand: Hand, outcome: Outcome): void {
    const job = hand.jobs.shift();
    if (job !== undefined) this.#options.onOutcome(job, outcome);
  }

  #feed(hand: Hand): void {
    if (this.#stopped || hand.ended) return;
    while (hand.jobs.length < JOBS_PER_THREAD) {
      const next = this.#options.jobs.next();
      if (next.done === true) {
        hand.ended = true;
        say(hand.worker, { kind: 'end' });
        return;
      }
      hand.jobs.push(next.value);
      say(hand.worker, { kind: 'job', job: next.value });
    }
  }
}

function say(worker: Worker, message: ToThread): void {
  worker.postMessage(message);
}
