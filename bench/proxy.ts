/**
 * handover as a proxy beside nginx with `proxy_cache`, in front of one origin: CPU time per request of the proxy
 * alone, for what is answered from the cache and for what is passed through.
 *
 *     npm run bench:proxy [ROUNDS]        5 by default
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTool, wrkScript } from './cpu/tools.js';
import { measure } from './measure.js';
import { handoverProxy, nginxProxy, origin } from './servers/proxies.js';
import { RunningServer } from './servers/running-server.js';
import { median } from './statistics.js';

const KB = 1024;
const CONNECTIONS = 64;
const SECONDS = 2;

/** What is asked for, and how much more than nginx's the processor time may be. */
const CASES = [
  { name: 'hit, 1 KB', path: '/kept/1k.txt', must: 1 },
  { name: 'hit, 64 KB', path: '/kept/64k.txt', must: 1 },
  { name: 'passed through, 1 KB', path: '/passed/1k.txt', must: 2 },
  { name: 'passed through, 64 KB', path: '/passed/64k.txt', must: 2 },
] as const;

const rounds = Number(process.argv[2] ?? 5);
const { signal } = new AbortController();
const directory = mkdtempSync(join(tmpdir(), 'handover-proxy-'));
const script = join(directory, 'count.lua');
writeFileSync(script, wrkScript());
writeFileSync(join(directory, '1k.txt'), 'x'.repeat(KB));
writeFileSync(join(directory, '64k.txt'), 'x'.repeat(64 * KB));
const task = { site: directory, workDirectory: directory, workers: 2, accessLog: true };
const servers: RunningServer[] = [];

try {
  const source = await RunningServer.start(origin, { ...task, accessLog: false }, signal);
  servers.push(source);
  const contenders = [
    nginxProxy(source.port),
    handoverProxy('native', source.port, ['--transport', 'native']),
    handoverProxy('portable', source.port, ['--transport', 'portable']),
  ];
  const proxies: RunningServer[] = [];
  for (const contender of contenders) proxies.push(await RunningServer.start(contender, task, signal));
  servers.push(...proxies);
  for (const one of CASES) await compare(one, proxies);
} finally {
  for (const server of servers) await server.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** Interleaved rounds; medians, and the ratio to nginx within each round. */
async function compare(
  { name, path, must }: (typeof CASES)[number],
  proxies: readonly RunningServer[],
): Promise<void> {
  const figures = new Map<string, number[]>();
  for (const proxy of proxies) await load(proxy, path);
  for (let round = 0; round < rounds; round++) {
    for (const proxy of proxies) {
      const { result, cost } = await measure(proxy.pid, () => load(proxy, path));
      if (result.errors + result.badStatus > 0)
        throw new Error(`${proxy.name}: ${result.errors} errors at ${path}`);
      const all = figures.get(proxy.name) ?? [];
      all.push((cost.serverCpuUs ?? Number.NaN) / result.responses);
      figures.set(proxy.name, all);
    }
  }
  const reference = figures.get('nginx')!;
  for (const [server, values] of figures) {
    const ratio = median(values.map((value, round) => value / reference[round]!));
    const judged = server === 'native' ? `, must be ≤ ${must}: ${ratio <= must ? 'met' : 'missed'}` : '';
    process.stdout.write(
      `${name}: ${server} ${median(values).toFixed(2)} µs a request, ${ratio.toFixed(3)} × nginx${judged}\n`,
    );
  }
}

function load(proxy: RunningServer, path: string) {
  const url = `http://127.0.0.1:${proxy.port}${path}`;
  return startTool(
    'wrk',
    { url, connections: CONNECTIONS, threads: 1, headers: [], script },
    { seconds: SECONDS, requests: 0 },
    signal,
  ).result;
}
