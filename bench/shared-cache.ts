/**
 * The two levels of the cache for what was fetched: the one of each worker, and the one that all share; the way
 * through a segment beside them. And the memory of four workers with the one and with the other.
 *
 *     npm run bench:shared-cache
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MappingKind } from '../src/posix/shared-bytes.js';
import { CacheClient } from '../src/shared-cache/client.js';
import { MemoryCache } from '../src/shared-cache/memory-cache.js';
import type { Fill, SharedCache } from '../src/shared-cache/shared-cache.js';
import { readMemory } from './cpu/memory.js';
import { median } from './statistics.js';

const KB = 1024;
const MB = 1024 * KB;
const SIZES = [
  ['1 KB', KB],
  ['64 KB', 64 * KB],
  ['1 MB', MB],
] as const;
/** Its body lies apart. */
const LARGE = ['16 MB', 16 * MB] as const;
const ROUNDS = 5;
const ROUND_MS = 200;
const AT_ONCE = 16;
const WORKERS = 4;
/** Of each worker: as much as the objects below. */
const OBJECTS = 2000;
const OBJECT_BYTES = 64 * KB;
const CACHE_MB = 512;

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const WORKER = fileURLToPath(new URL('./shared-cache-worker.js', import.meta.url));
const running = new Set<ChildProcess>();
const directory = mkdtempSync(join(tmpdir(), 'handover-shared-cache-'));
const socketPath = join(directory, 'cache.sock');

// However this ends, nothing goes on without it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
  rmSync(directory, { recursive: true, force: true });
});

await compareLevels();
await compareMemory();

async function compareLevels(): Promise<void> {
  const cacheProcess = await startCache();
  const own = new MemoryCache({ maxBytes: 64 * MB, maxLookupBytes: MB });
  const mapped = connect('mmap');
  const read = connect('pread');
  await Promise.all([mapped.up(), read.up()]);
  print(['', ...SIZES.map(([name]) => name)]);
  const rows: [string, (key: Buffer) => Promise<number>][] = [
    ['lookup, own cache of the worker', (key) => timeLookups(own, key)],
    ['lookup, shared cache, mapped', (key) => timeLookups(mapped, key)],
    ['lookup, shared cache, system calls', (key) => timeLookups(read, key)],
    ['open, through a segment, mapped', (key) => timeOpens(mapped, key, 1)],
    [`the same, ${AT_ONCE} at once`, (key) => timeOpens(mapped, key, AT_ONCE)],
    ['open, through a segment, system calls', (key) => timeOpens(read, key, 1)],
    [`the same, ${AT_ONCE} at once`, (key) => timeOpens(read, key, AT_ONCE)],
  ];
  for (const [name, size] of SIZES) {
    for (const cache of [own, mapped]) await put(cache, Buffer.from(name), size);
  }
  const figures = rows.map(() => SIZES.map(() => [] as number[]));
  // Interleaved, so that what else the machine does meets all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [row, [, time]] of rows.entries()) {
      for (const [column, [name]] of SIZES.entries()) {
        figures[row]![column]!.push(await time(Buffer.from(name)));
      }
    }
  }
  for (const [row, [name]] of rows.entries()) {
    print([name, ...figures[row]!.map((values) => `${median(values).toPrecision(3)} µs`)]);
  }
  await put(mapped, Buffer.from(LARGE[0]), LARGE[1]);
  for (const [name, time] of [
    ['found and opened where it lies', timeFiles],
    ['through a segment', timeSegments],
  ] as const) {
    const values: number[] = [];
    for (let round = 0; round < ROUNDS; round++) values.push(await time(mapped, Buffer.from(LARGE[0])));
    print([`${LARGE[0]}, ${name}`, `${median(values).toPrecision(3)} µs`]);
  }
  mapped.close();
  read.close();
  await end(cacheProcess);
}

async function compareMemory(): Promise<void> {
  for (const kind of ['own', 'shared'] as const) {
    const cacheProcess = kind === 'shared' ? await startCache() : undefined;
    const workers: ChildProcess[] = [];
    for (let i = 0; i < WORKERS; i++) {
      const worker = fork(WORKER, [kind, socketPath, String(OBJECTS), String(OBJECT_BYTES)]);
      workers.push(worker);
      running.add(worker);
      await once(worker, 'message');
    }
    const processes = [...workers, ...(cacheProcess === undefined ? [] : [cacheProcess])];
    const bytes = processes.reduce((sum, { pid }) => sum + (readMemory(pid!)?.pssBytes ?? Number.NaN), 0);
    const what = `${WORKERS} workers, ${(OBJECTS * OBJECT_BYTES) / MB} MB of objects, ${kind} cache`;
    print([what, `${Math.round(bytes / MB)} MB`]);
    for (const process of processes) await end(process);
  }
}

/** Microseconds each. */
async function timeLookups(cache: SharedCache, key: Buffer): Promise<number> {
  let count = 0;
  const start = performance.now();
  while (performance.now() - start < ROUND_MS) {
    for (let i = 0; i < 20; i++) if (cache.lookup(key)?.body === undefined) throw new Error(`no ${key}`);
    count += 20;
  }
  return ((performance.now() - start) * 1000) / count;
}

/** Microseconds each: what it takes until the kernel can send it. */
async function timeFiles(cache: SharedCache, key: Buffer): Promise<number> {
  let count = 0;
  const start = performance.now();
  while (performance.now() - start < ROUND_MS) {
    const file = cache.lookup(key)?.place?.open();
    if (file === undefined) throw new Error(`no ${key}`);
    file.close();
    count++;
  }
  return ((performance.now() - start) * 1000) / count;
}

function timeSegments(cache: SharedCache, key: Buffer): Promise<number> {
  return timeOpens(cache, key, 1);
}

/** Microseconds for each of so many at once. */
async function timeOpens(cache: SharedCache, key: Buffer, atOnce: number): Promise<number> {
  let count = 0;
  const start = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - start < ROUND_MS) {
      const stream = await cache.open(key);
      if (stream === undefined) throw new Error(`no ${key}`);
      await new Promise<void>((end, fail) => stream.body.start({ data: () => undefined, end, fail }));
      count++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return ((performance.now() - start) * 1000) / count;
}

async function put(cache: SharedCache, key: Buffer, size: number): Promise<void> {
  const fill = (await cache.claim(key, { seen: 0, waitMs: 0 })) as Fill;
  fill.write(Buffer.alloc(size, 'x'));
  await fill.drained();
  if (!(await fill.commit(Buffer.alloc(300, 'h')))) throw new Error(`${key} is not kept`);
}

function connect(mapping: MappingKind): CacheClient {
  const report = (text: string): void => void process.stderr.write(`${text}\n`);
  return new CacheClient({ socketPath, maxSegments: 32, chunkBytes: 256 * KB, mapping, report });
}

async function startCache(): Promise<ChildProcess> {
  const args = ['cached', '--shared-cache-mb', String(CACHE_MB), '--shared-cache-socket', socketPath];
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  await once(child.stdout, 'data');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  running.delete(child);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

function print(cells: readonly string[]): void {
  const [first = '', ...rest] = cells;
  process.stdout.write(`${first.padEnd(52)}${rest.map((cell) => cell.padStart(12)).join('')}\n`);
}
