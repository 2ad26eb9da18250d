/**
 * The thread's side of the pool: what a thread's entry file needs to define tasks. The caller's side is
 * pool.ts.
 */
import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';

/** What pool.ts gives each thread when it starts. */
export interface ThreadData<Data> {
  /** The owner's own. */
  readonly data: Data;
  /** One number shared by all threads: nanoseconds spent in tasks. */
  readonly busyNs: BigInt64Array<SharedArrayBuffer>;
}

/** What the pool's owner passed to all threads. Only in a pool thread. */
export function threadData<Data>(): Data {
  return (workerData as ThreadData<Data>).data;
}

/**
 * Makes a task of a synchronous function: its run time is counted, and the memory that `transferOf`
 * names in the result goes to the caller without being copied. That memory must belong to the result alone.
 */
export function defineTask<Input, Output extends object>(
  run: (input: Input) => Output,
  transferOf: (output: Output) => readonly ArrayBufferLike[],
): (input: Input) => Output {
  const { busyNs } = workerData as ThreadData<unknown>;
  return (input) => {
    const startedMs = performance.now();
    try {
      return moved(run(input), transferOf);
    } finally {
      Atomics.add(busyNs, 0, BigInt(Math.round((performance.now() - startedMs) * 1e6)));
    }
  };
}

/** Marks a result so that piscina transfers its parts. It unwraps it again: the caller sees an `Output`. */
function moved<Output extends object>(
  output: Output,
  transferOf: (output: Output) => readonly ArrayBufferLike[],
): Output {
  const transfer = transferOf(output);
  if (transfer.length === 0) return output;
  return move({ [transferableSymbol]: transfer, [valueSymbol]: output }) as unknown as Output;
}
