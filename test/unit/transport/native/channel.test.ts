import type { ChildProcess } from 'node:child_process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { ENOBUFS } from '../../../../src/posix/constants.js';
import { MessageBuffer } from '../../../../src/posix/fd-passing.js';
import { close } from '../../../../src/posix/sockets.js';
import type { Connection } from '../../../../src/transport/connection.js';
import type { Waiting, WorkerChannel } from '../../../../src/transport/handover.js';
import { MAX_CLAIMS } from '../../../../src/transport/native/claims.js';
import { HeldConnection } from '../../../../src/transport/native/held-connection.js';
import { NativeMasterTransport } from '../../../../src/transport/native/master-side.js';
import { MAX_UNUSED_BYTES, NOTHING } from '../../../../src/transport/native/protocol.js';
import { NativeWorkerTransport } from '../../../../src/transport/native/worker-side.js';
import { eventually } from '../../../helpers/eventually.js';
import { copyOf, readNow, sendText } from '../../../helpers/native-bench.js';
import { runNative } from '../../../helpers/native-child.js';
import { streamPair } from '../../../helpers/sockets.js';
import { pattern } from '../../../helpers/transport-protocol.js';

const NOBODY = {
  taken: () => undefined,
  opened: () => undefined,
  closed: () => undefined,
  handedBack: () => undefined,
  received: () => undefined,
  sent: () => undefined,
  leaving: () => undefined,
};

/** Both halves in this process; the worker begins when the test says so. */
describe('transport/native/channel', () => {
  let master: NativeMasterTransport;
  let channel: WorkerChannel;
  let workerEnd: number;
  let worker: NativeWorkerTransport | undefined;
  let returned: Waiting[];
  let untaken: Waiting[];
  let child: { connected: boolean };
  const clients: number[] = [];

  beforeEach(() => {
    [returned, untaken] = [[], []];
    child = { connected: true };
    master = new NativeMasterTransport(false);
    master.onConnection((connection) => returned.push(connection));
    const start = ([fd = 0]: readonly number[]): ChildProcess => {
      workerEnd = copyOf(fd);
      return child as ChildProcess;
    };
    channel = master.channelTo(start, {
      onUntaken: (connection) => untaken.push(connection),
      onRoom: () => undefined,
    });
  });

  afterEach(() => {
    worker?.readiness.close();
    worker = undefined;
    close(workerEnd);
    for (const connection of channel.reclaim(0)) connection.release();
    for (const connection of [...returned, ...untaken]) connection.release();
    for (const client of clients.splice(0)) close(client);
    master.close();
  });

  /** A connection as the master has it, and the client's end. */
  function connection(unused: Uint8Array = NOTHING): {
    readonly held: HeldConnection;
    readonly client: number;
  } {
    const [server, client] = streamPair();
    clients.push(client);
    const record = { listener: 0, returned: false, protocol: 'http', place: undefined, unused } as const;
    return { held: new HeldConnection(master.readiness, server, record), client };
  }

  /** The worker answers each text with itself, or hands the connection back where the text says so. */
  function startWorker(): void {
    const onData = (each: Connection, text: string): void => {
      if (text.startsWith('back')) each.handBack(Buffer.from(text.slice('back'.length)));
      else each.write(Buffer.from(text));
    };
    worker = new NativeWorkerTransport(workerEnd, NOBODY);
    worker.start((each) => ({
      onData: (bytes, length) => onData(each, bytes.toString('latin1', 0, length)),
      onFlushed: () => undefined,
      onEnd: () => undefined,
      onClose: () => undefined,
    }));
  }

  function allTaken(): Promise<unknown> {
    const look = (): true | undefined => {
      channel.acknowledge(0);
      return channel.inFlight === 0 || undefined;
    };
    return eventually(look, () => `${channel.inFlight} are taken`);
  }

  async function expectServed(client: number): Promise<void> {
    sendText(client, 'hello');
    const answer = await eventually(
      () => readNow(client),
      () => 'an answer',
    );
    expect(answer).to.equal('hello');
  }

  /** The kernel refuses to send while the test does this. */
  async function withoutMemory(act: (refused: () => number) => Promise<void>): Promise<void> {
    const { send } = MessageBuffer.prototype;
    let refused = 0;
    MessageBuffer.prototype.send = () => {
      refused++;
      return -ENOBUFS;
    };
    try {
      await act(() => refused);
    } finally {
      MessageBuffer.prototype.send = send;
    }
  }

  it('gives connections to a worker, also those from before it was there', async () => {
    const all = Array.from({ length: 200 }, () => connection());
    for (const { held } of all) expect(channel.handOver(held)).to.equal(true);
    expect(channel.inFlight).to.equal(200);
    startWorker();
    await allTaken();
    for (const { client } of all) await expectServed(client);
  });

  it('has a bound, and goes on when they are taken', async () => {
    const all = Array.from({ length: 3 * MAX_CLAIMS }, () => connection());
    const given = all.filter(({ held }) => channel.handOver(held));
    expect(given).to.have.length(MAX_CLAIMS);
    startWorker();
    for (const { held } of all.slice(MAX_CLAIMS)) {
      while (!channel.handOver(held)) await allTaken();
    }
    await allTaken();
    await expectServed(all[0]!.client);
    await expectServed(all.at(-1)!.client);
  });

  it('takes back what the worker has not begun to take, sent or not', async () => {
    const [sent, unsent] = [connection(), connection()];
    channel.handOver(sent.held);
    for (let i = 0; i < 3; i++) await nextTurn();
    channel.handOver(unsent.held);
    expect(channel.takeBack()).to.deep.equal([sent.held, unsent.held]);
    expect(channel.inFlight).to.equal(0);
    const again = connection();
    channel.handOver(again.held);
    startWorker();
    await allTaken();
    await expectServed(again.client);
    sendText(sent.client, 'x');
    for (let i = 0; i < 20; i++) await nextTurn();
    expect(readNow(sent.client), 'not served twice').to.equal(undefined);
    sent.held.release();
    unsent.held.release();
  });

  it('has what a dead worker did not take, once', async () => {
    startWorker();
    const back = connection();
    channel.handOver(back.held);
    await allTaken();
    worker!.readiness.close();
    const left = connection();
    channel.handOver(left.held);
    for (let i = 0; i < 3; i++) await nextTurn();
    expect(channel.reclaim(0)).to.deep.equal([left.held]);
    expect(channel.reclaim(0), 'once').to.deep.equal([]);
    expect(channel.handOver(left.held), 'gone').to.equal(false);
    left.held.release();
  });

  it('carries unused bytes there and back', async () => {
    const unused = pattern(MAX_UNUSED_BYTES).fill('u');
    const { held, client } = connection(unused);
    channel.handOver(held);
    startWorker();
    await allTaken();
    let length = 0;
    const read = (): true | undefined => {
      length += readNow(client)?.length ?? 0;
      return length === unused.length || undefined;
    };
    await eventually(read, () => `all of it; there are ${length}`);
    sendText(client, 'back and forth');
    const came = await eventually(
      () => returned[0],
      () => 'the connection',
    );
    expect(Buffer.from(came.unused).toString()).to.equal(' and forth');
    expect(came.returned).to.equal(true);
  });

  it('gives nothing to a worker that has left', () => {
    child.connected = false;
    const { held } = connection();
    expect(channel.handOver(held)).to.equal(false);
    held.release();
  });

  it('waits while the kernel has no memory for a message, without asking all the time', async () => {
    startWorker();
    const { held, client } = connection();
    await withoutMemory(async (refused) => {
      channel.handOver(held);
      await eventually(
        () => refused() > 2 || undefined,
        () => 'tries',
      );
      expect(refused(), 'a pause between').to.be.below(10);
    });
    await allTaken();
    await expectServed(client);
  });

  it('does not forget to say that a connection came back, when the kernel has no memory', async () => {
    startWorker();
    const { held, client } = connection();
    channel.handOver(held);
    await allTaken();
    const { send } = MessageBuffer.prototype;
    let refused = 0;
    // Only what carries no descriptor: the confirmation.
    MessageBuffer.prototype.send = function (fd, length, count) {
      if (count > 0 || refused > 2) return send.call(this, fd, length, count);
      refused++;
      return -ENOBUFS;
    };
    try {
      sendText(client, 'back');
      const came = await eventually(
        () => returned.shift(),
        () => 'the connection',
      );
      came.release();
      // The worker's copy was the last.
      const end = await eventually(
        () => readNow(client),
        () => 'the end',
      );
      expect(end).to.equal('');
      expect(refused).to.equal(3);
    } finally {
      MessageBuffer.prototype.send = send;
    }
  });

  it('leaves no descriptor behind that cannot be made', async () => {
    const outcomes = (await runNative('channels-without-descriptors', [], [], 'ulimit -n 100')).split(', ');
    expect(outcomes).to.have.length(4);
    for (const outcome of outcomes) {
      const [, spare, failure, left] = /^(\d) (.*): (\d)$/.exec(outcome)!;
      expect(failure).to.match(/^(memfd_create EMFILE|started|sendmsg .*)$/);
      expect(left, outcome).to.equal(spare);
    }
  });
});
