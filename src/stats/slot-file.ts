/**
 * Slots that are read and written with system calls: for where there is no memory to share.
 *
 *     file   | slot 0 | slot 1 | slot 2 | ...          STRIDE bytes each
 *     slot   | seq | fields ... | histogram ... | seqEnd | unused |
 *
 * A slot lies within one page of memory. That matters: the kernel looks for a fatal signal between two
 * pages of a write, never within one, so a killed worker leaves a slot that is whole.
 */
import * as fs from 'node:fs';
import { FIELD, SEQ_END, SLOT_BYTES, SLOT_DOUBLES } from './schema.js';
import type { SlotRecord, SlotStore } from './scoreboard.js';

/** Bytes from one slot to the next: a power of two, so that no slot crosses a page of 4096 bytes. */
export const STRIDE = 2 ** Math.ceil(Math.log2(SLOT_BYTES));
/** Slots that are given space at once, so that a disk that fills up later cannot refuse a new worker. */
const RESERVED_SLOTS = 32;
/** A write takes about a microsecond, so meeting one this often means that the slot is torn for good. */
const READ_ATTEMPTS = 100;

const ZERO_SLOT = Buffer.alloc(STRIDE);

export class SlotFile implements SlotStore {
  readonly #fd: number;
  readonly #probe = new Float64Array(1);
  readonly #probeBytes = Buffer.from(this.#probe.buffer);

  /** Throws the system's error when there is no space. */
  constructor(fd: number) {
    this.#fd = fd;
    // Written, not truncated to size: only so is the space ours, and a full disk noticed here.
    for (let index = 0; index < RESERVED_SLOTS; index++) this.clear(index);
  }

  clear(index: number): void {
    fs.writeSync(this.#fd, ZERO_SLOT, 0, STRIDE, index * STRIDE);
  }

  read(index: number): Float64Array | undefined {
    const slot = new Float64Array(SLOT_DOUBLES);
    const bytes = Buffer.from(slot.buffer);
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      // A commit writes from front to back, so: its end is there, hence all of it was; no later one
      // has begun after the copy, hence none is mixed in. One read of the whole cannot tell that: the
      // writer may overtake the reader in the middle.
      const ended = this.readField(index, SEQ_END);
      fs.readSync(this.#fd, bytes, 0, SLOT_BYTES, index * STRIDE);
      if (this.readField(index, FIELD.seq) === ended) return slot;
    }
    return undefined;
  }

  readField(index: number, position: number): number {
    fs.readSync(this.#fd, this.#probeBytes, 0, 8, index * STRIDE + position * 8);
    return this.#probe[0]!;
  }

  close(): void {
    // Nothing but the descriptor, which is the scoreboard's.
  }
}

/** One write for all counts, about 1.2 microseconds; 0.2 when nothing has changed. */
export class FileRecord implements SlotRecord {
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

  write(counters: Float64Array): boolean {
    if (!this.#failed && !this.#differs(counters)) return true;
    const sequence = this.#image[SEQ_END]! + 1;
    this.#image.set(counters);
    this.#image[FIELD.seq] = sequence;
    this.#image[SEQ_END] = sequence;
    this.#failed = !this.#put();
    return !this.#failed;
  }

  /** Comparing beats a flag that every place that counts would set: in a busy turn a first field differs. */
  #differs(counters: Float64Array): boolean {
    const image = this.#image;
    for (let i = FIELD.seq + 1; i < SEQ_END; i++) if (counters[i] !== image[i]) return true;
    return false;
  }

  #put(): boolean {
    try {
      return fs.writeSync(this.#fd, this.#imageBytes, 0, SLOT_BYTES, this.#offset) === SLOT_BYTES;
    } catch {
      // A full disk must not stop the serving; the caller learns of it by the result.
      return false;
    }
  }
}
