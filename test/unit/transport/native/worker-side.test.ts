import { fstatSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { ENOBUFS } from '../../../../src/posix/constants.js';
import { MessageBuffer } from '../../../../src/posix/fd-passing.js';
import { close } from '../../../../src/posix/sockets.js';
import { eventually } from '../../../helpers/eventually.js';
import {
  type Handling,
  NativeBench,
  type Returned,
  readNow,
  sendText,
} from '../../../helpers/native-bench.js';
import { streamPair } from '../../../helpers/sockets.js';
import { pattern } from '../../../helpers/transport-protocol.js';

const MIB = 1024 * 1024;

describe('transport/native/worker-side', () => {
  let bench: NativeBench;
  const open = new Set<number>();

  afterEach(() => {
    bench.close();
    for (const fd of open) close(fd);
    open.clear();
  });

  function start(handling: Handling, channelBytes?: number): void {
    bench = new NativeBench(handling, channelBytes);
  }

  function pair(): [number, number] {
    const fds = streamPair();
    for (const fd of fds) open.add(fd);
    return fds;
  }

  function closeNow(fd: number): void {
    open.delete(fd);
    close(fd);
  }

  /** A connection that the worker has, and only the worker. Returns the client's end. */
  async function serve(): Promise<number> {
    const [server, client] = pair();
    const id = bench.give([server]);
    await settled(id, 'taken');
    closeNow(server);
    return client;
  }

  function settled(id: number, outcome: string): Promise<unknown> {
    return eventually(
      () => bench.claims.settle(id) === outcome || undefined,
      () => `${id} is ${outcome}`,
    );
  }

  async function returned(): Promise<Returned> {
    const message = await eventually(
      () => bench.returned(),
      () => 'a connection that comes back',
    );
    for (const fd of message.fds) open.add(fd);
    return message;
  }

  function readSoon(fd: number): Promise<string> {
    return eventually(
      () => readNow(fd),
      () => 'something to read',
    );
  }

  function event(what: string): Promise<unknown> {
    return eventually(
      () => bench.events.includes(what) || undefined,
      () => `${what}; there are ${bench.events.join()}`,
    );
  }

  function openDescriptors(fd: number): boolean {
    try {
      fstatSync(fd);
      return true;
    } catch {
      return false;
    }
  }

  describe('a connection that is offered', () => {
    it('is taken, with its unused bytes first', async () => {
      const texts: string[] = [];
      start({ onData: (_, text) => texts.push(text) });
      const [server, client] = pair();
      sendText(client, ' second');
      await settled(bench.give([server], Buffer.from('first')), 'taken');
      expect(texts).to.deep.equal(['first', ' second']);
      expect(bench.counts).to.include({ taken: 1, open: 1, received: 7 });
    });

    it('is left alone when the master has taken it back', async () => {
      start({});
      const [server, client] = pair();
      const [other] = pair();
      sendText(client, 'x');
      const id = bench.give([server, other]);
      expect(bench.claims.revoke(id)).to.equal(true);
      await settled(id + 1, 'taken');
      expect(bench.claims.offer(id), 'free again').to.equal(true);
      closeNow(server);
      expect(bench.connections).to.have.length(1);
      expect(bench.counts).to.include({ taken: 1, open: 1 });
      // Only our copy had kept it open.
      expect(await readSoon(client)).to.equal('');
    });

    it('is not taken any more when the worker leaves', async () => {
      start({});
      bench.transport.close();
      const [server, client] = pair();
      const id = bench.give([server]);
      for (let i = 0; i < 20; i++) await nextTurn();
      expect(bench.claims.revoke(id), 'the master’s still').to.equal(true);
      closeNow(server);
      expect(await readSoon(client)).to.equal('');
    });
  });

  describe('bytes on record as sent', () => {
    it('are never taken back, also when others come in the same turn', async () => {
      start({ onData: (connection) => connection.write(pattern(8 * MIB)) });
      const client = await serve();
      // Both are there in one turn: something to answer at length, and a new connection.
      sendText(client, 'x');
      bench.give([pair()[0]]);
      await event('0 data');
      await eventually(
        () => bench.connections.length === 2 || undefined,
        () => 'the second',
      );
      for (let i = 0; i < 20; i++) await nextTurn();
      expect(bench.certain).to.deep.equal([...bench.certain].sort((a, b) => a - b));
      expect(bench.counts.sent).to.be.within(1, 8 * MIB - 1);
    });

    it('are never taken back, also when more is written as soon as the first has left', async () => {
      let isFirst = true;
      start({
        onData: (connection) => connection.write(pattern(20_000)),
        onFlushed: (connection) => {
          if (isFirst) connection.write(pattern(8 * MIB));
          isFirst = false;
        },
      });
      const client = await serve();
      sendText(client, 'x');
      await event('0 flushed');
      for (let i = 0; i < 20; i++) await nextTurn();
      expect(bench.certain).to.deep.equal([...bench.certain].sort((a, b) => a - b));
      expect(bench.counts.sent).to.be.within(20_001, 8 * MIB);
    });
  });

  describe('a connection that is handed back', () => {
    const handBack: Handling = { onData: (connection, text) => connection.handBack(Buffer.from(text)) };

    it('is kept until the master says that it has arrived', async () => {
      start(handBack);
      const client = await serve();
      sendText(client, 'unused');
      const { fds, records } = await returned();
      expect(fds).to.have.length(1);
      expect(Buffer.from(records[0]!.unused).toString()).to.equal('unused');
      expect(records[0]).to.include({ returned: true });
      for (const fd of fds) closeNow(fd);
      expect(bench.counts).to.include({ open: 1, handedBack: 0 });
      expect(readNow(client), 'still open').to.equal(undefined);
      bench.confirm(1);
      expect(await readSoon(client)).to.equal('');
      await eventually(
        () => bench.counts.open === 0 || undefined,
        () => 'none is open',
      );
      expect(bench.counts.handedBack).to.equal(1);
      expect(bench.events).not.to.include('0 close');
    });

    it('comes again when it did not arrive', async () => {
      start(handBack);
      const clients = [await serve(), await serve()];
      for (const client of clients) sendText(client, 'unused');
      const { fds } = await returned();
      expect(fds).to.have.length(2);
      for (const fd of fds) closeNow(fd);
      bench.confirm(1);
      const again = await returned();
      expect(again.fds).to.have.length(1);
      expect(Buffer.from(again.records[0]!.unused).toString()).to.equal('unused');
      bench.confirm(1);
      await eventually(
        () => bench.counts.handedBack === 2 || undefined,
        () => 'both are handed back',
      );
    });

    it('waits while the kernel has no memory for the message', async () => {
      start(handBack);
      const client = await serve();
      const { send } = MessageBuffer.prototype;
      let refused = 0;
      MessageBuffer.prototype.send = () => {
        refused++;
        return -ENOBUFS;
      };
      try {
        sendText(client, 'unused');
        await eventually(
          () => refused > 1 || undefined,
          () => 'tries',
        );
      } finally {
        MessageBuffer.prototype.send = send;
      }
      expect(refused, 'a pause between').to.be.below(10);
      expect((await returned()).fds).to.have.length(1);
    });

    it('stays when its unused bytes are more than the channel takes', async () => {
      let accepted: boolean | undefined;
      start(
        {
          onData: (connection, text) => {
            accepted = connection.handBack(pattern(Number(text)));
          },
        },
        8192,
      );
      for (const bytes of [1000, 100_000]) {
        const client = await serve();
        sendText(client, String(bytes));
        await eventually(
          () => accepted,
          () => 'an answer',
        );
        if (bytes === 1000) {
          expect(accepted).to.equal(true);
          expect((await returned()).records[0]!.unused).to.have.length(bytes);
        } else expect(accepted).to.equal(false);
        accepted = undefined;
      }
    });
  });

  describe('a connection that ends', () => {
    it('ends for the client though another process still has a copy', async () => {
      start({ onData: (connection) => connection.destroy() });
      const [server, client] = pair();
      await settled(bench.give([server]), 'taken');
      sendText(client, 'x');
      // `server` is the master's copy, or one that waits for a worker that is stopped.
      expect(await readSoon(client)).to.equal('');
      expect(bench.events).to.include('0 close');
    });

    it('leaves a descriptor alone that has its number by then', async () => {
      let successor: [number, number] | undefined;
      let was = -1;
      start({
        onData: (connection) => {
          connection.write(Buffer.from('bye'));
          connection.end();
        },
        onFlushed: (connection) => {
          was = (connection as unknown as { readonly fd: number }).fd;
          connection.destroy();
          successor = pair();
        },
      });
      const client = await serve();
      sendText(client, 'x');
      await event('0 close');
      expect(successor, 'the number is used again').to.include(was);
      const [one, other] = successor!;
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        sendText(from, 'still open');
        expect(readNow(to)).to.equal('still open');
      }
    });

    it('leaves no descriptor open', async () => {
      let was = -1;
      start({
        onData: (connection) => {
          was = (connection as unknown as { readonly fd: number }).fd;
          connection.close();
        },
      });
      const client = await serve();
      sendText(client, 'x');
      expect(await readSoon(client)).to.equal('');
      await event('0 close');
      expect(openDescriptors(was)).to.equal(false);
      expect(bench.counts.open).to.equal(0);
    });
  });
});
