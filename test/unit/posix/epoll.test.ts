import type { Socket } from 'node:net';
import { expect } from 'chai';
import {
  EPOLL_DATA_WORD,
  EPOLL_EVENT_WORDS,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
} from '../../../src/posix/constants.js';
import { EpollSet } from '../../../src/posix/epoll.js';
import { MessageBuffer, socketPair } from '../../../src/posix/fd-passing.js';
import { close, receive, shutdownWrite } from '../../../src/posix/sockets.js';
import { eventually } from '../../helpers/eventually.js';
import { TestListener } from '../../helpers/sockets.js';

const BUFFER_BYTES = 65_536;

describe('posix/epoll', () => {
  let listener: TestListener;
  let set: EpollSet;
  let client: Socket;
  let fd: number;

  beforeEach(async () => {
    listener = new TestListener();
    set = new EpollSet(4);
    ({ client, fd } = await listener.connect());
  });
  afterEach(() => {
    set.close();
    listener.close();
    close(fd);
  });

  /** What is ready now: `[descriptor, events, tag]` of each. */
  function ready(): number[][] {
    const count = set.wait();
    return Array.from({ length: count }, (_, i) => [set.descriptor(i), set.events(i), set.tag(i)]);
  }

  function readySoon(): Promise<number[][]> {
    const ask = (): number[][] | undefined => {
      const all = ready();
      return all.length > 0 ? all : undefined;
    };
    return eventually(ask, () => 'an event');
  }

  it('has events as they lie in memory on this architecture', () => {
    const [words, data] = process.arch === 'x64' ? [3, 1] : [4, 2];
    expect([EPOLL_EVENT_WORDS, EPOLL_DATA_WORD]).to.deep.equal([words, data]);
  });

  it('tells which descriptor is ready, for what, and with whose number', async () => {
    expect(set.add(fd, EPOLLIN, 1_000_000_007)).to.equal(0);
    expect(ready()).to.deep.equal([]);
    client.write('x');
    expect(await readySoon()).to.deep.equal([[fd, EPOLLIN, 1_000_000_007]]);
    expect(ready(), 'again, until it is read').to.have.length(1);
    receive(fd, Buffer.alloc(1), 1);
    expect(ready()).to.deep.equal([]);
  });

  it('tells several at once, and at most as many as it has room for', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => listener.connect()));
    others.forEach((other, i) => void set.add(other.fd, EPOLLOUT, i + 1));
    const first = ready();
    expect(first).to.have.length(4);
    for (const [descriptor, events, tag] of first) {
      expect(descriptor).to.equal(others[tag! - 1]!.fd);
      expect(events).to.equal(EPOLLOUT);
    }
    for (const other of others) close(other.fd);
  });

  it('waits for something else when that is changed', async () => {
    set.add(fd, EPOLLIN, 1);
    expect(set.modify(fd, EPOLLIN | EPOLLOUT, 2)).to.equal(0);
    expect(ready()).to.deep.equal([[fd, EPOLLOUT, 2]]);
    set.modify(fd, 0, 3);
    client.write('x');
    expect(ready()).to.deep.equal([]);
    set.modify(fd, EPOLLIN, 4);
    expect(await readySoon()).to.deep.equal([[fd, EPOLLIN, 4]]);
  });

  it('tells the end of a connection even to those who wait for nothing', async () => {
    set.add(fd, 0, 1);
    client.resetAndDestroy();
    const [[descriptor, events] = []] = await readySoon();
    expect(descriptor).to.equal(fd);
    expect(events! & (EPOLLERR | EPOLLHUP)).to.equal(EPOLLERR | EPOLLHUP);
  });

  it('has the peer’s end as something to read, and no hang-up while ours is open', async () => {
    set.add(fd, EPOLLIN, 1);
    client.end();
    expect(await readySoon()).to.deep.equal([[fd, EPOLLIN, 1]]);
    set.modify(fd, 0, 1);
    expect(ready()).to.deep.equal([]);
    shutdownWrite(fd);
    expect(await readySoon()).to.deep.equal([[fd, EPOLLHUP, 1]]);
  });

  it('tells nothing of what was removed', async () => {
    set.add(fd, EPOLLOUT, 1);
    set.remove(fd);
    expect(ready()).to.deep.equal([]);
    expect(set.add(fd, EPOLLOUT, 2)).to.equal(0);
    expect(ready()).to.deep.equal([[fd, EPOLLOUT, 2]]);
  });

  it('tells a closed descriptor from another that has its number, though a copy of it is still open', () => {
    const [closed, peer] = socketPair(BUFFER_BYTES);
    const message = new MessageBuffer(16);
    message.descriptors[0] = closed;
    message.send(closed, 1, 1);
    message.receive(peer);
    const [copy = 0] = message.descriptors;
    set.add(closed, EPOLLIN, 1);
    close(closed);
    const [successor, itsPeer] = socketPair(BUFFER_BYTES);
    expect(successor, 'the number is used again').to.equal(closed);
    expect(set.add(successor, EPOLLIN, 2)).to.equal(0);
    message.send(peer, 1, 0);
    expect(ready()).to.deep.equal([[successor, EPOLLIN, 1]]);
    message.receive(copy);
    message.send(itsPeer, 1, 0);
    expect(ready()).to.deep.equal([[successor, EPOLLIN, 2]]);
    for (const each of [successor, itsPeer, peer, copy]) close(each);
  });

  it('forgets a descriptor that is closed with all its copies', () => {
    const [closed, peer] = socketPair(BUFFER_BYTES);
    set.add(closed, EPOLLIN, 1);
    close(closed);
    close(peer);
    expect(ready()).to.deep.equal([]);
  });

  it('says what the kernel did not do', () => {
    set.add(fd, EPOLLIN, 1);
    expect(set.add(fd, EPOLLIN, 1), 'EEXIST').to.equal(-17);
    expect(set.modify(listener.fd, EPOLLIN, 1), 'ENOENT').to.equal(-2);
    expect(set.add(999_999, EPOLLIN, 1), 'EBADF').to.equal(-9);
    set.remove(999_999);
  });
});
