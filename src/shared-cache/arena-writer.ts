/**
 * The one writer of the arena: puts objects in, finds room for them by second chance (CLOCK over the ring, which
 * is in the order of arrival), and keeps the index. arena-layout.ts draws what it writes.
 */
import type { SharedBytes } from '../posix/shared-bytes.js';
import {
  ARENA_LAYOUT,
  ARENA_MAGIC,
  type ArenaShape,
  BUCKET_SLOTS,
  bucketOf,
  FIGURES_BYTES,
  HEAD,
  hashOf,
  PLACE,
  ringStart,
  SLOT,
  SLOT_BYTES,
  shapeWithin,
  slotOffset,
  UNIT_BYTES,
} from './arena-layout.js';
import { type Placed, Ring } from './ring.js';
import { MAX_HEAD_BYTES, MAX_KEY_BYTES, type StoreFigures } from './shared-cache.js';

/** An object that is stored: what the writer knows of it. */
export interface ArenaEntry extends Placed<ArenaEntry> {
  /** The key, one char per byte. */
  readonly name: string;
  readonly keyBytes: number;
  readonly slot: number;
  readonly headRoom: number;
  headBytes: number;
  readonly bodyBytes: number;
  version: number;
  /** A body that lies elsewhere. */
  readonly apart: Apart | undefined;
}

/** A body that is not in the ring; it is given up together with its entry. */
export interface Apart {
  readonly bodyBytes: number;
  /** By which readers find it. */
  readonly number: number;
  /** It is in use. */
  touch(): void;
  release(): void;
}

/** An entry may take up to this part of the ring, or a single one would empty much of it. */
const LARGEST_PART = 1 / 8;
/** Room for a head that grows a little when it is freshened. */
const HEAD_SLACK_BYTES = 128;
/** What may be moved to make room for one entry, before used ones are given up as well: some 0.2 ms. */
const MOVED_AT_ONCE_BYTES = 2 * 1024 * 1024;

export class ArenaWriter {
  readonly #memory: SharedBytes;
  readonly #shape: ArenaShape;
  readonly #start: number;
  readonly #ring: Ring<ArenaEntry>;
  readonly #byName = new Map<string, ArenaEntry>();
  readonly #bySlot: (ArenaEntry | undefined)[];
  readonly #seqs: Int32Array;
  readonly #slot = new DataView(new ArrayBuffer(SLOT_BYTES));
  readonly #slotBytes = new Uint8Array(this.#slot.buffer, SLOT.hash);
  readonly #figures = { entries: 0, bytes: 0, maxBytes: 0, maxBodyBytes: 0, fills: 0, evictions: 0 };
  // Not from 1: what a worker has seen of a cache that is gone is not to be taken for what it sees now.
  #lastVersion = Math.floor(Math.random() * 2 ** 30);
  #lastVictim = 0;

  /** @param memory zeros @param maxLargeBytes of bodies that lie apart */
  constructor(memory: SharedBytes, maxLargeBytes: number) {
    this.#memory = memory;
    this.#shape = shapeWithin(memory.lengthBytes);
    this.#start = ringStart(this.#shape);
    this.#ring = new Ring(this.#shape.ringBytes);
    this.#bySlot = new Array<ArenaEntry | undefined>(this.#shape.slots).fill(undefined);
    this.#seqs = new Int32Array(this.#shape.slots);
    this.#figures.maxBytes = memory.lengthBytes + maxLargeBytes;
    this.#figures.maxBodyBytes = Math.max(maxLargeBytes, this.maxEntryBytes - MAX_KEY_BYTES - MAX_HEAD_BYTES);
    const head = Buffer.alloc(HEAD.figures);
    head.writeUInt32LE(ARENA_LAYOUT, HEAD.layout);
    head.writeUInt32LE(this.#shape.slots, HEAD.slots);
    head.writeDoubleLE(this.#shape.ringBytes, HEAD.ringBytes);
    memory.write(0, head);
    this.#publishFigures();
    memory.store(HEAD.magic, ARENA_MAGIC);
  }

  /** Largest key, head and body together that `put` takes, in bytes. */
  get maxEntryBytes(): number {
    return Math.floor(this.#shape.ringBytes * LARGEST_PART) - HEAD_SLACK_BYTES - UNIT_BYTES;
  }

  get figures(): StoreFigures {
    return this.#figures;
  }

  find(name: string): ArenaEntry | undefined {
    return this.#byName.get(name);
  }

  get names(): Iterable<string> {
    return this.#byName.keys();
  }

  /**
   * Stores an object, in place of what is there under its key. False when it is too large.
   *
   * @param body its pieces, or what holds it elsewhere
   */
  put(key: Buffer, head: Uint8Array, body: readonly Uint8Array[] | Apart): boolean {
    const apart = 'bodyBytes' in body ? body : undefined;
    const pieces = 'bodyBytes' in body ? [] : body;
    const bodyBytes = apart?.bodyBytes ?? pieces.reduce((sum, piece) => sum + piece.length, 0);
    const inRing = apart === undefined ? bodyBytes : 0;
    if (key.length + head.length + inRing > this.maxEntryBytes) return false;
    const headRoom = head.length + HEAD_SLACK_BYTES;
    const lengthBytes = Math.ceil((key.length + headRoom + inRing) / UNIT_BYTES) * UNIT_BYTES;
    const name = key.toString('latin1');
    const before = this.#byName.get(name);
    if (before !== undefined) this.#drop(before, apart);
    const offset = this.#makeRoom(lengthBytes);
    const slot = this.#takeSlot(hashOf(key));
    const version = this.#nextVersion();
    const entry: ArenaEntry = {
      name,
      keyBytes: key.length,
      slot,
      headRoom,
      headBytes: head.length,
      bodyBytes,
      version,
      apart,
      lengthBytes,
      offset,
      older: undefined,
      newer: undefined,
    };
    this.#ring.put(entry, offset);
    let at = this.#start + offset;
    this.#memory.write(at, key);
    this.#memory.write(at + key.length, head);
    at += key.length + headRoom;
    for (const piece of pieces) {
      this.#memory.write(at, piece);
      at += piece.length;
    }
    this.#byName.set(name, entry);
    this.#bySlot[slot] = entry;
    this.#publish(entry, hashOf(key));
    this.#figures.fills++;
    this.#count(entry, 1);
    return true;
  }

  /** Gives a stored object another head: the body stays where it is. False when the head does not fit. */
  freshen(entry: ArenaEntry, head: Uint8Array): boolean {
    if (head.length > entry.headRoom) return false;
    this.#beginWrite(entry.slot);
    this.#memory.write(this.#start + entry.offset + entry.keyBytes, head);
    this.#figures.bytes += head.length - entry.headBytes;
    entry.headBytes = head.length;
    entry.version = this.#nextVersion();
    this.#publish(entry, hashOf(Buffer.from(entry.name, 'latin1')));
    this.#publishFigures();
    return true;
  }

  remove(name: string): boolean {
    const entry = this.#byName.get(name);
    if (entry === undefined) return false;
    this.#drop(entry);
    return true;
  }

  /** Gives an object up to make room. */
  evict(entry: ArenaEntry): void {
    this.#figures.evictions++;
    this.#drop(entry);
  }

  /** True when somebody has read it since this was last asked. */
  takeUse(entry: ArenaEntry): boolean {
    if (!this.#isUsed(entry)) return false;
    this.#memory.store(slotOffset(entry.slot) + SLOT.used, 0);
    return true;
  }

  /** Head and body as they are stored; the body is empty when it lies apart. */
  read(entry: ArenaEntry): { readonly head: Buffer; readonly body: Buffer } {
    const at = this.#start + entry.offset + entry.keyBytes;
    const head = Buffer.allocUnsafe(entry.headBytes);
    const body = Buffer.allocUnsafe(entry.apart === undefined ? entry.bodyBytes : 0);
    this.#memory.read(at, head);
    this.#memory.read(at + entry.headRoom, body);
    return { head, body };
  }

  /** Gives up all bodies that lie apart; nothing may be asked afterwards. */
  close(): void {
    for (const { apart } of this.#byName.values()) apart?.release();
    this.#byName.clear();
  }

  #makeRoom(lengthBytes: number): number {
    let movedBytes = 0;
    for (;;) {
      const offset = this.#ring.place(lengthBytes);
      if (offset !== undefined) return offset;
      const oldest = this.#ring.oldest!;
      const mayMove = movedBytes + oldest.lengthBytes <= MOVED_AT_ONCE_BYTES;
      if (mayMove && this.#isUsed(oldest)) {
        // Its mark goes, and is not there any more when room is made among the bodies apart.
        oldest.apart?.touch();
        this.#moveOldest(oldest);
        movedBytes += oldest.lengthBytes;
      } else this.evict(oldest);
    }
  }

  /** True when somebody has read it since it was put there. */
  #isUsed({ slot }: ArenaEntry): boolean {
    return this.#memory.load(slotOffset(slot) + SLOT.used) !== 0;
  }

  /** Makes the oldest entry the newest. */
  #moveOldest(entry: ArenaEntry): void {
    const offset = this.#ring.placeForOldest(entry);
    const bytes = Buffer.allocUnsafe(entry.lengthBytes);
    this.#memory.read(this.#start + entry.offset, bytes);
    // Where it goes may be where it is, in part.
    this.#beginWrite(entry.slot);
    this.#memory.write(this.#start + offset, bytes);
    this.#ring.remove(entry);
    this.#ring.put(entry, offset);
    this.#publish(entry, hashOf(Buffer.from(entry.name, 'latin1')));
  }

  /** A slot in the bucket of a hash; if it is full, an entry that was not used lately gives way. */
  #takeSlot(hash: number): number {
    const first = bucketOf(hash, this.#shape.slots);
    let victim: ArenaEntry | undefined;
    for (let i = 0; i < BUCKET_SLOTS; i++) {
      const entry = this.#bySlot[first + i];
      if (entry === undefined) return first + i;
      if (victim === undefined && !this.#isUsed(entry)) victim = entry;
    }
    victim ??= this.#anyOf(first);
    this.evict(victim);
    return victim.slot;
  }

  /** One entry after the other, of a full bucket whose entries were all used; they have to be used again to stay. */
  #anyOf(first: number): ArenaEntry {
    for (let i = 0; i < BUCKET_SLOTS; i++) this.#memory.store(slotOffset(first + i) + SLOT.used, 0);
    this.#lastVictim = (this.#lastVictim + 1) % BUCKET_SLOTS;
    return this.#bySlot[first + this.#lastVictim]!;
  }

  /** @param kept the body apart that stays, for an entry in its place */
  #drop(entry: ArenaEntry, kept?: Apart): void {
    const { slot, name, apart } = entry;
    this.#beginWrite(slot);
    this.#memory.store(slotOffset(slot) + SLOT.hash, 0);
    this.#endWrite(slot);
    this.#ring.remove(entry);
    this.#byName.delete(name);
    this.#bySlot[slot] = undefined;
    if (apart !== kept) apart?.release();
    this.#count(entry, -1);
  }

  #publish(entry: ArenaEntry, hash: number): void {
    const { slot } = entry;
    if ((this.#seqs[slot]! & 1) === 0) this.#beginWrite(slot);
    const view = this.#slot;
    view.setInt32(SLOT.hash, hash, true);
    view.setUint32(SLOT.keyBytes, entry.keyBytes, true);
    view.setUint32(SLOT.headBytes, entry.headBytes, true);
    view.setUint32(SLOT.headRoom, entry.headRoom, true);
    view.setUint32(SLOT.version, entry.version, true);
    view.setFloat64(SLOT.offset, entry.offset, true);
    view.setFloat64(SLOT.bodyBytes, entry.bodyBytes, true);
    view.setUint32(SLOT.used, 0, true);
    view.setUint32(SLOT.place, entry.apart === undefined ? PLACE.ring : PLACE.apart, true);
    view.setFloat64(SLOT.bodyNumber, entry.apart?.number ?? 0, true);
    this.#memory.write(slotOffset(slot) + SLOT.hash, this.#slotBytes);
    this.#endWrite(slot);
  }

  /** From now on nobody believes what he reads in this slot, or has read in its entry. */
  #beginWrite(slot: number): void {
    this.#storeSeq(slot, this.#seqs[slot]! + 1);
  }

  #endWrite(slot: number): void {
    this.#storeSeq(slot, this.#seqs[slot]! + 1);
  }

  #storeSeq(slot: number, seq: number): void {
    this.#seqs[slot] = seq;
    this.#memory.store(slotOffset(slot) + SLOT.seq, seq);
  }

  #nextVersion(): number {
    this.#lastVersion = (this.#lastVersion + 1) % 2 ** 31 || 1;
    return this.#lastVersion;
  }

  #count(entry: ArenaEntry, sign: 1 | -1): void {
    this.#figures.entries += sign;
    this.#figures.bytes += sign * (entry.keyBytes + entry.headBytes + entry.bodyBytes);
    this.#publishFigures();
  }

  #publishFigures(): void {
    const { entries, bytes, maxBytes, maxBodyBytes, fills, evictions } = this.#figures;
    const doubles = new Float64Array([entries, bytes, maxBytes, maxBodyBytes, fills, evictions]);
    this.#memory.write(HEAD.figures, new Uint8Array(doubles.buffer, 0, FIGURES_BYTES));
  }
}
