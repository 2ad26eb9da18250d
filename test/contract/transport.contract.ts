/**
 * What every transport does, whatever system calls it is made of. A transport's own test file calls this
 * with its master's half; its worker's half is made by name in test/helpers/transport-child.ts.
 */
import { expect } from 'chai';
import type { ListenAddress, MasterTransport } from '../../src/transport/handover.js';
import { eventually } from '../helpers/eventually.js';
import { BACKLOG, type BenchWorker, TransportBench } from '../helpers/transport-bench.js';
import { pattern, sha256, type Who } from '../helpers/transport-protocol.js';
import { describeFiles } from './transport-files.contract.js';
import { describeHandover } from './transport-handover.contract.js';
import { describeListeners } from './transport-listeners.contract.js';

const MIB = 1024 * 1024;

export function describeTransport(name: string, makeMaster: () => MasterTransport): void {
  describe(`transport: ${name}`, () => {
    describeConnections(makeMaster);
    describeListeners(makeMaster);
    describeHandover(makeMaster);
    describeFiles(makeMaster);
  });
}

function describeConnections(makeMaster: () => MasterTransport): void {
  describe('a connection', () => {
    let bench: TransportBench;
    let worker: BenchWorker;
    let address: ListenAddress;

    before(async () => {
      bench = new TransportBench(makeMaster());
      address = await bench.listen();
      worker = await bench.startWorker();
    });
    afterEach(() => bench.reset());
    after(() => bench.close());

    it('comes with the client’s address and the listener', async () => {
      const second = await bench.listen();
      expect(second.port).to.not.equal(address.port);
      for (const [listener, { port }] of [address, second].entries()) {
        const client = await bench.serve(port, worker);
        const who = JSON.parse(await client.send('who\n').line()) as Who;
        expect(who).to.deep.equal({
          address: '127.0.0.1',
          port: client.port,
          listener,
          returned: false,
          isDirected: false,
          pid: worker.pid,
          protocol: 'http',
        });
      }
    });

    it('gives all bytes in their order', async () => {
      const client = await bench.serve(address.port, worker);
      const bytes = pattern(5 * MIB);
      client.send(`hash ${bytes.length}\n`);
      for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 1) % 100_003) {
        client.send(bytes.subarray(at, at + size));
      }
      expect(await client.line()).to.equal(sha256(bytes));
    });

    it('writes more than the kernel takes at once, and says when all of it has left', async () => {
      const client = await bench.serve(address.port, worker);
      client.socket.pause();
      client.send(`big ${30 * MIB}\n`);
      const { queuedBytes, unsentBytes } = await worker.event('written');
      expect([queuedBytes, unsentBytes]).to.deep.equal([30 * MIB, 30 * MIB]);
      await worker.state();
      expect(worker.seen('flushed'), 'flushed before anybody read').to.equal(0);
      client.socket.resume();
      expect(sha256(await client.bytes(30 * MIB))).to.equal(sha256(pattern(30 * MIB)));
      await worker.event('flushed');
      client.send('echo after\n');
      expect(await client.line()).to.equal('after');
    });

    it('writes on while the kernel takes nothing, and counts what leaves', async () => {
      const [sent, received] = [worker.count('bytesSent'), worker.count('bytesReceived')];
      const client = await bench.serve(address.port, worker);
      client.socket.pause();
      client.send(`big ${10 * MIB}\n`);
      await worker.event('written');
      for (let i = 0; i < 3; i++) {
        client.send(`echo more\nbig ${MIB}\n`);
        const { queuedBytes, unsentBytes } = await worker.event('written');
        expect(unsentBytes).to.be.within(1, queuedBytes - 1);
      }
      expect(worker.count('bytesSent') - sent).to.be.within(1, 10 * MIB - 1);
      const { certainBytes } = await worker.state();
      expect(certainBytes, 'what was on record').to.deep.equal([...certainBytes].sort((a, b) => a - b));
      client.socket.resume();
      const bytes = await client.bytes(13 * MIB + 3 * 'more\n'.length);
      const more = Buffer.concat([Buffer.from('more\n'), pattern(MIB)]);
      expect(sha256(bytes)).to.equal(sha256(Buffer.concat([pattern(10 * MIB), more, more, more])));
      await worker.event('flushed');
      const counted = (): true | undefined =>
        worker.count('bytesSent') - sent === client.receivedBytes || undefined;
      await eventually(
        counted,
        () => `${worker.count('bytesSent') - sent} of ${client.receivedBytes} are counted`,
      );
      expect(worker.count('bytesReceived') - received).to.equal(client.sentBytes);
    });

    it('counts nothing of what it could not send any more', async () => {
      const sent = worker.count('bytesSent');
      const client = await bench.serve(address.port, worker);
      client.send('echo lost\ndestroy\n');
      expect(await client.rest()).to.have.lengthOf(0);
      await eventually(
        () => worker.count('open') === 0 || undefined,
        () => 'no open connection',
      );
      expect(worker.count('bytesSent')).to.equal(sent);
    });

    it('counts what had left when the client breaks it', async () => {
      const sent = worker.count('bytesSent');
      const client = await bench.serve(address.port, worker);
      client.socket.pause();
      client.send(`big ${30 * MIB}\n`);
      await worker.event('written');
      await worker.state();
      client.socket.resume();
      await eventually(
        () => client.receivedBytes > 15 * MIB || undefined,
        () => `half of it; there are ${client.receivedBytes} bytes`,
      );
      client.socket.resetAndDestroy();
      await worker.event('close');
      const received = client.receivedBytes;
      await eventually(
        () => worker.count('open') === 0 || undefined,
        () => 'no open connection',
      );
      expect(worker.count('bytesSent') - sent).to.be.within(received, 30 * MIB);
    });

    it('keeps the order of what is written in one turn and in many', async () => {
      const client = await bench.serve(address.port, worker);
      const numbers = Array.from({ length: 500 }, (_, i) => String(i));
      for (const number of numbers) client.send(`echo ${number}\nbig 200\n`);
      for (const number of numbers) {
        expect(await client.line()).to.equal(number);
        expect((await client.bytes(200)).equals(pattern(200))).to.equal(true);
      }
    });

    it('stops reading while it is paused, and loses nothing', async () => {
      const before = (await worker.state()).receivedBytes;
      const client = await bench.serve(address.port, worker);
      client.send('pause\n');
      await worker.event('paused');
      const bytes = pattern(2 * MIB);
      client.send(`hash ${bytes.length}\n`).send(bytes);
      for (let i = 0; i < 20; i++) {
        expect((await worker.state()).receivedBytes - before).to.equal('pause\n'.length);
      }
      worker.resume();
      expect(await client.line()).to.equal(sha256(bytes));
    });

    it('can close its direction behind what was written, and still reads', async () => {
      const client = await bench.serve(address.port, worker);
      client.send(`big ${MIB}\nend\n`);
      expect((await client.rest()).equals(pattern(MIB))).to.equal(true);
      expect(client.end).to.equal('fin');
      const { receivedBytes } = await worker.state();
      client.send('echo unheard\n');
      await eventually(
        async () => (await worker.state()).receivedBytes > receivedBytes || undefined,
        () => 'bytes behind the end',
      );
      client.socket.end();
      await worker.event('close');
    });

    it('can be closed behind what was written, in both directions', async () => {
      const before = await worker.descriptors('socket');
      const client = await bench.serve(address.port, worker);
      client.send(`big ${10 * MIB}\necho end\nclose\n`);
      const bytes = await client.rest();
      expect(sha256(bytes)).to.equal(sha256(Buffer.concat([pattern(10 * MIB), Buffer.from('end\n')])));
      expect(client.end).to.equal('fin');
      // Not waiting for the client, which has not closed its direction.
      await worker.event('close');
      expect(worker.count('open')).to.equal(0);
      expect(await worker.descriptors('socket')).to.equal(before);
    });

    it('can be closed with nothing written, once', async () => {
      const client = await bench.serve(address.port, worker);
      client.send('close\nclose\n');
      expect(await client.rest()).to.have.lengthOf(0);
      await worker.event('close');
      await worker.state();
      expect(worker.seen('close')).to.equal(0);
    });

    it('is closed at once after its own direction was, whether the client has closed or not', async () => {
      const client = await bench.serve(address.port, worker);
      client.send('echo x\nend\n');
      await client.rest();
      client.send('close\n');
      await worker.event('close');
    });

    it('can be written to after the client has closed its direction', async () => {
      const client = await bench.serve(address.port, worker);
      client.send('hash 3\nabc');
      expect(await client.line()).to.equal(sha256(Buffer.from('abc')));
      client.send(`big ${MIB}\nend\n`);
      client.socket.end();
      await worker.event('end');
      expect(await client.rest()).to.have.lengthOf(MIB);
      await worker.event('close');
    });

    it('ends on both sides when it is destroyed, once', async () => {
      const client = await bench.serve(address.port, worker);
      client.send('destroy\n');
      await client.rest();
      await worker.event('close');
      await worker.state();
      expect(worker.seen('close')).to.equal(0);
    });

    it('is broken for the client when it is reset, once', async () => {
      const client = await bench.serve(address.port, worker);
      client.send('reset\n');
      await client.rest();
      expect(client.end).to.equal('reset');
      await worker.event('close');
      await worker.state();
      expect(worker.seen('close')).to.equal(0);
    });

    it('ends when the client breaks it, also while nobody reads it', async () => {
      for (const commands of ['', 'pause\n', `big ${10 * MIB}\n`]) {
        const client = await bench.serve(address.port, worker);
        client.socket.pause();
        client.send(`echo here\n${commands}`);
        await eventually(
          () => worker.count('open') === 1 || undefined,
          () => 'an open connection',
        );
        if (commands === 'pause\n') {
          await worker.event('paused');
          worker.resume();
        }
        await worker.state();
        client.socket.resetAndDestroy();
        await worker.event('close');
        await eventually(
          () => worker.count('open') === 0 || undefined,
          () => 'no open connection',
        );
      }
    });

    it('breaks and does not end when the client breaks it, whatever has come before', async () => {
      const client = await bench.serve(address.port, worker);
      client.send('pause\n');
      await worker.event('paused');
      // What comes before the reset is read together with it.
      await new Promise((resolve) => client.socket.write('half of a line', resolve));
      client.socket.resetAndDestroy();
      worker.resume();
      await worker.event('close');
      await worker.state();
      expect(worker.seen('end')).to.equal(0);
    });

    it('is counted, with its bytes, exactly', async () => {
      const [received, sent] = [worker.count('bytesReceived'), worker.count('bytesSent')];
      const clients = [await bench.serve(address.port, worker), await bench.serve(address.port, worker)];
      for (const client of clients) {
        client.send(`echo a\nbig ${MIB}\nend\n`);
        await client.rest();
      }
      const sum = (key: 'sentBytes' | 'receivedBytes'): number =>
        clients.reduce((total, each) => total + each[key], 0);
      expect(worker.count('bytesReceived') - received).to.equal(sum('sentBytes'));
      expect(worker.count('bytesSent') - sent).to.equal(sum('receivedBytes'));
      expect(worker.count('open')).to.equal(2);
      for (const client of clients) client.socket.end();
      await eventually(
        () => worker.count('open') === 0 || undefined,
        () => 'no open connection',
      );
    });

    it('leaves no descriptor behind', async () => {
      const before = await worker.descriptors('socket');
      for (let i = 0; i < 30; i++) {
        const client = await bench.serve(address.port, worker);
        if (i % 3 === 0) client.send('destroy\n');
        else if (i % 3 === 1) client.send('echo x\nend\n').socket.end();
        else client.send('echo x\n').socket.resetAndDestroy();
      }
      await eventually(
        () => worker.count('open') === 0 || undefined,
        () => `${worker.count('open')} are open`,
      );
      expect(await worker.descriptors('socket')).to.equal(before);
    });
  });

  describe('listening', () => {
    let bench: TransportBench;

    beforeEach(() => {
      bench = new TransportBench(makeMaster());
    });
    afterEach(() => bench.close());

    it('says why an address cannot be had', async () => {
      const { port } = await bench.listen();
      const code = await bench.master.listen({ host: '127.0.0.1', port }, BACKLOG).then(
        () => 'listening',
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(code).to.equal('EADDRINUSE');
    });

    it('ends on one address and goes on on others', async () => {
      const [first, second] = [await bench.listen(), await bench.listen()];
      bench.master.unlisten(first);
      const refused = await bench.connect(first.port).then(
        () => 'connected',
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(refused).to.equal('ECONNREFUSED');
      await bench.connect(second.port);
      expect(await bench.arrival()).to.include({ returned: false });
    });

    it('gives the connections of an https listener as sockets of which nothing was read', async () => {
      await bench.listen();
      const { port, protocol } = await bench.master.listen(
        { host: '127.0.0.1', port: 0, protocol: 'https' },
        BACKLOG,
      );
      expect(protocol).to.equal('https');
      const worker = await bench.startWorker();
      const client = await bench.connect(port);
      client.send('hello');
      await bench.handOver(await bench.arrival(), worker);
      await bench.allTaken(worker);
      const heard = { address: '127.0.0.1', port: client.port, listener: 1, heard: 'hello' };
      expect(JSON.parse(await client.line())).to.deep.equal(heard);
      expect(await client.rest()).to.have.lengthOf(0);
      client.destroy();
      await eventually(
        () => worker.count('open') === 0 || undefined,
        () => `${worker.count('open')} are open`,
      );
      const { log } = await worker.state();
      // On record before it is accepted; what it is told, after another commit.
      const firsts = [...new Set(log)].filter((entry) => entry !== 'commit 0');
      expect(firsts.slice(0, 3)).to.deep.equal(['commit 1', 'accept', 'data']);
      expect(worker.count('bytesSent') + worker.count('bytesReceived')).to.equal(0);
    });

    it('closes a connection of an https listener that it refuses, without a word', async () => {
      const { port } = await bench.master.listen({ host: '127.0.0.1', port: 0, protocol: 'https' }, BACKLOG);
      const client = await bench.connect(port);
      let gone = 0;
      expect((await bench.arrival()).refuse(Buffer.from('not now'), () => gone++)).to.equal(0);
      expect(await client.rest()).to.have.lengthOf(0);
      await eventually(
        () => gone === 1 || undefined,
        () => 'the connection is gone',
      );
    });

    it('refuses a connection with a last word, which the client can read', async () => {
      const { port } = await bench.listen();
      const client = await bench.connect(port);
      client.send(pattern(100_000));
      let gone = 0;
      expect((await bench.arrival()).refuse(Buffer.from('not now'), () => gone++)).to.equal(7);
      expect((await client.rest()).toString()).to.equal('not now');
      expect(client.end).to.equal('fin');
      client.destroy();
      await eventually(
        () => gone === 1 || undefined,
        () => 'the connection is gone',
      );
    });
  });
}
