/**
 * Lookups in shared memory that another process writes: no lock, no message, nothing left behind. What is
 * returned was copied out and is of one moment.
 */
import { sameBytes } from '../bytes.js';
import type { SharedBytes } from '../posix/shared-bytes.js';
import {
  ARENA_HEAD_BYTES,
  ARENA_LAYOUT,
  ARENA_MAGIC,
  type ArenaShape,
  BUCKET_BYTES,
  BUCKET_SLOTS,
  bucketOf,
  FIGURES_BYTES,
  HEAD,
  hashOf,
  PLACE,
  ringStart,
  SLOT,
  SLOT_BYTES,
  slotOffset,
} from './arena-layout.js';
import type { StoredObject, StoreFigures } from './shared-cache.js';

/** An object of the arena. */
export interface ArenaObject extends Omit<StoredObject, 'place'> {
  /** Which file its body is; undefined: none, it lies in the arena. */
  readonly bodyNumber: number | undefined;
}

/** How often a slot is looked at that is being written: moving an entry of 64 KB takes some ten microseconds. */
const ATTEMPTS = 64;

export class ArenaReader {
  readonly #memory: SharedBytes;
  readonly #shape: ArenaShape;
  readonly #start: number;
  // Looked at through views that are made once; each lookup fills them anew.
  readonly #bucket = new Int32Array(BUCKET_BYTES / 4);
  readonly #bucketBytes = new Uint8Array(this.#bucket.buffer);
  readonly #slot = new Uint32Array(SLOT_BYTES / 4);
  readonly #slotDoubles = new Float64Array(this.#slot.buffer);
  readonly #slotBytes = new Uint8Array(this.#slot.buffer);

  /** @throws Error when what lies there is no arena, or one of another layout */
  constructor(memory: SharedBytes) {
    this.#memory = memory;
    this.#shape = shapeOf(memory);
    this.#start = ringStart(this.#shape);
  }

  lookup(key: Uint8Array): ArenaObject | undefined {
    const hash = hashOf(key);
    const first = bucketOf(hash, this.#shape.slots);
    this.#memory.read(slotOffset(first), this.#bucketBytes);
    for (let i = 0; i < BUCKET_SLOTS; i++) {
      if (this.#bucket[(i * SLOT_BYTES + SLOT.hash) / 4] !== hash) continue;
      const found = this.#readSlot(slotOffset(first + i), hash, key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  figures(): StoreFigures {
    const doubles = new Float64Array(FIGURES_BYTES / 8);
    this.#memory.read(HEAD.figures, new Uint8Array(doubles.buffer));
    const [entries = 0, bytes = 0, maxBytes = 0, maxBodyBytes = 0, fills = 0, evictions = 0] = doubles;
    return { entries, bytes, maxBytes, maxBodyBytes, fills, evictions };
  }

  #readSlot(at: number, hash: number, key: Uint8Array): ArenaObject | undefined {
    const slot = this.#slot;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seq = this.#memory.load(at);
      if ((seq & 1) !== 0) continue;
      this.#memory.read(at, this.#slotBytes);
      const isAnother = (slot[SLOT.hash / 4]! | 0) !== hash || slot[SLOT.keyBytes / 4] !== key.length;
      const bytes = isAnother ? undefined : this.#copyEntry();
      if (this.#memory.load(at) !== seq) continue;
      // From here on all of it is known to be of one moment.
      if (bytes === undefined || !sameBytes(bytes, 0, key.length, key)) return undefined;
      // Only when it changes: a line of memory that all workers read stays in all their caches.
      if (slot[SLOT.used / 4] === 0) this.#memory.store(at + SLOT.used, 1);
      return this.#objectIn(bytes);
    }
    return undefined;
  }

  /** The entry that the slot leads to, before anybody knows whether the two are whole; undefined: certainly not. */
  #copyEntry(): Buffer | undefined {
    const lengthBytes = this.#bodyStart() + (this.#isApart() ? 0 : this.#slotDoubles[SLOT.bodyBytes / 8]!);
    const offset = this.#slotDoubles[SLOT.offset / 8]!;
    if (!(offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= this.#shape.ringBytes)) return undefined;
    const bytes = Buffer.allocUnsafe(lengthBytes);
    this.#memory.read(this.#start + offset, bytes);
    return bytes;
  }

  #objectIn(bytes: Buffer): ArenaObject {
    const slot = this.#slot;
    const headStart = slot[SLOT.keyBytes / 4]!;
    return {
      head: bytes.subarray(headStart, headStart + slot[SLOT.headBytes / 4]!),
      body: this.#isApart() ? undefined : bytes.subarray(this.#bodyStart()),
      bodyNumber: this.#isApart() ? this.#slotDoubles[SLOT.bodyNumber / 8]! : undefined,
      bodyBytes: this.#slotDoubles[SLOT.bodyBytes / 8]!,
      version: slot[SLOT.version / 4]!,
    };
  }

  #bodyStart(): number {
    return this.#slot[SLOT.keyBytes / 4]! + this.#slot[SLOT.headRoom / 4]!;
  }

  #isApart(): boolean {
    return this.#slot[SLOT.place / 4] === PLACE.apart;
  }
}

function shapeOf(memory: SharedBytes): ArenaShape {
  const head = Buffer.alloc(HEAD.figures);
  if (memory.lengthBytes >= ARENA_HEAD_BYTES) memory.read(0, head);
  const isOurs = head.readUInt32LE(HEAD.magic) === ARENA_MAGIC;
  if (!isOurs || head.readUInt32LE(HEAD.layout) !== ARENA_LAYOUT) {
    throw new Error('the shared memory is not that of a cache process of this version');
  }
  const shape = { slots: head.readUInt32LE(HEAD.slots), ringBytes: head.readDoubleLE(HEAD.ringBytes) };
  if (!(ringStart(shape) + shape.ringBytes <= memory.lengthBytes) || shape.slots < BUCKET_SLOTS) {
    throw new Error('the shared memory is shorter than it says');
  }
  return shape;
}
