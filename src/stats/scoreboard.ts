/**
 * The scoreboard: a file without a name, one slot for each process that counts. A worker writes its
 * own slot and no other; the master reads them all, also those of workers that were killed.
 *
 *     file   | slot 0 | slot 1 | slot 2 | ...          STRIDE bytes each, inherited as a descriptor
 *     slot   | seq | fields ... | histogram ... | seqEnd | unused |
 *
 * A slot lies within one page of memory. That matters: the kernel looks for a fatal signal between two
 * pages of a write, never within one, so a killed worker leaves a slot that is whole.
 *
 * What the numbers mean is `schema.ts`; adding them up is `totals.ts`.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { bucketOf } from './histogram.js';
import { FIELD, HISTOGRAM_START, SEQ_END, SLOT_BYTES, SLOT_DOUBLES, type SlotField } from './schema.js';

/** Bytes from one slot to the next: a power of two, so that no slot crosses a page of 4096 bytes. */
export const STRIDE = 2 ** Math.ceil(Math.log2(SLOT_BYTES));
/** Slots that are given space at once, so that a disk that fills up later cannot refuse a new worker. */
const RESERVED_SLOTS = 32;
/** A write takes about a microsecond, so meeting one this often means that the slot is torn for good. */
const READ_ATTEMPTS = 100;

const ZERO_SLOT = Buffer.alloc(STRIDE);

/** The master's view: makes the file, gives out slots, reads them. */
export class Scoreboard {
  /** To be inherited by the workers. Nothing else leads to the file. */
  readonly fd: number;
  readonly #taken = new Set<number>();
  readonly #lastGood = new Map<number, Float64Array>();
  readonly #probe = new Float64Array(1);
  readonly #probeBytes = Buffer.from(this.#probe.buffer);

  private constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * Makes the file in the first directory that has room for it, and removes its name at once: whatever
   * becomes of the processes, nothing is left behind. Throws the system's error when none has.
   */
  static create(directories: readonly string[] = ['/dev/shm', os.tmpdir()]): Scoreboard {
    let failure: unknown = new Error('no directory was given for the scoreboard');
    for (const directory of directories) {
      try {
        return new Scoreboard(openUnnamed(directory));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The lowest slot that is free, zeroed. Throws the system's error when there is no space for it. */
  allocate(): number {
    let index = 0;
    while (this.#taken.has(index)) index++;
    this.clearSlot(index);
    this.#taken.add(index);
    return index;
  }

  /** Gives a slot back. Its owner must be gone, and its counts read. */
  free(index: number): void {
    this.#taken.delete(index);
    this.#lastGood.delete(index);
  }

  /** Sets every count of a slot to zero. No worker may be writing to it. */
  clearSlot(index: number): void {
    fs.writeSync(this.fd, ZERO_SLOT, 0, STRIDE, index * STRIDE);
    this.#lastGood.delete(index);
  }

  /**
   * A copy of a slot as one commit left it, never a mixture of two. Should the slot be torn for good,
   * which takes a slot that crosses a page, this is the last whole copy that was read.
   */
  readSlot(index: number): Float64Array {
    const slot = new Float64Array(SLOT_DOUBLES);
    const bytes = Buffer.from(slot.buffer);
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      // A commit writes from front to back, so: its end is there, hence all of it was; no later one
      // has begun after the copy, hence none is mixed in. One read of the whole cannot tell that: the
      // writer may overtake the reader in the middle.
      const ended = this.#readDouble(index, SEQ_END);
      fs.readSync(this.fd, bytes, 0, SLOT_BYTES, index * STRIDE);
      if (this.#readDouble(index, FIELD.seq) === ended) {
        this.#lastGood.set(index, slot);
        return slot.slice();
      }
    }
    return this.#lastGood.get(index)?.slice() ?? new Float64Array(SLOT_DOUBLES);
  }

  /** One field of a slot as it stands now. Cheaper than the whole slot, and never torn. */
  readField(index: number, position: number): number {
    return this.#readDouble(index, position);
  }

  /** Closes the master's descriptor. Workers that still run keep theirs. */
  close(): void {
    fs.closeSync(this.fd);
  }

  #readDouble(index: number, position: number): number {
    fs.readSync(this.fd, this.#probeBytes, 0, 8, index * STRIDE + position * 8);
    return this.#probe[0]!;
  }
}

/** A worker's view: counts in memory, put on record by `commit`. */
export class SlotWriter {
  /** Positions are those of `FIELD`; the hot path counts here directly. `seq` belongs to `commit`. */
  readonly counters = new Float64Array(SLOT_DOUBLES);
  readonly #fd: number;
  readonly #offset: number;
  /** What the file holds. */
  readonly #image = new Float64Array(SLOT_DOUBLES);
  readonly #imageBytes = Buffer.from(this.#image.buffer);
  #failed = false;

  constructor(fd: number, index: number) {
    this.#fd = fd;
    this.#offset = index * STRIDE;
  }

  add(field: SlotField, amount = 1): void {
    this.counters[FIELD[field]]! += amount;
  }

  set(field: SlotField, value: number): void {
    this.counters[FIELD[field]] = value;
  }

  /** Counts one response time, in microseconds. */
  recordLatency(us: number): void {
    this.counters[HISTOGRAM_START + bucketOf(us)]! += 1;
    if (us > 0) this.counters[FIELD.latencySumUs]! += Math.round(us);
  }

  /**
   * Puts all counts on record with one write, about 1.2 microseconds; 0.2 when nothing has changed
   * (comparing beats a flag that every place that counts would have to set: in a busy turn one of the
   * first fields differs). False when the write failed: it is tried again at the next commit.
   */
  commit(): boolean {
    if (!this.#failed && !this.#changed()) return true;
    const sequence = this.#image[SEQ_END]! + 1;
    this.#image.set(this.counters);
    this.#image[FIELD.seq] = sequence;
    this.#image[SEQ_END] = sequence;
    this.#failed = !this.#write();
    return !this.#failed;
  }

  #changed(): boolean {
    const { counters } = this;
    const image = this.#image;
    for (let i = FIELD.seq + 1; i < SEQ_END; i++) if (counters[i] !== image[i]) return true;
    return false;
  }

  #write(): boolean {
    try {
      return fs.writeSync(this.#fd, this.#imageBytes, 0, SLOT_BYTES, this.#offset) === SLOT_BYTES;
    } catch {
      // A full disk must not stop the serving; the caller learns of it by the result.
      return false;
    }
  }
}

function openUnnamed(directory: string): number {
  const name = path.join(directory, `handover-${process.pid}-${Date.now().toString(36)}.scoreboard`);
  const fd = fs.openSync(name, 'wx+', 0o600);
  try {
    fs.unlinkSync(name);
    // Written, not truncated to size: only so is the space ours, and a full disk noticed here.
    for (let index = 0; index < RESERVED_SLOTS; index++) {
      fs.writeSync(fd, ZERO_SLOT, 0, STRIDE, index * STRIDE);
    }
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}
