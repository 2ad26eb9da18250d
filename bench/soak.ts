/**
 * Millions of requests on one server, by wrk (keep-alive) and ab (a connection each), and after each part of
 * them what its processes hold: descriptors, memory, answers counted. Ends with 1 when a descriptor has
 * stayed open, memory has gone on growing, or an answer is not counted.
 *
 *     npm run bench:soak [REQUESTS [TRANSPORT]]        20,000,000 by default, and native; or portable
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatsDocument } from '../src/stats/schema.js';
import { readMemory } from './cpu/memory.js';
import { missingTool, startTool, wrkScript } from './cpu/tools.js';
import { readTree } from './proc.js';
import { transports } from './servers/handover.js';
import { RunningServer } from './servers/running-server.js';

const PARTS = 20;
/** Of each part, so many per cent come on connections of their own. */
const PER_REQUEST_PERCENT = 5;
/** Between the middle of the run and its end: caches of the allocator come and go. */
const MAX_GROWTH_MB = 32;

interface Held {
  readonly descriptors: number;
  readonly residentMb: number;
}

const total = Number(process.argv[2] ?? 20_000_000);
const transport = process.argv[3] ?? 'native';
for (const tool of ['wrk', 'ab'] as const) {
  const missing = missingTool(tool);
  if (missing !== undefined) throw new Error(missing);
}
const contender = transports.find(({ name }) => name === transport);
if (contender === undefined) throw new Error(`${transport} is no transport; write native or portable`);
const { signal } = new AbortController();
const directory = mkdtempSync(join(tmpdir(), 'handover-soak-'));
const script = join(directory, 'count.lua');
writeFileSync(script, wrkScript());
writeFileSync(join(directory, '1k.html'), 'x'.repeat(1024));
const serverTask = { site: directory, workDirectory: directory, workers: 2, accessLog: false };
const server = await RunningServer.start(contender, serverTask, signal);
const stats = join(directory, contender.name, 'stats.json');
try {
  process.exitCode = await soak();
} finally {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function soak(): Promise<number> {
  const url = `http://127.0.0.1:${server.port}/1k.html`;
  await settled();
  const task = { url, connections: 64, threads: 1, headers: [], script };
  const part = Math.ceil(total / PARTS);
  const seen: Held[] = [];
  let answered = 0;
  let errors = 0;
  for (let n = 0; n <= PARTS; n++) {
    const goal = answered + part;
    const alone = Math.round((part * PER_REQUEST_PERCENT) / 100);
    const single = await startTool('ab', task, { seconds: 0, requests: alone }, signal).result;
    answered += single.responses;
    errors += single.errors + single.badStatus;
    while (answered < goal) {
      const kept = await startTool('wrk', task, { seconds: 5, requests: 0 }, signal).result;
      answered += kept.responses;
      errors += kept.errors + kept.badStatus;
    }
    const document = await settled();
    const held = look();
    seen.push(held);
    const { requests, transport: running } = document;
    process.stdout.write(
      `${running}: ${answered} answered, ${requests.total} counted, ${errors} errors; ` +
        `${held.descriptors} descriptors, ${held.residentMb.toFixed(0)} MB\n`,
    );
    // wrk leaves up to a request on each connection unread when its time is over.
    if (requests.total < answered) return fail(`${answered - requests.total} answers are not counted`);
    if (answered >= total) break;
  }
  const first = seen[0]!;
  const middle = seen[Math.floor(seen.length / 2)]!;
  const last = seen.at(-1)!;
  if (errors > 0) return fail(`${errors} errors`);
  if (last.descriptors > first.descriptors) return fail('descriptors have stayed open');
  if (last.residentMb - middle.residentMb > MAX_GROWTH_MB) return fail('memory has gone on growing');
  process.stdout.write('no descriptor has stayed open, memory is flat, every answer is counted\n');
  return 0;
}

function fail(text: string): number {
  process.stdout.write(`${text}\n`);
  return 1;
}

/** The statistics when no connection is open. */
async function settled(): Promise<StatsDocument> {
  for (let attempt = 0; attempt < 300; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const text = read(stats);
    if (text === '') continue;
    const document = JSON.parse(text) as StatsDocument;
    if (document.connections.active === 0) return document;
  }
  throw new Error('the server does not come to rest');
}

/** What the server's processes hold together. */
function look(): Held {
  const pids = [...(readTree(server.pid)?.keys() ?? [])];
  return {
    descriptors: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
    residentMb: (readMemory(server.pid)?.rssBytes ?? 0) / 2 ** 20,
  };
}

/** `''` while it is not there. */
function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
