/** What every transport listens on: Unix-domain sockets, inherited descriptors, IPv4 and IPv6. */
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { encodePath } from '../../src/posix/address.js';
import { AF_INET, AF_UNIX, F_SETFL, SOCK_SEQPACKET } from '../../src/posix/constants.js';
import { libc } from '../../src/posix/libc.js';
import { listenOn, listenOnPath } from '../../src/posix/sockets.js';
import type { MasterTransport } from '../../src/transport/handover.js';
import { fillBacklog } from '../helpers/backlog.js';
import { TestDirectory } from '../helpers/directory.js';
import { BACKLOG, type BenchWorker, TransportBench } from '../helpers/transport-bench.js';
import { pattern, sha256, type Who } from '../helpers/transport-protocol.js';

const SOCK_DGRAM = 2;

/** A socket as a service manager has it: bound by somebody else, and blocking. */
function foreign(fd: number): number {
  expect(libc().fcntl(fd, F_SETFL, 0)).to.equal(0);
  return fd;
}

export function describeListeners(makeMaster: () => MasterTransport): void {
  describe('listeners', () => {
    let bench: TransportBench;
    let worker: BenchWorker;
    let directory: TestDirectory;

    before(async () => {
      directory = new TestDirectory();
      bench = new TransportBench(makeMaster());
      worker = await bench.startWorker();
    });
    afterEach(() => bench.master.unlisten());
    after(async () => {
      await bench.close();
      directory.remove();
    });

    const code = (promise: Promise<unknown>): Promise<unknown> => {
      return promise.then(
        () => 'fine',
        (error: NodeJS.ErrnoException) => error.code,
      );
    };

    describe('a Unix-domain socket', () => {
      it('takes connections, whose clients have no address', async () => {
        const path = directory.at('a.sock');
        const bound = await bench.master.listen({ host: `unix:${path}`, port: 0 }, BACKLOG);
        expect(bound).to.deep.equal({ host: `unix:${path}`, port: 0 });
        const client = await bench.serve(path, worker);
        const who = JSON.parse(await client.send('who\n').line()) as Who;
        expect(who).to.deep.include({ address: 'unix:', port: 0, returned: false, pid: worker.pid });
        client.destroy();
      });

      it('gives all bytes in both directions, from memory and from disk', async () => {
        const path = directory.at('b.sock');
        await bench.master.listen({ host: `unix:${path}`, port: 0 }, BACKLOG);
        const client = await bench.serve(path, worker);
        const bytes = pattern(2_000_000);
        client.send(`hash ${bytes.length}\n`).send(bytes);
        expect(await client.line()).to.equal(sha256(bytes));
        client.send(`big ${bytes.length}\n`);
        expect(sha256(await client.bytes(bytes.length))).to.equal(sha256(bytes));
        client.send(`file ${directory.write('file', bytes)} 0 ${bytes.length}\n`);
        expect(sha256((await client.bytes(bytes.length + 2)).subarray(1, -1))).to.equal(sha256(bytes));
        client.destroy();
      });

      it('hands connections back and over again', async () => {
        const path = directory.at('c.sock');
        await bench.master.listen({ host: `unix:${path}`, port: 0 }, BACKLOG);
        const client = await bench.serve(path, worker);
        client.send('hand-back\nwho\n');
        const connection = await bench.arrival();
        expect(connection.returned).to.equal(true);
        await bench.handOver(connection, worker);
        const who = JSON.parse(await client.line()) as Who;
        expect(who).to.deep.include({ address: 'unix:', port: 0, returned: true });
        client.destroy();
      });

      it('is refused where a file is, and where no directory is', async () => {
        const path = directory.write('file.sock', 'mine');
        const listen = (host: string): Promise<unknown> => {
          return code(bench.master.listen({ host, port: 0 }, BACKLOG));
        };
        expect(await listen(`unix:${path}`)).to.equal('EADDRINUSE');
        expect(await listen(`unix:${directory.at('no/x')}`)).to.be.oneOf(['ENOENT', 'EACCES']);
        bench.master.unlisten();
        expect(existsSync(path)).to.equal(true);
      });

      it('takes its file with it, and no other', async () => {
        const [first, second] = [directory.at('d.sock'), directory.at('e.sock')];
        const address = await bench.master.listen({ host: `unix:${first}`, port: 0 }, BACKLOG);
        await bench.master.listen({ host: `unix:${second}`, port: 0 }, BACKLOG);
        bench.master.unlisten(address);
        expect([existsSync(first), existsSync(second)]).to.deep.equal([false, true]);
        bench.master.unlisten();
        expect(existsSync(second)).to.equal(false);
      });
    });

    describe('an inherited descriptor', () => {
      it('of IPv4 or IPv6 is listened on, and says where that is', async () => {
        for (const address of ['127.0.0.1', '::1']) {
          const fd = foreign(listenOn({ address, port: 0, backlog: 1, deferAccept: false }));
          const bound = await bench.master.listen({ host: '', port: 0, fd }, BACKLOG);
          expect(bound).to.deep.include({ host: address, fd });
          const client = await bench.serve(bound.port, worker, address);
          const who = JSON.parse(await client.send('who\n').line()) as Who;
          expect(who).to.deep.include({ address, port: client.port });
          client.destroy();
        }
      });

      it('may be a Unix-domain socket, whose file stays when it is given up', async () => {
        const path = directory.at('f.sock');
        const fd = foreign(listenOnPath(path, 1));
        const bound = await bench.master.listen({ host: '', port: 0, fd }, BACKLOG);
        expect(bound).to.deep.equal({ host: `unix:${path}`, port: 0, fd });
        const client = await bench.serve(path, worker);
        expect(await client.send('echo here\n').line()).to.equal('here');
        client.destroy();
        bench.master.unlisten(bound);
        expect(existsSync(path)).to.equal(true);
      });

      it('that cannot listen is refused', async () => {
        const kinds = [
          [AF_INET, SOCK_DGRAM],
          [AF_UNIX, SOCK_DGRAM],
          [AF_UNIX, SOCK_SEQPACKET],
        ] as const;
        for (const [family, type] of kinds) {
          const fd = libc().socket(family, type, 0);
          expect(fd).to.be.greaterThan(2);
          const name = encodePath(directory.at(`wrong-${type}.sock`));
          if (family === AF_UNIX) expect(libc().bind(fd, name, name.length)).to.equal(0);
          const refused = await code(bench.master.listen({ host: '', port: 0, fd }, BACKLOG));
          expect(refused, `family ${family}, type ${type}`).to.match(/^E[A-Z_]+$/);
        }
      });
    });

    it('says what its clients speak, also of a connection that was handed back', async () => {
      const { port } = await bench.master.listen(
        { host: '127.0.0.1', port: 0, protocol: 'getfile' },
        BACKLOG,
      );
      const client = await bench.connect(port);
      client.send('who\nhop on\nwho\n');
      const connection = await bench.arrival();
      expect(connection.protocol).to.equal('getfile');
      await bench.handOver(connection, worker);
      expect(JSON.parse(await client.line())).to.deep.include({ protocol: 'getfile', returned: false });
      expect(await client.line()).to.equal('on');
      await bench.handOver(await bench.arrival(), worker);
      expect(JSON.parse(await client.line())).to.deep.include({ protocol: 'getfile', returned: true });
      client.destroy();
    });

    describe('an address', () => {
      it('of IPv6 that is every one takes IPv4 too, whose clients have addresses of IPv4', async () => {
        const { port } = await bench.master.listen({ host: '::', port: 0 }, BACKLOG);
        for (const address of ['127.0.0.1', '::1']) {
          const client = await bench.serve(port, worker, address);
          const who = JSON.parse(await client.send('who\n').line()) as Who;
          expect(who.address).to.equal(address);
          client.destroy();
        }
      });

      it('can be had again while connections of the last listener there are winding down', async () => {
        const { port } = await bench.listen();
        const client = await bench.connect(port);
        // The side that closes first keeps the connection for a minute (TIME-WAIT).
        (await bench.arrival()).refuse(Buffer.from('bye'), () => undefined);
        await client.rest();
        client.socket.end();
        bench.master.unlisten();
        expect(await code(bench.master.listen({ host: '127.0.0.1', port }, BACKLOG))).to.equal('fine');
      });
    });

    describe('the backlog', () => {
      it('is as long as asked for', async () => {
        for (const backlog of [1, 5]) {
          const path = directory.at(`backlog-${backlog}.sock`);
          const address = await bench.master.listen({ host: `unix:${path}`, port: 0 }, backlog);
          // The kernel keeps one more than it is told (unix_recvq_full).
          expect(fillBacklog(path)).to.equal(backlog + 1);
          bench.master.unlisten(address);
          for (const connection of bench.waiting.splice(0)) connection.release();
        }
      });
    });
  });
}
