/** What never left is not counted as sent, whoever ends the connection, and the response is not logged as whole. */
import { expect } from 'chai';
import { TestServer } from '../helpers/server.js';

const MEMORY_BYTES = 20_000_000;
const DISK_BYTES = 40_000_000;

describe('responses that clients do not take', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({
      settings: {
        NUM_WORKERS: '1',
        LOG_FORMAT: 'json',
        CACHE_MAX_FILE_KB: '30000',
        WRITE_TIMEOUT_SECONDS: '1',
      },
    });
    server.site.file('memory.bin', Buffer.alloc(MEMORY_BYTES, 'm'));
    server.site.file('disk.bin', Buffer.alloc(DISK_BYTES, 'd'));
  });
  after(() => server?.stop());

  for (const [where, path, sizeBytes] of [
    ['memory', '/memory.bin', MEMORY_BYTES],
    ['disk', '/disk.bin', DISK_BYTES],
  ] as const) {
    for (const ender of ['client', 'client after a half-close', 'write timeout'] as const) {
      it(`are counted by the bytes that left: from ${where}, ended by the ${ender}`, async () => {
        const before = await server.settled();
        const client = await server.connect();
        client.socket.pause();
        client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        if (ender === 'client after a half-close') client.finish();
        await server.statsWhen(({ bytes }) => bytes.sent > before.bytes.sent, 'something is sent');
        const full = await server.standing();
        const left = full.bytes.sent - before.bytes.sent;
        expect(left).to.be.within(1, sizeBytes - 1);
        if (ender !== 'write timeout') client.socket.resetAndDestroy();
        const after = await server.settled();
        client.destroy();
        expect(after.bytes.sent - before.bytes.sent, 'bytes sent').to.equal(left);
        expect(after.requests.total - before.requests.total, 'requests').to.equal(1);
        expect(after.requests.aborts - before.requests.aborts, 'aborts').to.equal(1);
        const lines = await server.logLines(after.requests.total);
        const { status, bytes } = JSON.parse(lines.at(-1)!) as { status: number; bytes: number };
        // All that left but the head, which is a few hundred bytes.
        expect(status).to.equal(200);
        expect(bytes).to.be.within(left - 1000, left - 1);
      });
    }
  }

  it('are not counted when the client is gone before the first byte', async () => {
    const client = await server.connect();
    await client.exchange('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
    const before = await server.standing();
    const [worker] = server.workerPids();
    process.kill(worker!, 'SIGSTOP');
    const request = 'GET /memory.bin HTTP/1.1\r\nHost: x\r\n\r\n';
    await new Promise<void>((resolve) => {
      client.socket.write(request, () => resolve());
    });
    client.socket.resetAndDestroy();
    process.kill(worker!, 'SIGCONT');
    const after = await server.settled();
    expect(after.bytes.sent - before.bytes.sent).to.equal(0);
    // Whether the kernel still hands out what came before a reset is its own business.
    if (after.requests.total === before.requests.total) return;
    const lines = await server.logLines(after.requests.total);
    expect(JSON.parse(lines.at(-1)!)).to.include({ target: '/memory.bin', bytes: 0 });
  });
});
