/**
 * How objects lie in the shared memory that all workers read and the cache process alone writes.
 *
 *     file    | head 4096 | slots, 64 bytes each | ring of entries                         |
 *     head    | 0 u32 magic | 4 u32 layout | 8 u32 slots | 16 f64 ringBytes | 64 f64 figures, 6 of them |
 *     bucket  | slot | slot | ... 8 of them: an object is in the bucket that its hash names, or nowhere |
 *     slot    | 0 i32 seq | 4 u32 hash | 8 u32 keyBytes | 12 u32 headBytes | 16 u32 headRoom | 20 u32 version
 *             | 24 f64 offset | 32 f64 bodyBytes | 40 u32 used | 44 u32 place | 48 f64 bodyNumber | 56 unused |
 *     entry   | key | head, headRoom bytes | body, if it lies here |             from a multiple of 64
 *     apart   the file body-N beside the arena, N being bodyNumber: whole, and never another
 *
 * `seq` is odd while a slot is being written. A reader takes it, the slot, the entry, and `seq` again: if it is even
 * and the same, all that it copied is of one moment, because the writer changes `seq` before it writes
 * over the bytes of an entry. A reader leaves nothing behind but `used`, which saves an entry from eviction once.
 * Numbers lie as the machine has them: little endian, on all that is supported.
 */
import { djb2 } from '../cache/djb2.js';

export const ARENA_MAGIC = 0x68_6f_63_61;
/** Changes whenever this page does. */
export const ARENA_LAYOUT = 2;
export const ARENA_HEAD_BYTES = 4096;
export const SLOT_BYTES = 64;
export const BUCKET_SLOTS = 8;
export const BUCKET_BYTES = BUCKET_SLOTS * SLOT_BYTES;
/** Entries begin at multiples of it. */
export const UNIT_BYTES = 64;
/** A slot for each so many bytes of the ring. */
const RING_BYTES_PER_SLOT = 1024;

/** Positions in a head. */
export const HEAD = { magic: 0, layout: 4, slots: 8, ringBytes: 16, figures: 64 } as const;
export const FIGURES_BYTES = 6 * 8;

/** Positions in a slot, in bytes. */
export const SLOT = {
  seq: 0,
  hash: 4,
  keyBytes: 8,
  headBytes: 12,
  headRoom: 16,
  version: 20,
  offset: 24,
  bodyBytes: 32,
  used: 40,
  place: 44,
  bodyNumber: 48,
} as const;

/** Where a body lies: behind its head in the ring, or apart, in a file of its own. */
export const PLACE = { ring: 0, apart: 1 } as const;

export interface ArenaShape {
  readonly slots: number;
  readonly ringBytes: number;
}

/** How many slots and how large a ring there are within so many bytes. Pure. */
export function shapeWithin(lengthBytes: number): ArenaShape {
  const buckets = Math.max(1, Math.floor(lengthBytes / ((RING_BYTES_PER_SLOT + SLOT_BYTES) * BUCKET_SLOTS)));
  const slots = buckets * BUCKET_SLOTS;
  const rest = lengthBytes - ARENA_HEAD_BYTES - slots * SLOT_BYTES;
  return { slots, ringBytes: rest - (rest % UNIT_BYTES) };
}

export function ringStart({ slots }: ArenaShape): number {
  return ARENA_HEAD_BYTES + slots * SLOT_BYTES;
}

export function slotOffset(slot: number): number {
  return ARENA_HEAD_BYTES + slot * SLOT_BYTES;
}

/** The hash of a key, a signed 32-bit number and never 0, which marks a free slot. */
export function hashOf(key: Uint8Array): number {
  return djb2(key) | 0 || 1;
}

/** The first slot of the bucket of a hash. The hash is mixed: neighbours have neighbouring ones. */
export function bucketOf(hash: number, slots: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x9e37_79b1) >>> 0;
  return (mixed % (slots / BUCKET_SLOTS)) * BUCKET_SLOTS;
}
