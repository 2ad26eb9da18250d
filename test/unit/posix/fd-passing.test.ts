import { fstatSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { EAGAIN, ECONNRESET, EPIPE, SOCK_CLOEXEC } from '../../../src/posix/constants.js';
import { largestMessage, MAX_DESCRIPTORS, MessageBuffer, socketPair } from '../../../src/posix/fd-passing.js';
import { memoryFile } from '../../../src/posix/shared-memory.js';
import { close } from '../../../src/posix/sockets.js';
import { runNative } from '../../helpers/native-child.js';

const BUFFER_BYTES = 256 * 1024;

describe('posix/fd-passing', () => {
  let one: number;
  let other: number;
  let message: MessageBuffer;
  const open: number[] = [];

  beforeEach(() => {
    [one, other] = socketPair(BUFFER_BYTES);
    open.push(one, other);
    message = new MessageBuffer(64 * 1024);
  });
  afterEach(() => {
    for (const fd of open.splice(0)) close(fd);
  });

  function closeNow(fd: number): void {
    open.splice(open.indexOf(fd), 1);
    close(fd);
  }

  /** Files of their own, so that it shows which descriptor came where. */
  function files(count: number): number[] {
    const fds = Array.from({ length: count }, (_, i) => memoryFile(`file-${i}`));
    open.push(...fds);
    return fds;
  }

  function send(text: string, fds: readonly number[] = []): number {
    message.bytes.write(text);
    message.descriptors.set(fds);
    return message.send(one, Buffer.byteLength(text), fds.length);
  }

  /** The text that came; its descriptors are closed when the test is over. */
  function receive(fd = other): string {
    message.bytes.fill('.');
    const length = message.receive(fd);
    expect(length).to.be.at.least(0);
    open.push(...message.descriptors.subarray(0, message.count));
    return message.bytes.toString('utf8', 0, length);
  }

  function inodes(fds: ArrayLike<number>): number[] {
    return Array.from(fds, (fd) => fstatSync(fd).ino);
  }

  for (const count of [1, 2, MAX_DESCRIPTORS]) {
    it(`takes ${count} descriptors, in their order, and bytes`, () => {
      const sent = files(count);
      expect(send('hello', sent)).to.equal(0);
      message.descriptors.fill(-1);
      expect(receive()).to.equal('hello');
      expect(message).to.include({ count, truncated: false });
      const came = message.descriptors.slice(0, count);
      expect(inodes(came)).to.deep.equal(inodes(sent));
      expect(new Set([...came, ...sent]), 'all of their own').to.have.property('size', 2 * count);
    });
  }

  it('takes bytes alone, also after descriptors', () => {
    send('first', files(3));
    receive();
    expect(send('second')).to.equal(0);
    expect(receive()).to.equal('second');
    expect(message).to.include({ count: 0, truncated: false });
  });

  it('keeps the bounds of messages, both ways', () => {
    send('one', files(2));
    send('two', files(1));
    expect([receive(), message.count, receive(), message.count]).to.deep.equal(['one', 2, 'two', 1]);
    message.bytes.write('back');
    expect(message.send(other, 4, 0)).to.equal(0);
    expect(receive(one)).to.equal('back');
  });

  it('keeps a descriptor alive on its way', () => {
    const [fd = 0] = files(1);
    const [inode] = inodes([fd]);
    send('x', [fd]);
    closeNow(fd);
    receive();
    expect(inodes([message.descriptors[0]!])).to.deep.equal([inode]);
  });

  it('says when there is nothing', () => {
    expect(message.receive(other)).to.equal(-EAGAIN);
    expect(message).to.include({ count: 0, truncated: false });
  });

  it('says when the channel is full, with nothing sent of what did not fit', () => {
    let sent = 0;
    while (send(`message ${sent}`, [other]) === 0) sent++;
    expect(send('x', [other])).to.equal(-EAGAIN);
    expect(sent).to.be.above(20);
    for (let i = 0; i < sent; i++) {
      expect(receive()).to.equal(`message ${i}`);
      expect(message.count).to.equal(1);
      closeNow(message.descriptors[0]!);
    }
    expect(message.receive(other)).to.equal(-EAGAIN);
    expect(send('x')).to.equal(0);
  });

  it('takes messages as large as it says, and no larger', () => {
    const [small, its] = socketPair(4000);
    open.push(small, its);
    const largest = largestMessage(small);
    expect(largest).to.be.within(2000, 16_000);
    expect(message.send(small, largest, 0)).to.equal(0);
    expect(message.receive(its)).to.equal(largest);
    expect(message.send(small, largest + 1, 0), 'EMSGSIZE').to.equal(-90);
  });

  it('says when the other end is closed', () => {
    send('last');
    closeNow(one);
    expect(receive()).to.equal('last');
    expect(message.receive(other)).to.equal(0);
    expect(message.send(other, 1, 0)).to.equal(-EPIPE);
  });

  it('says that the other end died with messages unread, and then gives what it had sent', async () => {
    send('unread');
    expect(await runNative('send-and-die', [], [other])).to.equal('0');
    closeNow(other);
    expect(message.receive(one)).to.equal(-ECONNRESET);
    expect(receive(one)).to.equal('last');
    expect(message.count).to.equal(MAX_DESCRIPTORS);
    expect(message.receive(one)).to.equal(0);
  });

  it('brings as many descriptors as the receiver may have, and says that there were more', async () => {
    const sent = files(MAX_DESCRIPTORS);
    for (const text of ['one', 'two', 'three']) send(text, sent);
    closeNow(one);
    const seen = await runNative('drain', [], [other], 'ulimit -n 60');
    const [, count = ''] = /^(\d+) truncated, 0 truncated, 0 truncated, end 0$/.exec(seen) ?? [seen];
    expect(Number(count)).to.be.within(1, MAX_DESCRIPTORS - 1);
  });

  it('gives descriptors that no program inherits', () => {
    send('x', files(1));
    receive();
    const info = readFileSync(`/proc/self/fdinfo/${message.descriptors[0]}`, 'latin1');
    const [, flags = ''] = /^flags:\s+(\d+)$/m.exec(info)!;
    expect(Number.parseInt(flags, 8) & SOCK_CLOEXEC).to.equal(SOCK_CLOEXEC);
  });
});
