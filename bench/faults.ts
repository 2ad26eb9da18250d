/**
 * What clients notice of reloads and of killed workers, on handover and on nginx beside it.
 *
 *     npm run bench:faults [SECONDS]        20 by default
 *
 * Reloads: wrk with 64 keep-alive connections, SIGHUP to the master every second. wrk opens a connection anew
 * that the server closed, and counts an error when that was under a request.
 * Kills: ab with a connection per request, 100 at once, SIGKILL to a worker every second. `ab -r` goes on after
 * a broken connection, and counts it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../src/errors.js';
import { startTool, type ToolCount, type ToolRun, wrkScript } from './cpu/tools.js';
import type { Contender } from './servers/contender.js';
import { transports } from './servers/handover.js';
import { nginx } from './servers/nginx.js';
import { RunningServer } from './servers/running-server.js';

const EVERY_MS = 1000;
const seconds = Number(process.argv[2] ?? 20);
const { signal } = new AbortController();
const directory = mkdtempSync(join(tmpdir(), 'handover-faults-'));
const script = join(directory, 'count.lua');
writeFileSync(script, wrkScript());
writeFileSync(join(directory, '1k.html'), 'x'.repeat(1024));

try {
  for (const contender of [...transports, nginx]) {
    await measure(contender, 'reload every second', async (server) => {
      const run = load('wrk', server, { seconds, requests: 0 });
      return { count: await during(run, () => process.kill(server.pid, 'SIGHUP')) };
    });
  }
  for (const contender of [...transports, nginx]) {
    await measure(contender, 'SIGKILL of a worker every second', async (server) => {
      // As many as are answered in about that time.
      const run = load('ab', server, { seconds: 0, requests: seconds * 5000 });
      return { count: await during(run, () => killWorker(server.pid)) };
    });
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function measure(
  contender: Contender,
  what: string,
  run: (server: RunningServer) => Promise<{ readonly count: ToolCount }>,
): Promise<void> {
  const found = contender.find();
  if (!found.present) {
    process.stdout.write(`${contender.name}: ${found.remedy}\n`);
    return;
  }
  const task = {
    site: directory,
    workDirectory: mkdtempSync(join(directory, 'run-')),
    workers: 2,
    accessLog: false,
  };
  const server = await RunningServer.start(contender, task, signal);
  try {
    const { count } = await run(server);
    const { responses, errors, badStatus } = count;
    process.stdout.write(
      `${contender.name}, ${what}: ${responses} answered, ${errors} broken, ${badStatus} of another status\n`,
    );
  } catch (error) {
    process.stdout.write(`${contender.name}, ${what}: ${messageOf(error)}\n`);
  } finally {
    await server.stop();
  }
}

function load(
  tool: 'wrk' | 'ab',
  { port }: RunningServer,
  amount: { seconds: number; requests: number },
): ToolRun {
  const connections = tool === 'wrk' ? 64 : 100;
  const task = { url: `http://127.0.0.1:${port}/1k.html`, connections, threads: 1, headers: [], script };
  return startTool(tool, task, amount, signal);
}

/** Does something every second until the load is over. */
async function during({ result }: ToolRun, act: () => void): Promise<ToolCount> {
  let over = false;
  const ended = result.finally(() => {
    over = true;
  });
  ended.catch(() => undefined);
  while (!over) {
    await Promise.race([sleep(EVERY_MS), ended]);
    if (!over) act();
  }
  return ended;
}

function killWorker(master: number): void {
  const children = readFileSync(`/proc/${master}/task/${master}/children`, 'latin1')
    .split(' ')
    .filter(Boolean);
  const [oldest] = children;
  if (oldest !== undefined) process.kill(Number(oldest), 'SIGKILL');
}
