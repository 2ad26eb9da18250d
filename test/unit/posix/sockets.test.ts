import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import {
  EAGAIN,
  ECONNRESET,
  EPIPE,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from '../../../src/posix/constants.js';
import {
  accept,
  close,
  getOption,
  listenOn,
  localName,
  peerName,
  probePeer,
  receive,
  reset,
  send,
  setOption,
  shutdownBoth,
  shutdownWrite,
} from '../../../src/posix/sockets.js';
import { eventually } from '../../helpers/eventually.js';
import { runNative } from '../../helpers/native-child.js';
import { streamPair, TestListener } from '../../helpers/sockets.js';

describe('posix/sockets', () => {
  let listener: TestListener;
  const open: number[] = [];

  beforeEach(() => {
    listener = new TestListener();
  });
  afterEach(() => {
    for (const fd of open.splice(0)) close(fd);
    listener.close();
  });

  async function connection(): ReturnType<TestListener['connect']> {
    const pair = await listener.connect();
    open.push(pair.fd);
    return pair;
  }

  /** What there is to read, once there is something. */
  function arrived(fd: number, buffer: Buffer): Promise<number> {
    const read = (): number | undefined => {
      const length = receive(fd, buffer, buffer.length);
      return length === -EAGAIN ? undefined : length;
    };
    return eventually(read, () => 'something to read');
  }

  function errorOf(act: () => void): NodeJS.ErrnoException {
    try {
      act();
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
    return expect.fail('nothing was thrown');
  }

  describe('probePeer', () => {
    it('asks a quiet peer whether it is there', async () => {
      const { fd } = await connection();
      expect(getOption(fd, SOL_SOCKET, SO_KEEPALIVE)).to.equal(0);
      probePeer(fd, 60);
      expect(getOption(fd, SOL_SOCKET, SO_KEEPALIVE)).to.equal(1);
      const numbers = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((name) =>
        getOption(fd, IPPROTO_TCP, name),
      );
      expect(numbers).to.deep.equal([60, 1, 10]);
    });

    it('does nothing to a Unix-domain socket', () => {
      const [fd, other] = streamPair();
      open.push(fd, other);
      probePeer(fd, 60);
      expect(getOption(fd, SOL_SOCKET, SO_KEEPALIVE)).to.equal(0);
    });
  });

  describe('listenOn', () => {
    it('says that an address is taken', () => {
      const error = errorOf(() =>
        listenOn({ address: '127.0.0.1', port: listener.port, backlog: 1, deferAccept: false }),
      );
      expect(error).to.include({ code: 'EADDRINUSE' });
      expect(error.syscall).to.match(/^(bind|listen)$/);
      expect(error.errno).to.be.below(0);
    });

    it('says that an address is not ours', () => {
      const error = errorOf(() =>
        listenOn({ address: '192.0.2.1', port: 0, backlog: 1, deferAccept: false }),
      );
      expect(error).to.include({ code: 'EADDRNOTAVAIL', syscall: 'bind' });
    });

    it('leaves no descriptor behind when it fails', () => {
      // The lowest number that is free is the next.
      const next = listenOn({ address: '127.0.0.1', port: 0, backlog: 1, deferAccept: false });
      close(next);
      errorOf(() => listenOn({ address: '127.0.0.1', port: listener.port, backlog: 1, deferAccept: false }));
      open.push(listenOn({ address: '127.0.0.1', port: 0, backlog: 1, deferAccept: false }));
      expect(open.at(-1)).to.equal(next);
    });

    it('takes an address again at once that was just given up', async () => {
      const { client, fd } = await listener.connect();
      // Closed by us first: our end stays in TIME_WAIT.
      close(fd);
      client.end();
      await once(client, 'close');
      const { port } = listener;
      listener.close();
      listener = new TestListener();
      open.push(listenOn({ address: '127.0.0.1', port, backlog: 1, deferAccept: false }));
    });

    it('gives connections when their first bytes are there, if that is asked for', async () => {
      const deferring = new TestListener('127.0.0.1', true);
      const client = net.connect({ port: deferring.port, host: '127.0.0.1' });
      await once(client, 'connect');
      expect(accept(deferring.fd)).to.equal(-EAGAIN);
      client.write('x');
      const take = (): number | undefined => {
        const fd = accept(deferring.fd);
        return fd < 0 ? undefined : fd;
      };
      const fd = await eventually(take, () => 'a connection');
      expect(receive(fd, Buffer.alloc(1), 1)).to.equal(1);
      close(fd);
      client.destroy();
      deferring.close();
    });

    it('listens on IPv6', async () => {
      const six = new TestListener('::1');
      const { client, fd } = await six.connect('::1');
      expect(peerName(fd)).to.deep.equal({ address: '::1', port: client.localPort });
      expect(localName(fd)).to.deep.equal({ address: '::1', port: six.port });
      close(fd);
      six.close();
    });

    it('takes IPv4 on ::, and tells it as IPv4', async () => {
      const both = new TestListener('::');
      for (const host of ['127.0.0.1', '::1']) {
        const { client, fd } = await both.connect(host);
        expect(peerName(fd)).to.deep.equal({ address: host, port: client.localPort });
        close(fd);
      }
      both.close();
    });
  });

  describe('accept', () => {
    it('says when there is nobody', () => {
      expect(accept(listener.fd)).to.equal(-EAGAIN);
    });

    it('gives a descriptor that does not block, and that no program inherits', async () => {
      const { fd } = await connection();
      expect(receive(fd, Buffer.alloc(1), 1)).to.equal(-EAGAIN);
      for (const each of [fd, listener.fd]) {
        const [, flags = ''] = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${each}`, 'latin1'))!;
        expect(Number.parseInt(flags, 8) & (SOCK_CLOEXEC | SOCK_NONBLOCK)).to.equal(
          SOCK_CLOEXEC | SOCK_NONBLOCK,
        );
      }
    });

    it('gives a connection whose small writes are not held back', async () => {
      const { fd } = await connection();
      expect(getOption(fd, IPPROTO_TCP, TCP_NODELAY)).to.equal(1);
    });
  });

  describe('names', () => {
    it('are those of both ends', async () => {
      const { client, fd } = await connection();
      expect(peerName(fd)).to.deep.equal({ address: '127.0.0.1', port: client.localPort });
      expect(localName(fd)).to.deep.equal({ address: '127.0.0.1', port: listener.port });
    });

    it('are empty for a peer that is gone', async () => {
      const { client, fd } = await connection();
      client.resetAndDestroy();
      expect(await arrived(fd, Buffer.alloc(1))).to.equal(-ECONNRESET);
      expect(peerName(fd)).to.deep.equal({ address: '', port: 0 });
    });
  });

  describe('bytes', () => {
    it('are sent and received, from the middle of a buffer too', async () => {
      const { client, fd } = await connection();
      const all = Buffer.from('..hello..');
      expect(send(fd, all.subarray(2, 7), 5, false)).to.equal(5);
      expect(String((await once(client, 'data'))[0])).to.equal('hello');
      client.write('welcome');
      const buffer = Buffer.alloc(20, '.');
      expect(await arrived(fd, buffer.subarray(5))).to.equal(7);
      expect(buffer.toString()).to.equal('.....welcome........');
    });

    it('are taken as far as there is room, and then none', async () => {
      const { client, fd } = await connection();
      client.pause();
      const much = Buffer.alloc(64 * 1024 * 1024);
      const first = send(fd, much, much.length, false);
      expect(first).to.be.within(1, much.length - 1);
      const more = (): true | undefined => send(fd, much, much.length, false) === -EAGAIN || undefined;
      await eventually(more, () => 'a full buffer');
    });

    it('wait for more when more is said to follow', async () => {
      const { client, fd } = await connection();
      let received = '';
      client.on('data', (chunk) => {
        received += String(chunk);
      });
      const startedMs = performance.now();
      send(fd, Buffer.from('a'), 1, true);
      // Longer than a byte takes that is sent, and not so long that the kernel gives up waiting (200 ms).
      while (performance.now() < startedMs + 50) await nextTurn();
      if (performance.now() < startedMs + 150) expect(received).to.equal('');
      send(fd, Buffer.from('b'), 1, false);
      await eventually(
        () => received === 'ab' || undefined,
        () => `both; there is ${received}`,
      );
    });

    it('to nobody are an error and no signal', async () => {
      const { client, fd } = await connection();
      client.resetAndDestroy();
      await arrived(fd, Buffer.alloc(1));
      expect(send(fd, Buffer.from('x'), 1, false)).to.equal(-EPIPE);
      expect(await runNative('sigpipe'), 'where SIGPIPE ends a process').to.equal(`${-EPIPE} ${-EPIPE}`);
    });
  });

  describe('shutdown', () => {
    it('of our direction lets the peer read its end, and go on', async () => {
      const { client, fd } = await connection();
      shutdownWrite(fd);
      client.resume();
      await once(client, 'end');
      client.write('still here');
      expect(await arrived(fd, Buffer.alloc(20))).to.equal(10);
    });

    it('of both ends it, whoever else has the descriptor', async () => {
      const { client, fd } = await connection();
      shutdownBoth(fd);
      client.resume();
      await once(client, 'end');
      expect(receive(fd, Buffer.alloc(1), 1)).to.equal(0);
      expect(send(fd, Buffer.from('x'), 1, false)).to.equal(-EPIPE);
    });

    it('with a reset breaks it, whoever else has the descriptor', async () => {
      const { client, fd } = await connection();
      client.resume();
      const broken = once(client, 'error') as Promise<[NodeJS.ErrnoException]>;
      reset(fd);
      expect((await broken)[0].code).to.equal('ECONNRESET');
    });

    it('with a reset just ends it on a Unix-domain socket, which knows none', () => {
      const [ours, theirs] = streamPair();
      reset(ours);
      expect(receive(theirs, Buffer.alloc(1), 1)).to.equal(0);
      close(ours);
      close(theirs);
    });

    it('of what the peer has reset is nothing', async () => {
      const { client, fd } = await connection();
      client.resetAndDestroy();
      await arrived(fd, Buffer.alloc(1));
      shutdownWrite(fd);
      shutdownBoth(fd);
    });
  });

  it('has the peer’s end as 0 bytes', async () => {
    const { client, fd } = await connection();
    client.end();
    expect(await arrived(fd, Buffer.alloc(1))).to.equal(0);
  });

  it('says which option cannot be set', () => {
    setOption(listener.fd, SOL_SOCKET, SO_REUSEADDR, 1);
    expect(errorOf(() => setOption(listener.fd, 12_345, 1, 1))).to.include({ syscall: 'setsockopt' });
    expect(getOption(listener.fd, SOL_SOCKET, SO_REUSEADDR)).to.equal(1);
    expect(errorOf(() => getOption(listener.fd, 12_345, 1))).to.include({ syscall: 'getsockopt' });
    expect(errorOf(() => setOption(999_999, IPPROTO_TCP, TCP_NODELAY, 1))).to.include({ code: 'EBADF' });
  });

  it('says that a descriptor is closed twice', async () => {
    const { fd } = await listener.connect();
    close(fd);
    expect(errorOf(() => close(fd))).to.include({ code: 'EBADF', syscall: 'close' });
  });
});
