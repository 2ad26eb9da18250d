/**
 * Content for parts of jobs: the same for the same names, unlike anything else, made without being kept. Every part
 * is a stretch of one endless pattern, which begins at a place that its names determine.
 */
import { createCipheriv, createHash } from 'node:crypto';

/** A part to be sent. */
export interface JobPart {
  readonly job: string;
  readonly part: string;
  readonly bytes: number;
}

export interface ContentDigest {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** A prime: so blocks of whatever size a server writes differ, and one in the wrong place is noticed. */
const PATTERN_BYTES = 1_048_573;
const CHUNK_BYTES = 64 * 1024;

const pattern = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'jobs'), Buffer.alloc(16)).update(
  Buffer.alloc(PATTERN_BYTES),
);

/** The content of a part from an offset on, in pieces that are views of the pattern: not to be written to. */
export function* contentOf(part: JobPart, offset = 0): Generator<Buffer> {
  let position = (startOf(part) + offset) % PATTERN_BYTES;
  for (let left = part.bytes - offset; left > 0; ) {
    const piece = pattern.subarray(position, position + Math.min(left, CHUNK_BYTES));
    yield piece;
    left -= piece.length;
    position = (position + piece.length) % PATTERN_BYTES;
  }
}

/** What these parts are, one after the other. */
export function digestOf(...parts: readonly JobPart[]): ContentDigest {
  const hash = createHash('sha256');
  for (const part of parts) for (const piece of contentOf(part)) hash.update(piece);
  return { bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), sha256: hash.digest('hex') };
}

/** What the reducer `concat` makes of these parts: by the byte order of their names. */
export function concatOf(parts: readonly JobPart[]): ContentDigest {
  const byName = (a: JobPart, b: JobPart): number => Buffer.compare(Buffer.from(a.part), Buffer.from(b.part));
  return digestOf(...parts.toSorted(byName));
}

function startOf({ job, part }: JobPart): number {
  return createHash('sha256').update(`${job}/${part}`).digest().readUInt32BE() % PATTERN_BYTES;
}
