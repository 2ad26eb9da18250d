/**
 * Which reducer a thread is in at this moment, in memory that the worker sees too: so that it can tell when one hangs,
 * and which one it was that ended the thread.
 *
 *     int32 run (0: none) │ int32 calls │ int32 length of the name │ name of the part, UTF-8
 */

const RUN = 0;
const CALLS = 1;
const NAME_BYTES = 2;
const HEADER_BYTES = 12;
const LONGEST_NAME = 1024;

/** See the file's header. */
export class Watch {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #name: Buffer;

  /** @param memory of another Watch, to see the same */
  constructor(memory = new SharedArrayBuffer(HEADER_BYTES + LONGEST_NAME)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory, 0, 3);
    this.#name = Buffer.from(memory, HEADER_BYTES);
  }

  /** The thread: does the work, in a reducer, over a part. When the thread ends in it, `run` stays as it is. */
  async during<T>(run: number, part: string | undefined, work: () => T | Promise<T>): Promise<T> {
    Atomics.store(this.#cells, NAME_BYTES, part === undefined ? 0 : this.#name.write(part));
    Atomics.add(this.#cells, CALLS, 1);
    Atomics.store(this.#cells, RUN, run);
    try {
      return await work();
    } finally {
      Atomics.store(this.#cells, RUN, 0);
    }
  }

  /** The thread, at its end: whose doing that is; 0 when nobody knows. */
  blame(run: number): void {
    if (run === this.run) return;
    Atomics.store(this.#cells, NAME_BYTES, 0);
    Atomics.store(this.#cells, RUN, run);
  }

  /** Whose reducer the thread is in; 0 when in none. */
  get run(): number {
    return Atomics.load(this.#cells, RUN);
  }

  /** Another number for each time that the thread went into a reducer. */
  get calls(): number {
    return Atomics.load(this.#cells, CALLS);
  }

  /** The part that the reducer was given; undefined when it was at its beginning or end. */
  get part(): string | undefined {
    const length = Atomics.load(this.#cells, NAME_BYTES);
    return length === 0 ? undefined : this.#name.toString('utf8', 0, length);
  }
}
