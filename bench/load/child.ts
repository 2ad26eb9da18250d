/** The load generator's process: runs the jobs that the benchmark sends, one after the other. Wiring only. */
import { messageOf } from '../../src/errors.js';
import type { GeneratorMessage, LoadJob } from './job.js';
import { runLoad } from './run-load.js';

const PROGRESS_MS = 200;

const send = (message: GeneratorMessage): void => void process.send?.(message);

async function run(job: LoadJob): Promise<void> {
  let sentAt = performance.now();
  try {
    const outcome = await runLoad(job, (responses) => {
      const now = performance.now();
      if (now - sentAt < PROGRESS_MS) return;
      sentAt = now;
      send({ type: 'progress', responses });
    });
    send({ type: 'done', outcome });
  } catch (error) {
    send({ type: 'failed', reason: messageOf(error) });
  }
}

process.on('message', (job: LoadJob) => void run(job));
process.on('disconnect', () => process.exit());
// Ctrl-C reaches every process of the terminal; the benchmark ends this one by its channel.
process.on('SIGINT', () => {});
send({ type: 'ready' });
