/** One load: autocannon's clients against one URL, and what came of it. */
import autocannon from 'autocannon';
import { closeAfterEachRequest, countConnections } from './client.js';
import type { LoadJob, LoadOutcome } from './job.js';

/** How often autocannon looks whether it is done. The times here are taken from the responses themselves. */
const SAMPLE_MS = 20;

/** Rejects when autocannon cannot start; what goes wrong with requests is counted. */
export function runLoad(job: LoadJob, onProgress: (responses: number) => void): Promise<LoadOutcome> {
  const { url, connections, requests, keepAlive, sizeBytes, timeoutSeconds } = job;
  const times = new Float64Array(requests);
  let responses = 0;
  let non2xx = 0;
  let short = 0;
  let failed = 0;
  let connectionsOpened = 0;
  const cpuBefore = process.cpuUsage();
  const startedNs = process.hrtime.bigint();
  let endedNs = startedNs;

  return new Promise((resolve, reject) => {
    const options = {
      url,
      connections,
      amount: requests,
      timeout: timeoutSeconds,
      sampleInt: SAMPLE_MS,
      ...(keepAlive ? {} : { reconnectRate: 1 }),
      setupClient: (client: autocannon.Client) => {
        countConnections(client, () => {
          connectionsOpened += 1;
        });
        if (!keepAlive) closeAfterEachRequest(client);
      },
    };
    const run = autocannon(options, (error: unknown, result) => {
      if (error) return reject(error);
      const { timeouts } = result;
      const { user, system } = process.cpuUsage(cpuBefore);
      resolve({
        startedNs,
        endedNs,
        timesMs: times.slice(0, responses),
        non2xx,
        socketErrors: failed - timeouts,
        timeouts,
        short,
        connectionsOpened,
        cpuUs: user + system,
      });
    });
    run.on('response', (_client, status, bytes, timeMs) => {
      times[responses] = timeMs;
      responses += 1;
      if (status < 200 || status > 299) non2xx += 1;
      else if (bytes < sizeBytes) short += 1;
      if (responses % 64 === 0) onProgress(responses);
      endedNs = process.hrtime.bigint();
    });
    run.on('reqError', () => {
      failed += 1;
    });
  });
}
