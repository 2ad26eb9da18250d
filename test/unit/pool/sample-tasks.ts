/**
 * Entry of the threads in the pool's tests.
 */
import { threadId } from 'node:worker_threads';
import { defineTask, threadData } from '../../../src/pool/task.js';

const none = () => [];

/** Whether this thread would `require` an ES module. */
export const requiresModules = defineTask(
  (_: null) => ({ answer: (process.features as { require_module?: boolean }).require_module }),
  none,
);

/** What the pool was given, and which thread says so. */
export const whoAmI = defineTask((_: null) => ({ data: threadData<{ greeting: string }>(), threadId }), none);

/** Tells on a port that it runs, and then waits until `gate[0]` is no longer 0. */
export const wait = defineTask((gate: Int32Array) => {
  Atomics.add(gate, 1, 1);
  Atomics.notify(gate, 1);
  Atomics.wait(gate, 0, 0);
  return { threadId };
}, none);

let filled = new Uint8Array();

/** Fills memory of its own with a value. */
export const fill = defineTask(
  ({ bytes, value }: { bytes: number; value: number }) => {
    filled = new Uint8Array(bytes).fill(value);
    return { body: filled };
  },
  ({ body }) => [body.buffer],
);

/** How much of what `fill` made is still here. */
export const left = defineTask((_: null) => ({ bytes: filled.byteLength }), none);

/** The sum of bytes that were given. */
export const sum = defineTask(
  (bytes: Uint8Array) => ({ sum: bytes.reduce((total, byte) => total + byte, 0) }),
  none,
);

export const fail = defineTask((message: string): object => {
  throw new RangeError(message);
}, none);

/** Ends the thread in the middle of the task. */
export const die = defineTask((code: number): object => process.exit(code), none);
