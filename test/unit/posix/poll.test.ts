import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { type Watch, watchReadable } from '../../../src/posix/poll.js';
import { close, receive } from '../../../src/posix/sockets.js';
import { eventually } from '../../helpers/eventually.js';
import { endOf, runNative } from '../../helpers/native-child.js';
import { TestListener } from '../../helpers/sockets.js';

describe('posix/poll', () => {
  let listener: TestListener;
  let client: Socket;
  let fd: number;
  let watch: Watch | undefined;

  beforeEach(async () => {
    listener = new TestListener();
    ({ client, fd } = await listener.connect());
  });
  afterEach(() => {
    watch?.close();
    watch = undefined;
    close(fd);
    listener.close();
  });

  it('calls back in every turn while there is something to read, and not before or after', async () => {
    let calls = 0;
    watch = watchReadable(fd, () => {
      calls++;
      if (calls === 5) receive(fd, Buffer.alloc(10), 10);
    });
    for (let i = 0; i < 10; i++) await nextTurn();
    expect(calls).to.equal(0);
    client.write('x');
    await eventually(
      () => calls >= 5 || undefined,
      () => `five calls; there were ${calls}`,
    );
    for (let i = 0; i < 10; i++) await nextTurn();
    expect(calls).to.equal(5);
  });

  it('lets timers and other events come between', async () => {
    watch = watchReadable(fd, () => undefined);
    client.write('x');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await listener.connect().then((other) => close(other.fd));
  });

  it('runs promises that are settled in it', async () => {
    let settled = 0;
    watch = watchReadable(fd, () => {
      receive(fd, Buffer.alloc(10), 10);
      void Promise.resolve().then(() => settled++);
    });
    client.write('x');
    await eventually(
      () => settled === 1 || undefined,
      () => 'a promise',
    );
  });

  it('stops when it is closed, also within the callback', async () => {
    let calls = 0;
    watch = watchReadable(fd, () => {
      calls++;
      watch!.close();
      watch = undefined;
    });
    client.write('x');
    await eventually(
      () => calls > 0 || undefined,
      () => 'a call',
    );
    for (let i = 0; i < 10; i++) await nextTurn();
    expect(calls).to.equal(1);
  });

  it('goes on though nobody keeps it', async () => {
    expect(await runNative('poll-collected', [], [], 'export NODE_OPTIONS=--expose-gc')).to.equal('called');
  });

  describe('an exception that leaves the callback', () => {
    beforeEach(() => client.write('x'));

    it('ends the process, which says why', async () => {
      const { code, err } = await endOf('poll-throws', [], [fd]);
      expect(code, err).to.equal(1);
      expect(err).to.include('Error: from the callback');
    });

    it('is an uncaught exception like any other', async () => {
      const { code, out } = await endOf('poll-throws-caught', [], [fd]);
      expect(code).to.equal(0);
      expect(out).to.match(/^(caught from the callback)+$/);
    });
  });
});
