/**
 * A made-up busy server, second by second: what the picture of the dashboard is drawn from. The numbers are
 * invented but hang together (counters only grow, workers add up to the totals), and come out the same each time.
 */
import type { StatsDocument } from '../../src/stats/schema.js';
import { statsDocument, workerStats } from './stats-document.js';

const WORKERS = 4;
const MB = 1024 * 1024;

/** Mulberry32: a small generator of numbers from 0 to 1 that a seed determines. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Yields one document a second, for ever, beginning at `startMs` (epoch). */
export function* simulatedTraffic(startMs: number, seed = 7): Generator<StatsDocument, never, void> {
  const random = randomFrom(seed);
  const upSeconds = 93_780;
  const worker = Array.from({ length: WORKERS }, () => ({
    requests: 171_000_000 + random() * 4e6,
    bytes: 2.2e12,
  }));
  const count = {
    ok: 6.02e8,
    partial: 1.1e6,
    notModified: 7.4e7,
    missing: 9.1e6,
    failed: 214,
    hit: 6.5e8,
    miss: 1.9e7,
  };
  let wave = 0;
  let spike = 0;
  let sent = 9.1e12;
  let received = 2.31e11;
  let aborts = 1840;
  let tasks = 19_200_000;
  for (let second = 0; ; second++) {
    wave = wave * 0.86 + (random() - 0.5) * 900;
    spike = random() < 0.025 ? 4 + random() * 5 : spike * 0.55;
    const dip = second > 171 && second < 186 ? 0.72 + 0.018 * (second - 171) : 1;
    const rate = (7100 + 1300 * Math.sin(second / 47) + wave) * dip;
    const hitRatio =
      0.974 - (second > 120 && second < 150 ? 0.16 * Math.exp((120 - second) / 8) : 0) - random() * 0.006;
    const missing = rate * (0.012 + random() * 0.008) + (second > 205 && second < 224 ? rate * 0.09 : 0);
    const notModified = rate * (0.11 + random() * 0.02);
    const failed = second > 171 && second < 176 ? 60 * random() : 0;
    count.ok += Math.round(rate - missing - notModified - failed);
    count.notModified += Math.round(notModified);
    count.missing += Math.round(missing);
    count.failed += Math.round(failed);
    count.hit += Math.round(rate * hitRatio);
    count.miss += Math.round(rate * (1 - hitRatio));
    const size = 13_200 + 900 * Math.sin(second / 29) + (random() - 0.5) * 1800;
    sent += Math.round(rate * size);
    received += Math.round(rate * 290);
    aborts += random() < 0.2 ? 1 : 0;
    tasks += Math.round(rate * (1 - hitRatio));
    const active = Math.round(236 + 60 * Math.sin(second / 61) + wave / 30);
    const p50 = 0.36 + random() * 0.05 + (1 - dip);
    const recent = {
      mean: p50 * 1.3,
      p50,
      p90: p50 * 2.5,
      p99: p50 * 6 + spike,
      p999: p50 * 16 + spike,
      max: 22 + spike * 3,
    };
    let left = active;
    const workers = worker.map((held, i) => {
      const part = 0.25 + 0.02 * Math.sin(second / 13 + i * 1.7);
      held.requests += Math.round(rate * part);
      held.bytes += Math.round(rate * part * size);
      const connections =
        i === WORKERS - 1 ? left : Math.round(active / WORKERS + Math.sin(second / 9 + i * 2) * 1.2);
      left -= connections;
      const young = i === 2 && second >= 171;
      return workerStats(i + 1, {
        pid: young ? 31_877 : 28_411 + i * 7,
        restarts: young ? 1 : 0,
        uptimeSeconds: young ? second - 171 : upSeconds + second,
        connections,
        requests: Math.round(held.requests),
        requestsPerSecond: rate * part,
        bytesSent: held.bytes,
        status5xx: i === 2 ? Math.round(count.failed) : 0,
        cacheHitRatio: hitRatio + (i - 1.5) * 0.003,
        rssBytes: (92 + i * 3 + 4 * Math.sin(second / 20 + i)) * MB,
        loopDelayMs: 0.3 + random() * 0.2,
        loopDelayMaxMs: 1.4 + random() * 1.8,
      });
    });
    const total = count.ok + count.partial + count.notModified + count.missing + count.failed;
    yield statsDocument({
      time: new Date(startMs + second * 1000).toISOString(),
      startedAt: new Date(startMs - upSeconds * 1000).toISOString(),
      uptimeSeconds: upSeconds + second,
      transport: 'portable',
      reloads: second >= 120 ? 3 : 2,
      reloadsFailed: 0,
      connections: { active, accepted: 3_184_220 + second * 31, waiting: 0, refused: 0, max: 10_000 },
      requests: { total, perSecond: rate, monitoring: 187_560 + 2 * second, timeouts: 311, aborts },
      bytes: { sent, sentPerSecond: rate * size, received },
      status: {
        '2xx': count.ok + count.partial,
        '3xx': count.notModified + 41_200,
        '4xx': count.missing + 9300,
        '5xx': count.failed,
        '200': count.ok,
        '206': count.partial,
        '304': count.notModified,
        '404': count.missing,
      },
      latencyMs: { mean: 0.58, p50: 0.41, p90: 1.13, p99: 3.8, p999: 11.5, max: 412 },
      latencyRecentMs: recent,
      cache: {
        hit: count.hit,
        miss: count.miss,
        expired: 81_400,
        revalidated: 602_000,
        bypass: 118_000,
        stale: 0,
        updating: 0,
        hitRatio: count.hit / (count.hit + count.miss),
        evictions: 20_118,
        entries: 4212,
        bytes: 241.3 * MB,
        maxBytes: 256 * MB,
      },
      upstream: { responses: 0, failures: 0, active: 0, meanMs: null, meanRecentMs: null },
      sharedCache: {
        ...{ hits: 0, misses: 0, fills: 0, waits: 0, failures: 0 },
        ...{ entries: 0, bytes: 0, maxBytes: 0, evictions: 0 },
      },
      pool: {
        threadsPerWorker: 4,
        tasks,
        queued: Math.round(random() * 2),
        busy: 1 + Math.round(random() * 3),
        busyMs: tasks * 0.83,
      },
      master: { pid: 28_404, rssBytes: 61 * MB },
      workers,
    });
  }
}
