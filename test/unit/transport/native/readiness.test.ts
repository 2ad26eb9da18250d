import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { EPOLLIN, EPOLLOUT } from '../../../../src/posix/constants.js';
import { close } from '../../../../src/posix/sockets.js';
import { Readiness } from '../../../../src/transport/native/readiness.js';
import { eventually } from '../../../helpers/eventually.js';
import { copyOf, readNow, sendText } from '../../../helpers/native-bench.js';
import { streamPair } from '../../../helpers/sockets.js';

describe('transport/native/readiness', () => {
  let readiness: Readiness;
  let turns: number;
  let log: string[];
  const open: number[] = [];

  beforeEach(() => {
    [turns, log] = [0, []];
    readiness = new Readiness(() => {
      turns++;
      log.push('end');
    });
    readiness.start();
  });
  afterEach(() => {
    readiness.close();
    for (const fd of open.splice(0)) close(fd);
  });

  function pair(): [number, number] {
    const fds = streamPair();
    open.push(...fds);
    return fds;
  }

  function logged(what: string): Promise<unknown> {
    return eventually(
      () => log.includes(what) || undefined,
      () => `${what}; there is ${log.join()}`,
    );
  }

  it('tells the owners of all that is ready, and then ends the turn', async () => {
    for (const name of ['a', 'b']) {
      const [fd, other] = pair();
      readiness.add(fd, EPOLLIN, { onReady: (events) => void log.push(`${name} ${events} ${readNow(fd)}`) });
      sendText(other, 'x');
    }
    await logged('end');
    expect(log.toSorted()).to.deep.equal([`a ${EPOLLIN} x`, `b ${EPOLLIN} x`, 'end']);
    expect(log.at(-1)).to.equal('end');
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(turns, 'nothing is ready any more').to.equal(1);
  });

  it('tells what is waited for now', async () => {
    const [fd] = pair();
    readiness.add(fd, EPOLLIN, {
      onReady: (events) => {
        log.push(`ready ${events}`);
        readiness.modify(fd, EPOLLIN);
      },
    });
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(log).to.deep.equal([]);
    readiness.modify(fd, EPOLLIN | EPOLLOUT);
    await logged(`ready ${EPOLLOUT}`);
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(log).to.deep.equal([`ready ${EPOLLOUT}`, 'end']);
  });

  it('tells nothing to an owner that was removed earlier in the turn', async () => {
    const pairs = [pair(), pair()];
    for (const [fd, other] of pairs) {
      const onReady = (): void => {
        log.push('told');
        for (const [each] of pairs) readiness.remove(each);
      };
      readiness.add(fd, EPOLLIN, { onReady });
      sendText(other, 'x');
    }
    await logged('end');
    expect(log).to.deep.equal(['told', 'end']);
  });

  it('tells nothing to the owner of a descriptor that got its number earlier in the turn', async () => {
    const pairs = [pair(), pair()];
    let successors = 0;
    pairs.forEach(([fd, other], i) => {
      const onReady = (): void => {
        log.push('told');
        readNow(fd);
        const [closed] = pairs[1 - i]!;
        readiness.remove(closed);
        // A copy keeps the connection, so that its event does not go with it.
        open.push(copyOf(closed));
        close(closed);
        open.splice(open.indexOf(closed), 1);
        const [successor, its] = streamPair();
        open.push(successor, its);
        if (successor === closed) successors++;
        readiness.add(successor, EPOLLIN, { onReady: () => void log.push('successor') });
      };
      readiness.add(fd, EPOLLIN, { onReady });
      sendText(other, 'x');
    });
    await logged('end');
    expect(successors, 'the number is used again').to.equal(1);
    expect(log).to.deep.equal(['told', 'end']);
  });

  it('says when a descriptor cannot be waited for', () => {
    expect(readiness.add(999_999, EPOLLIN, { onReady: () => undefined })).to.equal(false);
  });

  it('tells nothing when it is closed', async () => {
    const [fd, other] = pair();
    readiness.add(fd, EPOLLIN, { onReady: () => void log.push('told') });
    readiness.close();
    sendText(other, 'x');
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(log).to.deep.equal([]);
    readiness = new Readiness(() => undefined);
  });
});
