/**
 * A thread that never leaves a path alone, for tests of what happens between two looks at it.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface Restless {
  stop(): Promise<void>;
}

/**
 * Runs `code` over and over in a thread. It sees `path`, `turn` (how often it ran before) and `fs`. Resolves
 * once it has begun.
 */
export async function restless(path: string, code: string): Promise<Restless> {
  const source = `const { parentPort, workerData: path } = require('node:worker_threads');
    const fs = require('node:fs');
    let turn = 0;
    const step = () => { for (let i = 0; i < 20; i++, turn++) { ${code} } setImmediate(step); };
    step();
    parentPort.postMessage('begun');`;
  const thread = new Worker(source, { eval: true, workerData: path });
  await once(thread, 'message');
  return {
    stop: async () => {
      await thread.terminate();
    },
  };
}
