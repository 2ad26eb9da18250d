/** A thread of `handover get`: does one job after another. Wiring only. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Job, ThreadOptions, ToThread } from './job.js';
import { transfer } from './transfer.js';

const boss = parentPort!;
const options = workerData as ThreadOptions;
const stopping = new AbortController();
const jobs: Job[] = [];
let isWorking = false;
let isEnding = false;

boss.on('message', (message: ToThread) => {
  if (message.kind === 'job') jobs.push(message.job);
  else isEnding = true;
  if (message.kind === 'stop') {
    jobs.length = 0;
    stopping.abort();
  }
  if (!isWorking) void work();
});

async function work(): Promise<void> {
  isWorking = true;
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    boss.postMessage(await transfer(job, options, stopping.signal));
  }
  isWorking = false;
  if (isEnding) boss.close();
}
