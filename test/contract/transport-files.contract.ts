/** How files are sent; see transport.contract.ts. */
import { truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { ListenAddress, MasterTransport } from '../../src/transport/handover.js';
import { TestDirectory } from '../helpers/directory.js';
import { eventually, settled } from '../helpers/eventually.js';
import type { LineClient } from '../helpers/line-client.js';
import { type BenchWorker, TransportBench } from '../helpers/transport-bench.js';
import { pattern, sha256 } from '../helpers/transport-protocol.js';

/** More than all buffers on the way hold. */
const LARGE = 30 * 1024 * 1024;

export function describeFiles(makeMaster: () => MasterTransport): void {
  describe('a file', () => {
    let bench: TransportBench;
    let address: ListenAddress;
    let worker: BenchWorker;
    let directory: TestDirectory;

    before(async () => {
      directory = new TestDirectory();
      bench = new TransportBench(makeMaster());
      address = await bench.listen();
      worker = await bench.startWorker();
    });
    afterEach(() => bench.reset());
    after(async () => {
      await bench.close();
      directory.remove();
    });

    async function write(length: number): Promise<string> {
      const path = directory.write('file', pattern(length));
      await settled(path);
      return path;
    }

    /** Checks that the worker closes the file, however soon. */
    async function expectClosed(path: string): Promise<void> {
      const isClosed = async (): Promise<true | undefined> =>
        (await worker.descriptors(path)) === 0 || undefined;
      await eventually(isClosed, () => `${path} is closed`);
    }

    async function outcome(): Promise<string> {
      return (await worker.event('file')).outcome;
    }

    /** A client that asked for the whole file and has read nothing but the beginning. */
    async function stuckClient(path: string): Promise<LineClient> {
      const client = await bench.serve(address.port, worker);
      client.send(`file ${path} 0 ${LARGE}\n`);
      await client.bytes(1);
      client.socket.pause();
      return client;
    }

    for (const length of [1, 65_536, 262_144, 262_145, 5_000_000]) {
      it(`of ${length} bytes is sent whole, between the bytes around it`, async () => {
        const path = await write(length);
        const client = await bench.serve(address.port, worker);
        client.send(`file ${path} 0 ${length}\necho behind\n`);
        const bytes = await client.bytes(length + 2);
        expect(bytes.toString('latin1', 0, 1) + bytes.toString('latin1', length + 1)).to.equal('<>');
        expect(sha256(bytes.subarray(1, -1))).to.equal(sha256(pattern(length)));
        expect([await outcome(), await client.line()]).to.deep.equal(['sent', 'behind']);
        await expectClosed(path);
      });
    }

    it('is sent in part', async () => {
      const path = await write(1_000_000);
      const client = await bench.serve(address.port, worker);
      for (const [offset, length] of [
        [0, 1],
        [999_999, 1],
        [123_456, 654_321],
      ] as const) {
        client.send(`file ${path} ${offset} ${length}\n`);
        const bytes = await client.bytes(length + 2);
        const expected = pattern(1_000_000).subarray(offset, offset + length);
        expect(bytes.subarray(1, -1).equals(expected)).to.equal(true);
      }
      await expectClosed(path);
    });

    it('leaves at once: no end of it waits in the kernel for more', async () => {
      const path = await write(300_000);
      const client = await bench.serve(address.port, worker);
      const startedMs = performance.now();
      for (let i = 0; i < 10; i++) await client.send(`file ${path} 0 300000\n`).bytes(300_002);
      // The kernel would keep each for 200 ms (tcp(7), TCP_CORK).
      expect(performance.now() - startedMs).to.be.below(1500);
    });

    it('waits for a client that does not read, and goes on when it does', async () => {
      const path = await write(LARGE);
      const client = await stuckClient(path);
      await worker.state();
      expect(worker.seen('file')).to.equal(0);
      client.socket.resume();
      const bytes = await client.bytes(LARGE + 1);
      expect(sha256(bytes.subarray(0, -1))).to.equal(sha256(pattern(LARGE)));
      expect(await outcome()).to.equal('sent');
      await expectClosed(path);
    });

    it('that is written to meanwhile never looks whole', async () => {
      const path = await write(LARGE);
      const client = await stuckClient(path);
      writeFileSync(path, 'x', { flag: 'r+' });
      client.socket.resume();
      expect((await client.rest()).length).to.be.below(LARGE);
      expect(await outcome()).to.equal('changed');
      await expectClosed(path);
    });

    it('that is cut short meanwhile never looks whole', async () => {
      const path = await write(LARGE);
      const client = await stuckClient(path);
      truncateSync(path, LARGE - 1);
      client.socket.resume();
      expect((await client.rest()).length).to.be.below(LARGE);
      expect(await outcome()).to.equal('changed');
      await expectClosed(path);
    });

    it('is closed when the client leaves', async () => {
      const path = await write(LARGE);
      for (const leave of ['destroy', 'resetAndDestroy'] as const) {
        const client = await stuckClient(path);
        client.socket[leave]();
        expect(await outcome()).to.equal('closed');
        await expectClosed(path);
      }
    });

    it('is closed when it cannot be read', async () => {
      const path = await write(1000);
      const client = await bench.serve(address.port, worker);
      // More than there is: the same as a file that shrank.
      client.send(`file ${path} 0 2000\n`);
      await client.rest();
      expect(await outcome()).to.equal('changed');
      await expectClosed(path);
    });

    it('is counted by what has left', async () => {
      const path = await write(1_000_000);
      const before = worker.count('bytesSent');
      const client = await bench.serve(address.port, worker);
      client.send(`file ${path} 0 1000000\nend\n`);
      await client.rest();
      expect(worker.count('bytesSent') - before).to.equal(client.receivedBytes);
    });
  });
}
