/** How connections change hands; see transport.contract.ts. */
import { expect } from 'chai';
import type { ListenAddress, MasterTransport } from '../../src/transport/handover.js';
import { eventually } from '../helpers/eventually.js';
import { type BenchWorker, TransportBench } from '../helpers/transport-bench.js';
import { pattern, sha256, type Who } from '../helpers/transport-protocol.js';

export function describeHandover(makeMaster: () => MasterTransport): void {
  describe('hand-over', () => {
    let bench: TransportBench;
    let address: ListenAddress;
    let first: BenchWorker;
    let second: BenchWorker;

    beforeEach(async () => {
      bench = new TransportBench(makeMaster());
      address = await bench.listen();
      [first, second] = await Promise.all([bench.startWorker(), bench.startWorker()]);
    });
    afterEach(() => bench.close());

    describe('to a worker', () => {
      it('is on record before anything of the connection is read', async () => {
        for (let i = 0; i < 5; i++) {
          const client = await bench.serve(address.port, first);
          await client.send('echo x\n').line();
        }
        const { log } = await first.state();
        let taken = 0;
        let accepted = 0;
        for (const entry of log) {
          if (entry.startsWith('commit')) taken = Number(entry.slice('commit '.length));
          if (entry === 'accept') expect(++accepted).to.be.at.most(taken);
        }
        expect(accepted).to.equal(5);
        expect(log.indexOf('data')).to.be.greaterThan(log.indexOf('accept'));
      });

      it('is under way until the worker has put it on record', async () => {
        first.stop();
        const client = await bench.connect(address.port);
        await bench.handOver(await bench.arrival(), first);
        client.send('echo x\n');
        first.acknowledge();
        expect(first.channel.inFlight).to.equal(1);
        process.kill(first.pid, 'SIGCONT');
        expect(await client.line()).to.equal('x');
        await bench.allTaken(first);
        expect(first.count('taken')).to.equal(1);
      });

      it('takes many at once, and none is lost', async () => {
        const clients = await Promise.all(Array.from({ length: 200 }, () => bench.connect(address.port)));
        for (let i = 0; i < clients.length; i++)
          await bench.handOver(await bench.arrival(), i % 2 === 0 ? first : second);
        clients.forEach((client, i) => void client.send(`echo ${i}\n`));
        const lines = await Promise.all(clients.map((client) => client.line()));
        expect(lines).to.deep.equal(clients.map((_, i) => String(i)));
        await Promise.all([bench.allTaken(first), bench.allTaken(second)]);
        expect([first.count('taken'), second.count('taken')]).to.deep.equal([100, 100]);
      });

      it('does not wait for ever for a worker that takes nothing', async () => {
        first.stop();
        let given = 0;
        for (; given < 1000; given++) {
          await bench.connect(address.port);
          const connection = await bench.arrival();
          if (first.channel.handOver(connection)) continue;
          connection.release();
          break;
        }
        expect(given).to.be.within(1, 999);
        expect(first.channel.inFlight).to.equal(given);
      });
    });

    describe('to a worker that is out of descriptors', () => {
      it('comes back, and goes to another', async () => {
        const poor = await bench.startWorker(50);
        const clients = await Promise.all(Array.from({ length: 60 }, () => bench.connect(address.port)));
        clients.forEach((client, i) => void client.send(`who\necho ${i}\n`));
        const connections = await Promise.all(clients.map(() => bench.arrival()));
        for (const connection of connections) await bench.handOver(connection, poor);
        await bench.allTaken(poor);
        const untaken = bench.waiting.splice(0);
        expect(untaken.length).to.be.within(10, 59);
        for (const connection of untaken) await bench.handOver(connection, second);
        const pids = await Promise.all(
          clients.map(async (client) => (JSON.parse(await client.line()) as Who).pid),
        );
        expect(pids.filter((pid) => pid === second.pid)).to.have.lengthOf(untaken.length);
        expect(await Promise.all(clients.map((client) => client.line()))).to.deep.equal(
          clients.map((_, i) => String(i)),
        );
      });
    });

    describe('when a worker is killed', () => {
      it('goes to another, with what the client has sent', async () => {
        const early = await bench.serve(address.port, first);
        await early.send('echo mine\n').line();
        first.stop();
        const clients = await Promise.all(Array.from({ length: 20 }, () => bench.connect(address.port)));
        clients.forEach((client, i) => void client.send(`echo ${i}\n`));
        const connections = await Promise.all(clients.map(() => bench.arrival()));
        const refused = connections.filter((connection) => !first.channel.handOver(connection));
        await first.kill();
        const untaken = first.reclaim();
        expect(untaken)
          .to.have.lengthOf(clients.length - refused.length)
          .and.not.to.have.lengthOf(0);
        for (const connection of [...untaken, ...refused]) await bench.handOver(connection, second);
        const lines = await Promise.all(clients.map((client) => client.line()));
        expect(lines).to.deep.equal(clients.map((_, i) => String(i)));
        await early.rest();
        expect(first.channel.inFlight).to.equal(0);
      });

      it('says so when another connection is offered to it', async () => {
        await first.kill();
        await bench.connect(address.port);
        const connection = await bench.arrival();
        await eventually(
          () => !first.channel.handOver(connection) || undefined,
          () => 'a refusal',
        );
        await bench.handOver(connection, second);
      });

      it('in the middle of taking many: every client is served or sees the end, and none waits', async () => {
        const clients = await Promise.all(Array.from({ length: 100 }, () => bench.connect(address.port)));
        clients.forEach((client, i) => void client.send(`echo ${i}\n`));
        const connections = await Promise.all(clients.map(() => bench.arrival()));
        // The last of these are still on their way when it dies.
        for (const connection of connections.splice(0, 50)) await bench.handOver(connection, first);
        await first.kill();
        for (const connection of [...first.reclaim(), ...connections])
          await bench.handOver(connection, second);
        const outcomes = await Promise.all(
          clients.map((client) =>
            Promise.race([client.line(), client.rest().then((rest) => `${rest}`.trim() || 'cut')]),
          ),
        );
        expect(outcomes.every((line, i) => line === String(i) || line === 'cut')).to.equal(true);
        await bench.allTaken(second);
        const cut = outcomes.filter((line) => line === 'cut').length;
        expect(cut).to.be.at.most(first.count('taken'));
      });
    });

    describe('back to the master', () => {
      it('carries the bytes that were read and not used, and the listener', async () => {
        const other = await bench.listen();
        const client = await bench.serve(other.port, first);
        client.send('hop one\nwho\necho tw');
        expect(await client.line()).to.equal('one');
        const returned = await bench.arrival();
        expect(returned).to.include({ returned: true });
        expect(Buffer.from(returned.unused).toString()).to.equal('who\necho tw');
        await bench.handOver(returned, second);
        const who = JSON.parse(await client.line()) as Who;
        expect(who).to.deep.equal({
          address: '127.0.0.1',
          port: client.port,
          listener: 1,
          returned: true,
          isDirected: false,
          pid: second.pid,
          protocol: 'http',
        });
        client.send('o\n');
        expect(await client.line()).to.equal('two');
        await eventually(
          () => first.count('open') === 0 || undefined,
          () => 'the first lets go',
        );
        expect([first.count('handedBack'), second.count('open')]).to.deep.equal([1, 1]);
      });

      it('carries the place of the worker that it is for', async () => {
        const client = await bench.serve(address.port, first);
        client.send('hand-to 512\nwho\n');
        const returned = await bench.arrival();
        expect(returned.place).to.equal(512);
        await bench.handOver(returned, second);
        expect(JSON.parse(await client.line())).to.include({ returned: true, isDirected: true });
        client.send('hand-back\nwho\n');
        const again = await bench.arrival();
        expect(again.place).to.equal(undefined);
        await bench.handOver(again, first);
        expect(JSON.parse(await client.line())).to.include({ returned: true, isDirected: false });
      });

      it('keeps the place when the worker is killed that was to have it', async () => {
        const client = await bench.serve(address.port, first);
        second.stop();
        client.send('hand-to 2\nwho\necho tw');
        await bench.handOver(await bench.arrival(), second);
        client.send('o\n');
        await second.kill();
        const [untaken] = second.reclaim();
        expect(untaken?.place).to.equal(2);
        await bench.handOver(untaken!, first);
        expect(JSON.parse(await client.line())).to.include({ isDirected: true, pid: first.pid });
        expect(await client.line()).to.equal('two');
      });

      it('gives the end that the client has sent to the next owner', async () => {
        const client = await bench.serve(address.port, first);
        const bytes = pattern(300_000);
        client.send(`hand-to 2\nhash ${bytes.length}\n`).send(bytes);
        client.socket.end();
        await bench.handOver(await bench.arrival(), second);
        expect(await client.line()).to.equal(sha256(bytes));
        await second.event('end');
      });

      it('is refused while something is unsent, and the worker goes on', async () => {
        const client = await bench.serve(address.port, first);
        client.send('echo one\nhand-back\necho two\n');
        expect(await first.event('handed-back')).to.include({ accepted: false });
        expect([await client.line(), await client.line()]).to.deep.equal(['one', 'two']);
        expect(bench.waiting).to.deep.equal([]);
      });

      it('loses and doubles no byte, however often it is done', async () => {
        const client = await bench.connect(address.port);
        const count = 300;
        let hands = 0;
        const pump = async (): Promise<void> => {
          for (let i = 0; i <= count; i++)
            await bench.handOver(await bench.arrival(), hands++ % 2 === 0 ? first : second);
        };
        const pumped = pump();
        const text = Array.from({ length: count }, (_, i) => `hop ${i}\n`).join('');
        // Pieces that end anywhere, some of them with many commands, so that there is always something unused.
        for (let at = 0, size = 1; at < text.length; at += size, size = (size * 3 + 7) % 97) {
          client.send(text.slice(at, at + size));
        }
        for (let i = 0; i < count; i++) expect(await client.line()).to.equal(String(i));
        await pumped;
        client.send('echo end\n');
        expect(await client.line()).to.equal('end');
        expect(client.end).to.equal(undefined);
        await eventually(
          () => first.count('open') + second.count('open') === 1 || undefined,
          () => 'one owner',
        );
      });

      it('leaves what the client sends meanwhile to the next owner', async () => {
        const client = await bench.serve(address.port, first);
        const bytes = pattern(1_000_000);
        client.send(`hand-back\nhash ${bytes.length}\n`).send(bytes);
        const returned = await bench.arrival();
        await bench.handOver(returned, second);
        expect(await client.line()).to.equal(sha256(bytes));
      });

      it('and nobody’s: the client sees the end when the master refuses it', async () => {
        const client = await bench.serve(address.port, first);
        client.send('hand-back\n');
        const returned = await bench.arrival();
        await eventually(
          () => first.count('open') === 0 || undefined,
          () => 'the first lets go',
        );
        await bench.allTaken(first);
        returned.refuse(Buffer.from('no more'), () => undefined);
        expect((await client.rest()).toString()).to.equal('no more');
      });

      it('survives the death of the worker that gave it', async () => {
        const client = await bench.serve(address.port, first);
        client.send('hand-back\necho x\n');
        const returned = await bench.arrival();
        await first.kill();
        expect(first.reclaim()).to.deep.equal([]);
        await bench.handOver(returned, second);
        expect(await client.line()).to.equal('x');
      });

      it('leaves no descriptor behind on either side', async () => {
        const before = [await first.descriptors('socket'), await second.descriptors('socket')];
        for (let i = 0; i < 20; i++) {
          const client = await bench.serve(address.port, first);
          client.send('hand-back\nend\n');
          await bench.handOver(await bench.arrival(), second);
          await client.rest();
          client.socket.end();
        }
        const settled = (): true | undefined => first.count('open') + second.count('open') === 0 || undefined;
        await eventually(settled, () => 'nobody holds a connection');
        expect([await first.descriptors('socket'), await second.descriptors('socket')]).to.deep.equal(before);
      });
    });
  });
}
