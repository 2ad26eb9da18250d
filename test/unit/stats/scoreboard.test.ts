import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { bucketOf } from '../../../src/stats/histogram.js';
import { FIELD, HISTOGRAM_START, SEQ_END, SLOT_BYTES } from '../../../src/stats/schema.js';
import { Scoreboard, type SlotLayout, SlotWriter } from '../../../src/stats/scoreboard.js';
import { STRIDE } from '../../../src/stats/slot-file.js';
import { MAP_STRIDE } from '../../../src/stats/slot-map.js';

const WRITER = fileURLToPath(new URL('../../helpers/scoreboard-writer.js', import.meta.url));

/** Bytes from one copy of a slot to the other, in memory. */
const COPIES_START = 8;

for (const layout of ['file', 'map'] as const) describeScoreboard(layout);

function describeScoreboard(layout: SlotLayout): void {
  describe(`stats/scoreboard: ${layout}`, () => {
    /** A test of one layout only. */
    const itIn = (only: SlotLayout, title: string, test: (this: Mocha.Context) => void): void => {
      if (layout === only) it(title, test);
    };
    let directory: string;
    let board: Scoreboard;

    beforeEach(() => {
      directory = fs.mkdtempSync(path.join(os.tmpdir(), 'scoreboard-'));
      board = Scoreboard.create(layout, [directory]);
    });

    afterEach(() => {
      board.close();
      fs.rmSync(directory, { recursive: true });
    });

    describe('the file', () => {
      it('has no name, so nothing can be left behind', () => {
        expect(fs.readdirSync(directory)).to.deep.equal([]);
      });

      it('is made in the first directory that will have it', () => {
        const other = Scoreboard.create(layout, [path.join(directory, 'missing'), directory]);
        expect(other.allocate()).to.equal(0);
        other.close();
      });

      itIn('map', 'is refused to a worker that was not given it', () => {
        expect(() => new SlotWriter(999_999, 0, layout)).to.throw(Error, 'EBADF');
      });

      itIn('map', 'has room for all workers that there can be, and says so when there are more', () => {
        for (let i = 0; i < 1024; i++) board.allocate();
        const writer = new SlotWriter(board.fd, 1023, layout);
        writer.add('requests', 3);
        writer.commit();
        expect(board.readSlot(1023)[FIELD.requests]).to.equal(3);
        expect(() => board.clearSlot(1_000_000)).to.throw(RangeError, 'slots');
      });

      it('has the reason of the last directory when none will', () => {
        expect(() => Scoreboard.create(layout, [path.join(directory, 'missing')])).to.throw('ENOENT');
      });

      it('keeps every slot within one page, or has whole pages for it', () => {
        if (layout === 'file') {
          expect(STRIDE).to.be.at.least(SLOT_BYTES);
          expect(4096 % STRIDE).to.equal(0);
        } else {
          expect(COPIES_START + 2 * SLOT_BYTES).to.be.at.most(MAP_STRIDE);
          expect(MAP_STRIDE % 4096).to.equal(0);
        }
      });

      itIn('map', 'refuses a slot for which there is room in part only', function () {
        const disk = path.join(directory, 'disk');
        fs.mkdirSync(disk);
        // Three slots and a page: what begins with the fourth slot cannot be written to its end.
        const size = `size=${3 * MAP_STRIDE + 4096}`;
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk], { encoding: 'utf8' });
        if (mounted.status !== 0) {
          console.log(`        skipped: a small disk cannot be mounted: ${mounted.stderr?.trim()}`);
          this.skip();
        }
        try {
          const small = Scoreboard.create(layout, [disk]);
          for (let i = 0; i < 3; i++) small.allocate();
          expect(() => small.allocate()).to.throw('ENOSPC');
          small.close();
        } finally {
          spawnSync('umount', ['--lazy', disk]);
        }
      });
    });

    describe('slots', () => {
      it('are given out from the lowest, and again when free', () => {
        expect([board.allocate(), board.allocate(), board.allocate()]).to.deep.equal([0, 1, 2]);
        board.free(1);
        expect(board.allocate()).to.equal(1);
        expect(board.allocate()).to.equal(3);
      });

      it('begin at zero, whatever the owner before had counted', () => {
        const index = board.allocate();
        const writer = new SlotWriter(board.fd, index, layout);
        writer.add('requests', 5);
        writer.commit();
        board.readSlot(index);
        board.free(index);
        expect(board.allocate()).to.equal(index);
        expect(board.readSlot(index).every((value) => value === 0)).to.equal(true);
      });

      it('can be more than were given space at first', () => {
        for (let i = 0; i < 100; i++) board.allocate();
        const writer = new SlotWriter(board.fd, 99, layout);
        writer.add('requests', 7);
        expect(writer.commit()).to.equal(true);
        expect(board.readSlot(99)[FIELD.requests]).to.equal(7);
        expect(board.readSlot(98)[FIELD.requests]).to.equal(0);
      });
    });

    describe('commit', () => {
      let writer: SlotWriter;

      beforeEach(() => {
        board.allocate();
        writer = new SlotWriter(board.fd, board.allocate(), layout);
      });

      it('puts all counts on record, and none before', () => {
        writer.add('requests');
        writer.add('bytesSent', 1200);
        writer.set('open', 3);
        writer.counters[FIELD.status2xx]! += 1;
        expect(board.readSlot(1)[FIELD.requests]).to.equal(0);
        expect(writer.commit()).to.equal(true);
        const slot = board.readSlot(1);
        expect(slot[FIELD.requests]).to.equal(1);
        expect(slot[FIELD.bytesSent]).to.equal(1200);
        expect(slot[FIELD.open]).to.equal(3);
        expect(slot[FIELD.status2xx]).to.equal(1);
        expect(slot[FIELD.seq]).to.equal(slot[SEQ_END]);
      });

      it('writes when a count has changed, wherever in the slot that is', () => {
        writer.commit();
        writer.counters[SEQ_END - 1] = 5;
        writer.commit();
        expect(board.readSlot(1)[SEQ_END - 1]).to.equal(5);
      });

      itIn('file', 'writes a file only when a count has changed', () => {
        writer.add('taken');
        writer.commit();
        writer.commit();
        expect(board.readSlot(1)[FIELD.seq]).to.equal(1);
        writer.counters[SEQ_END - 1] = 1;
        writer.commit();
        expect(board.readSlot(1)[FIELD.seq]).to.equal(2);
      });

      it('counts response times', () => {
        for (const us of [10, 11.4, 5000, -1]) writer.recordLatency(us);
        writer.commit();
        const slot = board.readSlot(1);
        expect(slot[HISTOGRAM_START + bucketOf(5000)]).to.equal(1);
        expect(slot[HISTOGRAM_START]).to.equal(1);
        expect(slot[FIELD.latencySumUs]).to.equal(5021);
      });

      itIn('file', 'says so when the disk is full, throws nothing, and tries again', () => {
        const full = fs.openSync('/dev/full', 'r+');
        const onFull = new SlotWriter(full, 0, layout);
        onFull.add('requests');
        expect(onFull.commit()).to.equal(false);
        expect(onFull.commit()).to.equal(false);
        fs.closeSync(full);
      });
    });

    describe('readSlot', () => {
      itIn(
        'map',
        'returns the last commit, whatever a worker had written of the next when it was killed',
        () => {
          const index = board.allocate();
          const writer = new SlotWriter(board.fd, index, layout);
          for (let count = 1; count <= 3; count++) {
            writer.add('requests');
            writer.commit();
            const other = COPIES_START + ((count + 1) % 2) * SLOT_BYTES;
            fs.writeSync(board.fd, Buffer.alloc(SLOT_BYTES, 0x55), 0, SLOT_BYTES, index * MAP_STRIDE + other);
            expect(board.readSlot(index)[FIELD.requests]).to.equal(count);
            expect(board.readField(index, FIELD.requests)).to.equal(count);
          }
        },
      );

      itIn('file', 'returns the last whole copy of a slot that stays torn', () => {
        const index = board.allocate();
        const writer = new SlotWriter(board.fd, index, layout);
        writer.add('requests', 41);
        writer.commit();
        board.readSlot(index);
        const torn = new Float64Array([2]);
        fs.writeSync(board.fd, torn, 0, 8, index * STRIDE);
        expect(board.readSlot(index)[FIELD.requests]).to.equal(41);
        board.clearSlot(index);
        expect(board.readSlot(index)[FIELD.requests]).to.equal(0);
      });

      it('returns copies of its own', () => {
        const index = board.allocate();
        board.readSlot(index).fill(9);
        expect(board.readSlot(index)[FIELD.requests]).to.equal(0);
      });

      it('never mixes two commits, and counts stand after SIGKILL', async () => {
        for (let run = 0; run < 3; run++) {
          const index = board.allocate();
          const child = startWriter(board.fd, index, layout);
          const gone = once(child, 'exit');
          let before = 0;
          try {
            await once(child, 'message');
            while (before < 20_000) {
              const count = expectWhole(board.readSlot(index));
              expect(count).to.be.at.least(before);
              before = count;
            }
          } finally {
            child.kill('SIGKILL');
            await gone;
          }
          const last = board.readSlot(index);
          expect(expectWhole(last)).to.be.at.least(before);
          expect(last[FIELD.seq]).to.equal(last[FIELD.requests]);
        }
      });
    });
  });
}

function startWriter(fd: number, index: number, layout: SlotLayout): ChildProcess {
  return spawn(process.execPath, [WRITER, '3', String(index), layout], {
    stdio: ['ignore', 'inherit', 'inherit', fd, 'ipc'],
  });
}

function expectWhole(slot: Float64Array): number {
  const count = slot[FIELD.requests]!;
  expect(slot[FIELD.status2xx]).to.equal(count);
  expect(slot[SEQ_END - 1]).to.equal(count);
  expect(slot[SEQ_END]).to.equal(slot[FIELD.seq]);
  return count;
}
