/** Large files and slow or impatient clients: memory stays flat, and nothing stays open. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, truncateSync } from 'node:fs';
import net from 'node:net';
import { expect } from 'chai';
import { eventually, within } from '../helpers/eventually.js';
import { descriptorsOf } from '../helpers/proc.js';
import type { RawClient } from '../helpers/raw-client.js';
import { endOfHead } from '../helpers/raw-response.js';
import { TestServer } from '../helpers/server.js';

const MB = 1024 * 1024;
/** Several times what a process may grow by. */
const SIZE = 150 * MB;
const ZEROS = Buffer.alloc(4 * MB);

/** A download that counts what it gets, keeps none of it, and stops reading at a limit. */
class Download {
  readonly socket: net.Socket;
  readonly done: Promise<void>;
  readonly atLimit: Promise<void>;
  bytes = 0;
  #limit: number;
  #headIsRead = false;
  #reached: () => void = () => undefined;

  constructor(port: number, target: string, limit: number) {
    this.#limit = limit;
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => this.socket.destroy());
    this.done = once(this.socket, 'close').then(() => undefined);
    this.atLimit = new Promise((resolve) => {
      this.#reached = resolve;
    });
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  }

  goOn(): void {
    this.#limit = Number.POSITIVE_INFINITY;
    this.socket.resume();
  }

  #take(chunk: Buffer): void {
    let body = chunk;
    if (!this.#headIsRead) {
      const end = endOfHead(chunk);
      if (end === undefined) throw new Error('the head did not come in one piece');
      this.#headIsRead = true;
      body = chunk.subarray(end);
    }
    if (!body.equals(ZEROS.subarray(0, body.length))) throw new Error('other content than the file has');
    this.bytes += body.length;
    if (this.bytes < this.#limit) return;
    this.socket.pause();
    this.#reached();
  }
}

/** The most memory that a process ever had at once, and what it has now, in bytes (Linux). */
function memoryOf(pid: number): { peak: number; now: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { peak: field('VmHWM'), now: field('VmRSS') };
}

describe('slow clients', () => {
  let server: TestServer;
  let downloads: Download[] = [];
  before(async () => {
    server = await TestServer.start();
    truncateSync(server.site.file('huge.bin', ''), SIZE);
    server.site.file('medium.bin', Buffer.alloc(900_000));
    server.site.file('large.bin', Buffer.alloc(3 * MB));
    // Everything that is loaded at the first use is loaded.
    for (let n = 0; n < 4; n++) await server.get('/large.bin');
  });
  after(() => server?.stop());
  afterEach(() => {
    for (const { socket } of downloads) socket.destroy();
    downloads = [];
  });

  /** Begins downloads; resolves when all of them have come to their limit. */
  const start = async (count: number, limit: number) => {
    downloads = Array.from({ length: count }, () => new Download(server.port, '/huge.bin', limit));
    await within(Promise.all(downloads.map(({ atLimit }) => atLimit)), () => 'the downloads begin');
  };
  const openFiles = () =>
    server
      .workerPids()
      .flatMap((pid) => descriptorsOf(pid))
      .filter((path) => path.startsWith(server.site.root));
  const allClosed = () =>
    eventually(
      () => openFiles().length === 0 || undefined,
      () => `still open: ${openFiles()}`,
    );

  it('cost the server no memory, however large the file', async () => {
    const before = new Map(server.workerPids().map((pid) => [pid, memoryOf(pid)]));
    await start(10, 2 * MB);
    expect(openFiles()).to.have.length(10);
    // Some of them go on to the end; the others never read again.
    const [fast, slow] = [downloads.slice(0, 3), downloads.slice(3)];
    for (const download of fast) download.goOn();
    await Promise.all(fast.map(({ done }) => done));
    for (const { bytes } of fast) expect(bytes).to.equal(SIZE);
    for (const { bytes } of slow) expect(bytes).to.be.below(SIZE);
    for (const [pid, { now }] of before) expect(memoryOf(pid).peak - now, 'grown by').to.be.below(64 * MB);
    for (const { socket } of slow) socket.destroy();
    await allClosed();
  });

  it('do not hold up others', async () => {
    await start(20, 1);
    for (let n = 0; n < 20; n++) expect((await server.get('/medium.bin')).body.length).to.equal(900_000);
  });

  it('that leave in the middle leave nothing open behind', async () => {
    await allClosed();
    await server.settled();
    const before = server.workerPids().map((pid) => descriptorsOf(pid).length);
    for (let round = 0; round < 8; round++) {
      // Some go with the head, some in the middle.
      await start(25, round % 2 === 0 ? 0 : 5 * MB);
      for (const { socket } of downloads) socket.destroy();
    }
    const { requests } = await server.settled();
    expect(requests.aborts).to.be.at.least(200);
    await allClosed();
    const after = server.workerPids().map((pid) => descriptorsOf(pid).length);
    for (const [n, count] of after.entries()) expect(count).to.be.at.most(before[n]!);
  });

  it('that leave while their file is looked up leave nothing open behind', async () => {
    const busy = await TestServer.start({
      settings: { NUM_WORKERS: '1', THREADS_PER_WORKER: '1', CACHE_MAX_FILE_KB: '60000' },
    });
    try {
      truncateSync(busy.site.file('large.bin', ''), 70 * MB);
      const pages = Array.from({ length: 5 }, (_, n) => `page-${n}.html`);
      for (const page of pages) busy.site.file(page, randomBytes(5_000_000).toString('hex'));
      let sentBytes = 0;
      const ask = async (count: number, target: string) => {
        const clients = await Promise.all(Array.from({ length: count }, () => busy.connect()));
        for (const client of clients) {
          client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n`);
          sentBytes += client.socket.bytesWritten;
        }
        await busy.statsWhen(({ bytes }) => bytes.received === sentBytes, 'the requests were read');
        return clients;
      };
      const opened = () =>
        descriptorsOf(busy.workerPids()[0]!).filter((path) => path === busy.site.at('large.bin'));
      // What the only thread has to compress first gives the others the time to leave.
      const patient: RawClient[] = [];
      for (const page of pages) patient.push(...(await ask(1, `/${page}`)));
      await busy.statsWhen(({ cache }) => cache.entries === pages.length, 'the pages were read');
      const others = await ask(20, '/large.bin');
      expect(opened(), 'still to be looked up').to.deep.equal([]);
      for (const { socket } of others) socket.resetAndDestroy();
      for (const client of patient) {
        expect((await client.response()).status).to.equal(200);
        client.destroy();
      }
      const { requests } = await busy.settled();
      expect(requests.aborts).to.equal(20);
      expect(requests.total).to.equal(pages.length);
      await eventually(
        () => opened().length === 0 || undefined,
        () => `still open: ${opened()}`,
      );
    } finally {
      await busy.stop();
    }
  });

  it('are cut off when they take nothing for too long', async () => {
    const strict = await TestServer.start({ settings: { WRITE_TIMEOUT_SECONDS: '1' } });
    try {
      truncateSync(strict.site.file('huge.bin', ''), SIZE);
      strict.site.file('medium.bin', Buffer.alloc(900_000));
      const client = await strict.connect();
      client.socket.pause();
      client.send('GET /huge.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      const pipelining = await strict.connect();
      pipelining.socket.pause();
      pipelining.send('GET /medium.bin HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50));
      await strict.statsWhen(({ requests }) => requests.timeouts === 2, 'both timed out');
      // How they ended is counted when their sockets tell of it.
      const { connections, requests } = await strict.settled();
      expect(requests.aborts).to.be.at.least(2);
      expect(connections.active).to.equal(0);
      client.destroy();
      pipelining.destroy();
    } finally {
      await strict.stop();
    }
  });
});
