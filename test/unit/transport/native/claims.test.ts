import { readdirSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { mapFile, memoryFile } from '../../../../src/posix/shared-memory.js';
import { close } from '../../../../src/posix/sockets.js';
import { MAX_CLAIMS, MasterClaims, WorkerClaims } from '../../../../src/transport/native/claims.js';
import { copyOf } from '../../../helpers/native-bench.js';
import { runNative } from '../../../helpers/native-child.js';

/** How often to look at shared memory before other events get their turn. */
const SPINS = 100_000;

describe('transport/native/claims', () => {
  let master: MasterClaims;
  let worker: WorkerClaims;

  beforeEach(() => {
    master = MasterClaims.create();
    worker = new WorkerClaims(copyOf(master.fd));
  });
  afterEach(() => {
    worker.close();
    master.close();
  });

  it('are taken by the worker, and then free again', () => {
    expect(master.offer(7)).to.equal(true);
    expect(master.settle(7)).to.equal('pending');
    expect(worker.claim(7)).to.equal(true);
    expect(master.settle(7), 'claimed, and nothing is read yet').to.equal('pending');
    worker.take(7);
    expect(master.offer(7), 'not before it is settled').to.equal(false);
    expect(master.settle(7)).to.equal('taken');
    expect(master.settle(7), 'once').to.equal('pending');
    expect(master.offer(7)).to.equal(true);
  });

  it('are given up by a worker that did not get the descriptor', () => {
    master.offer(7);
    worker.giveUp(7);
    expect(master.offer(7)).to.equal(false);
    expect(master.settle(7)).to.equal('untaken');
    expect(master.offer(7)).to.equal(true);
  });

  it('are taken back from a worker that has not begun', () => {
    master.offer(7);
    expect(master.revoke(7)).to.equal(true);
    expect(master.revoke(7), 'once').to.equal(false);
    expect(master.offer(7), 'not before the worker has seen it').to.equal(false);
    expect(worker.claim(7)).to.equal(false);
    expect(master.offer(7)).to.equal(true);
    expect(worker.claim(7)).to.equal(true);
  });

  it('are taken back from a worker that did not get the descriptor', () => {
    master.offer(7);
    master.revoke(7);
    worker.giveUp(7);
    expect(master.settle(7)).to.equal('pending');
    expect(master.offer(7)).to.equal(true);
  });

  it('are not taken back from a worker that has begun, or given up', () => {
    master.offer(7);
    worker.claim(7);
    expect(master.revoke(7)).to.equal(false);
    worker.take(7);
    expect(master.revoke(7)).to.equal(false);
    expect(master.settle(7)).to.equal('taken');
    expect(master.revoke(7), 'free').to.equal(false);
    master.offer(8);
    worker.giveUp(8);
    expect(master.revoke(8)).to.equal(false);
    expect(master.settle(8)).to.equal('untaken');
  });

  it('are withdrawn when they were never sent', () => {
    master.offer(7);
    master.withdraw(7);
    expect(master.offer(7)).to.equal(true);
  });

  it('are as many as there may be under way, each of its own', () => {
    for (let id = 0; id < MAX_CLAIMS; id++) expect(master.offer(id)).to.equal(true);
    expect(master.offer(MAX_CLAIMS)).to.equal(false);
    worker.claim(5);
    worker.take(5);
    for (let id = 0; id < MAX_CLAIMS; id++)
      expect(master.settle(id)).to.equal(id === 5 ? 'taken' : 'pending');
    expect(master.offer(MAX_CLAIMS + 5)).to.equal(true);
  });

  it('go on where their numbers begin again', () => {
    const ids = Array.from({ length: MAX_CLAIMS }, (_, i) => (2 ** 32 - MAX_CLAIMS / 2 + i) % 2 ** 32);
    for (const id of ids) expect(master.offer(id)).to.equal(true);
    for (const id of ids) expect(worker.claim(id)).to.equal(true);
    for (const id of ids) worker.take(id);
    for (const id of ids) expect(master.settle(id)).to.equal('taken');
  });

  it('leave no descriptor behind on either side', () => {
    const before = readdirSync('/proc/self/fd').length;
    const again = MasterClaims.create();
    const itsWorker = new WorkerClaims(copyOf(again.fd));
    expect(readdirSync('/proc/self/fd').length).to.equal(before + 1);
    itsWorker.close();
    again.close();
    expect(readdirSync('/proc/self/fd').length).to.equal(before);
  });

  it('go to exactly one when one process takes them back while another claims them', async () => {
    const [rounds, size] = [300, 500];
    const fd = memoryFile('steps');
    writeSync(fd, Buffer.alloc(4 * (size + 2)));
    const mapping = mapFile(fd, 4 * (size + 2));
    const steps = new Int32Array(mapping.buffer);
    const child = runNative('claim', [rounds, size], [master.fd, fd]);
    let hasEnded = false;
    const ended = child.finally(() => {
      hasEnded = true;
    });
    const won = { master: 0, worker: 0 };
    for (let round = 1; round <= rounds; round++) {
      for (let id = 0; id < size; id++) expect(master.offer(id)).to.equal(true);
      // From here on both run over the same words, one from either end.
      Atomics.store(steps, 0, round);
      const revoked = Array.from({ length: size }, (_, i) => master.revoke(size - 1 - i)).reverse();
      for (let spins = 1; Atomics.load(steps, 1) < round; spins++) {
        if (spins % SPINS !== 0) continue;
        // Nobody would wake us from a loop that waits for a process which is gone.
        await nextTurn();
        if (hasEnded) await ended;
      }
      for (let id = 0; id < size; id++) {
        expect(revoked[id], `number ${id} in round ${round}`).to.equal(steps[2 + id] === 0);
        if (revoked[id]) won.master++;
        else won.worker++;
        if (revoked[id]) continue;
        worker.take(id);
        expect(master.settle(id)).to.equal('taken');
      }
    }
    await ended;
    mapping.unmap();
    close(fd);
    expect(won.master, 'a race').to.be.above(rounds);
    expect(won.worker, 'a race').to.be.above(rounds);
  });
});
