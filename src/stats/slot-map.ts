/**
 * Slots in memory that master and workers share: putting counts on record is a copy of two kilobytes, and
 * reading them takes no system call.
 *
 *     file   | slot 0 | slot 1 | slot 2 | ...          whole pages each
 *     slot   | version 8 | copy 0 | copy 1 | unused |   copy: seq, fields, histogram, seqEnd
 *
 * The copy of number `version & 1` is the one that counts. A commit fills the other and then changes the
 * version, so a worker that is killed in the midst of one leaves the commit before it whole.
 */
import * as fs from 'node:fs';
import { type Mapping, mapFile } from '../posix/shared-memory.js';
import { FIELD, SEQ_END, SLOT_BYTES, SLOT_DOUBLES } from './schema.js';
import type { SlotRecord, SlotStore } from './scoreboard.js';

/** All slots that there can be: twice the largest number of workers, for a reload. */
const MAX_SLOTS = 2 * 512 + 32;
const COPIES_START = 8;
const PAGE_BYTES = 4096;
/** Bytes from one slot to the next. */
export const MAP_STRIDE = PAGE_BYTES * Math.ceil((COPIES_START + 2 * SLOT_BYTES) / PAGE_BYTES);
const READ_ATTEMPTS = 100;

const ZERO_SLOT = Buffer.alloc(MAP_STRIDE);

/** One slot as it lies in memory. */
class MappedSlot {
  readonly version: Int32Array<ArrayBuffer>;
  readonly copies: readonly [Float64Array, Float64Array];

  constructor(buffer: ArrayBuffer, index: number) {
    const start = index * MAP_STRIDE;
    const copy = (number: number): Float64Array =>
      new Float64Array(buffer, start + COPIES_START + number * SLOT_BYTES, SLOT_DOUBLES);
    this.version = new Int32Array(buffer, start, 1);
    this.copies = [copy(0), copy(1)];
  }
}

export class SlotMap implements SlotStore {
  readonly #fd: number;
  readonly #mapping: Mapping;
  readonly #slots = new Map<number, MappedSlot>();
  #closed = false;

  /** Throws the system's error when the file cannot be mapped. */
  constructor(fd: number) {
    this.#fd = fd;
    fs.ftruncateSync(fd, MAX_SLOTS * MAP_STRIDE);
    this.#mapping = mapFile(fd, MAX_SLOTS * MAP_STRIDE);
  }

  clear(index: number): void {
    if (index >= MAX_SLOTS) throw new RangeError(`a scoreboard has ${MAX_SLOTS} slots`);
    // Written, not only mapped: memory without space behind it ends a process that touches it.
    // On a disk with room for one page and not for two, the first write takes less, and the second fails.
    for (let written = 0; written < MAP_STRIDE; ) {
      const position = index * MAP_STRIDE + written;
      written += fs.writeSync(this.#fd, ZERO_SLOT, written, MAP_STRIDE - written, position);
    }
  }

  read(index: number): Float64Array | undefined {
    if (this.#closed) return undefined;
    const { version, copies } = this.#slot(index);
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      const before = Atomics.load(version, 0);
      const slot = copies[before & 1]!.slice();
      // Adding nothing, and not only loading, so that no read of the copy comes after it (arm64).
      if (Atomics.add(version, 0, 0) === before) return slot;
    }
    return undefined;
  }

  readField(index: number, position: number): number {
    if (this.#closed) return 0;
    const { version, copies } = this.#slot(index);
    return copies[Atomics.load(version, 0) & 1]![position]!;
  }

  /** What is asked afterwards is not known: looking at memory that is gone would end the process. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#slots.clear();
    this.#mapping.unmap();
  }

  #slot(index: number): MappedSlot {
    let slot = this.#slots.get(index);
    if (slot === undefined) {
      slot = new MappedSlot(this.#mapping.buffer, index);
      this.#slots.set(index, slot);
    }
    return slot;
  }
}

/** Takes about a tenth of a microsecond. */
export class MapRecord implements SlotRecord {
  readonly #slot: MappedSlot;
  #sequence = 0;

  /** Throws the system's error when the slot cannot be mapped. */
  constructor(fd: number, index: number) {
    // Mappings begin at a multiple of the page, of which some machines have larger ones: from the start, then.
    this.#slot = new MappedSlot(mapFile(fd, (index + 1) * MAP_STRIDE).buffer, index);
  }

  write(counters: Float64Array): boolean {
    const { version, copies } = this.#slot;
    const next = this.#sequence + 1;
    const copy = copies[next & 1]!;
    copy.set(counters);
    copy[FIELD.seq] = next;
    copy[SEQ_END] = next;
    Atomics.store(version, 0, next);
    // What the next commit writes must not be seen before the version (arm64).
    Atomics.load(version, 0);
    this.#sequence = next;
    return true;
  }
}
