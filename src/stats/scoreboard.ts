/**
 * The scoreboard: a file without a name, one slot for each process that counts. A worker writes its
 * own slot and no other; the master reads them all, also those of workers that were killed. How a slot
 * lies in the file is its store's business: written with write(2) (slot-file.ts), or mapped by all
 * processes (slot-map.ts). Either leaves a slot whole, whenever its worker is killed.
 *
 * What the numbers mean is `schema.ts`; adding them up is `totals.ts`.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { bucketOf } from './histogram.js';
import { FIELD, HISTOGRAM_START, SLOT_DOUBLES, type SlotField } from './schema.js';
import { FileRecord, SlotFile } from './slot-file.js';
import { MapRecord, SlotMap } from './slot-map.js';

/** How a slot lies in the file. */
export type SlotLayout = 'file' | 'map';

/** The master's access to the slots of a scoreboard. */
export interface SlotStore {
  /** Sets a slot to zero, and gives it space. Throws the system's error when there is none. */
  clear(index: number): void;
  /** A copy of a slot as one commit left it; undefined when it stays torn. */
  read(index: number): Float64Array | undefined;
  /** One field as it stands now: cheaper than the whole slot, and never torn. */
  readField(index: number, position: number): number;
  close(): void;
}

/** A worker's access to its slot. */
export interface SlotRecord {
  /** Puts all counts on record at once; false when that failed. */
  write(counters: Float64Array): boolean;
}

/** The master's view: makes the file, gives out slots, reads them. */
export class Scoreboard {
  /** To be inherited by the workers. Nothing else leads to the file. */
  readonly fd: number;
  readonly layout: SlotLayout;
  readonly #store: SlotStore;
  readonly #taken = new Set<number>();
  readonly #lastGood = new Map<number, Float64Array>();

  private constructor(fd: number, layout: SlotLayout) {
    this.fd = fd;
    this.layout = layout;
    try {
      this.#store = layout === 'map' ? new SlotMap(fd) : new SlotFile(fd);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  /**
   * Makes the file in the first directory that has room for it, and removes its name at once: whatever
   * becomes of the processes, nothing is left behind. Throws the system's error when none has.
   */
  static create(
    layout: SlotLayout = 'file',
    directories: readonly string[] = ['/dev/shm', os.tmpdir()],
  ): Scoreboard {
    let failure: unknown = new Error('no directory was given for the scoreboard');
    for (const directory of directories) {
      try {
        return new Scoreboard(openUnnamed(directory), layout);
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
    this.#store.clear(index);
    this.#lastGood.delete(index);
  }

  /**
   * A copy of a slot as one commit left it, never a mixture of two. Should the slot be torn for good,
   * this is the last whole copy that was read.
   */
  readSlot(index: number): Float64Array {
    const slot = this.#store.read(index);
    if (slot === undefined) return this.#lastGood.get(index)?.slice() ?? new Float64Array(SLOT_DOUBLES);
    this.#lastGood.set(index, slot);
    return slot.slice();
  }

  /** One field of a slot as it stands now. Cheaper than the whole slot, and never torn. */
  readField(index: number, position: number): number {
    return this.#store.readField(index, position);
  }

  /** Closes the master's descriptor. Workers that still run keep theirs. */
  close(): void {
    this.#store.close();
    fs.closeSync(this.fd);
  }
}

/** A worker's view: counts in memory, put on record by `commit`. */
export class SlotWriter {
  /** Positions are those of `FIELD`; the hot path counts here directly. `seq` belongs to `commit`. */
  readonly counters = new Float64Array(SLOT_DOUBLES);
  readonly #record: SlotRecord;

  /** @throws the system's error when the slot cannot be mapped */
  constructor(fd: number, index: number, layout: SlotLayout = 'file') {
    this.#record = layout === 'map' ? new MapRecord(fd, index) : new FileRecord(fd, index);
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

  /** Puts all counts on record. False when that failed: it is tried again at the next commit. */
  commit(): boolean {
    return this.#record.write(this.counters);
  }
}

function openUnnamed(directory: string): number {
  const name = path.join(directory, `handover-${process.pid}-${Date.now().toString(36)}.scoreboard`);
  const fd = fs.openSync(name, 'wx+', 0o600);
  try {
    fs.unlinkSync(name);
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}
