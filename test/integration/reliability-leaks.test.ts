/** After any number of connections, of whatever kind, the processes are as they were: no descriptor and no memory is lost. */
import { truncateSync } from 'node:fs';
import net from 'node:net';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { type Page, runLoad } from '../helpers/load-clients.js';
import { describeMemory, descriptorsOf, note, residentBytes } from '../helpers/proc.js';
import { TestServer } from '../helpers/server.js';

const MB = 1e6;
const HUGE_BYTES = 4 * 2 ** 30;
const ROUNDS = 3;

describe('leaks', () => {
  const pages: Page[] = [
    { target: '/small.txt', body: Buffer.alloc(1000, 'small ') },
    { target: '/from-disk.bin', body: Buffer.alloc(100_000, 'from disk ') },
  ];
  let server: TestServer;
  beforeEach(async () => {
    // Clients that say nothing are accepted too.
    const settings = { CACHE_MAX_FILE_KB: '64', THREADS_PER_WORKER: '1', DEFER_ACCEPT: 'off' };
    server = await TestServer.start({ settings });
    for (const { target, body } of pages) server.site.file(target, body);
    truncateSync(server.site.file('huge.bin', ''), HUGE_BYTES);
  });
  afterEach(() => server?.stop());

  const processes = (): number[] => [server.pid, ...server.workerPids()];
  const kinds = (pid: number): string[] => descriptorsOf(pid).sort();
  /** Waits until no process has more descriptors than before. */
  async function expectDescriptors(before: readonly number[]): Promise<void> {
    const now = (): number[] => processes().map((pid) => kinds(pid).length);
    await eventually(
      () => (now().every((count, i) => count <= before[i]!) ? true : undefined),
      () => `${before} descriptors; there are ${now()}: ${processes().flatMap(kinds).join(' ')}`,
    );
  }
  async function settledDescriptors(): Promise<number[]> {
    await server.settled();
    return processes().map((pid) => kinds(pid).length);
  }

  it('keeps no descriptor and no memory of 3,000 connections and 300 broken downloads', async () => {
    // Once to have everything loaded that is loaded when it is first needed.
    await runLoad({ port: server.port, clients: 20, pages, mode: 'per-request' }, 5);
    await Promise.all(Array.from({ length: 20 }, () => breakOff(server.port, '/huge.bin', 1)));
    const before = await settledDescriptors();
    const memory: string[] = [];
    const master: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const result = await runLoad({ port: server.port, clients: 100, pages, mode: 'per-request' }, 10);
      expect(result).to.deep.include({ whole: 1000, broken: 0, refused: 0, wrong: [], connections: 1000 });
      for (let batch = 0; batch < 2; batch++) {
        const downloads = Array.from({ length: 50 }, (_, i) => {
          return breakOff(server.port, '/huge.bin', i % 2 === 0 ? 1 : 1_000_000);
        });
        await Promise.all(downloads);
      }
      await server.settled();
      await expectDescriptors(before);
      master.push(residentBytes(server.pid));
      memory.push(describeMemory(processes()));
    }
    note(`master and workers after each round: ${memory.join('; ')}`);
    expect(master.at(-1)! - master[0]!, 'growth of the master').to.be.below(60 * MB);
    const { requests } = await server.settled();
    expect(requests.aborts).to.equal(20 + ROUNDS * 100);
  });

  it('keeps nothing of clients that are reset before they are handed over', async () => {
    await runLoad({ port: server.port, clients: 4, pages, mode: 'per-request' }, 2);
    const before = await settledDescriptors();
    for (let batch = 0; batch < 6; batch++) {
      const sockets = Array.from({ length: 100 }, () => net.connect(server.port, '127.0.0.1'));
      await Promise.all(
        sockets.map((socket, i) => {
          return new Promise<void>((resolve, reject) => {
            socket.on('error', reject);
            socket.on('close', () => resolve());
            socket.on('connect', () => {
              if (i % 3 === 1) socket.write('GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n');
              if (i % 3 === 2) socket.write('GET /sm');
              socket.resetAndDestroy();
            });
          });
        }),
      );
    }
    await server.statsWhen(
      ({ connections }) => connections.accepted === 8 + 600 && connections.active === 0,
      'all accepted and gone',
    );
    await expectDescriptors(before);
    const result = await runLoad({ port: server.port, clients: 4, pages, mode: 'keep-alive' }, 2);
    expect(result).to.include({ whole: 8, broken: 0 });
  });

  it('sends 4 GB to 50 slow clients in little memory', async () => {
    const before = await settledDescriptors();
    const clients = Array.from({ length: 50 }, () => net.connect(server.port, '127.0.0.1'));
    let bytes = 0;
    for (const client of clients) {
      client.write('GET /huge.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      client.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        client.pause();
        setTimeout(() => client.resume(), 20);
      });
    }
    let peak = 0;
    await eventually(
      () => {
        peak = Math.max(peak, ...server.workerPids().map(residentBytes));
        return bytes > 200 * MB ? true : undefined;
      },
      () => `200 MB; there are ${bytes}`,
      60_000,
    );
    note(`${Math.round(bytes / MB)} MB came; the larger worker took ${Math.round(peak / MB)} MB at most`);
    expect(peak).to.be.below(250 * MB);
    for (const client of clients) client.destroy();
    await server.settled();
    await expectDescriptors(before);
  });
});

/** Begins a download, and leaves with a reset when it has got so much. */
async function breakOff(port: number, target: string, bytes: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received >= bytes) socket.resetAndDestroy();
    });
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  });
}
