/** Entry of a reducer thread: finds the reduction that a message is about. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { workerData } from 'node:worker_threads';
import { Turns } from '../pool/turns.js';
import type { FromThread, ReducerThreadData, RunOptions, ToThread } from './reducing/messages.js';
import { Run, type Shared } from './reducing/run.js';
import { Watch } from './reducing/watch.js';

/** What is read at once, and given to a reducer. */
const CHUNK_BYTES = 256 * 1024;

const { watch, port } = workerData as ReducerThreadData;
const runs = new Map<number, Run>();
/** In what a user's module does, and whatever comes of it later: timers, promises. */
const runAtWork = new AsyncLocalStorage<number>();
const shared: Shared = {
  turns: new Turns(1),
  watch: new Watch(watch),
  buffer: Buffer.allocUnsafeSlow(CHUNK_BYTES),
  tell: (message: FromThread) => port.postMessage(message),
};

// Also after an error that nobody has caught; but not for want of memory, or when the worker ends the thread.
process.on('exit', () => shared.watch.blame(runAtWork.getStore() ?? 0));

port.on('message', (message: ToThread) => {
  const { run } = message;
  switch (message.op) {
    case 'begin':
      begin(run, message.options);
      break;
    // A run may have ended while these were on their way.
    case 'add':
      runs.get(run)?.add(message.parts);
      break;
    case 'finish':
      runs.get(run)?.finish();
      break;
    case 'cancel':
      runs.get(run)?.cancel();
      break;
  }
});

function begin(run: number, options: RunOptions): void {
  const make = (): Run => new Run(run, options, shared, () => runs.delete(run));
  // What is remembered across promises makes them slower: not where nothing can end the thread.
  runs.set(run, options.reducer === 'module' ? runAtWork.run(run, make) : make());
}
