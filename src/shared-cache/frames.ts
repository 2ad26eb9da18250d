/**
 * The command channel between a worker and the cache process: frames on a Unix-domain stream socket, little
 * endian. No content travels in them; that is in the segments (segment.ts).
 *
 *     0 u8 op | 1 u8 0 | 2 u16 payloadBytes | 4 u32 a | 8 u32 b | 12 payload
 *
 *     worker                                          cache process
 *       │ ── HELLO a=version b=segmentBytes ─────────►  │  first of all
 *       │ ◄─ HELLO a=version b=arenaBytes, directory ─  │  b=0: no arena; no directory: no segments
 *       │ ── ATTACH a=segment, name ─────────────────►  │  a file in that directory
 *       │ ◄─ ATTACHED a=segment ──────────────────────  │  the worker takes the name away
 *       │ ── GET │ FILE a=segment b=gen,              ► │  payload: f64 offset, f64 length, key or path
 *       │ ◄─ HEAD a=segment b=gen, head of the object ─ │  only for GET, and when it is there
 *       │ ◄─ READY a=segment b=gen ───────────────────  │  status, size and a chunk are in the segment
 *       │ ── ACK a=segment b=gen ────────────────────►  │  the next chunk, please; READY follows, to the end
 *       │ ── CANCEL a=segment b=gen ─────────────────►  │  the transfer is given up
 *       │ ◄─ CANCELLED a=segment b=gen ───────────────  │  nobody writes there any more
 *       │ ── CLAIM a=claim b=waitMs ─────────────────►  │  payload: u32 version seen, key
 *       │ ◄─ RESULT a=claim b=GRANTED │ DONE │ NONE ──  │
 *       │ ── DATA a=segment b=gen ───────────────────►  │  payload: u32 claim; a chunk is in the segment
 *       │ ◄─ ACK a=segment b=gen ─────────────────────  │  it was taken
 *       │ ◄─ REFUSED a=claim ─────────────────────────  │  it cannot be kept: send no more of it
 *       │ ── COMMIT │ FRESHEN a=claim, head ─────────►  │  RESULT a=claim b=1: stored
 *       │ ── ABANDON a=claim b=0 failed │ 1 unshared ►  │  also by who waits for a claim
 *       │ ── REMOVE a=request b=0 │ 1 prefix, key ───►  │  RESULT a=request b=1
 *       │ ◄─ REMOVED b=0 │ 1 prefix, key ──────────── │  to all workers, before the RESULT
 *       │ ── PING ───────────────────────────────────►  │  PONG
 *
 * Either side ends a connection on which something else comes.
 */

/** Both sides must have the same. */
export const PROTOCOL_VERSION = 1;

export const OP = {
  hello: 1,
  attach: 2,
  attached: 3,
  get: 4,
  file: 5,
  ready: 6,
  ack: 7,
  cancel: 8,
  cancelled: 9,
  claim: 10,
  result: 11,
  data: 12,
  refused: 13,
  commit: 14,
  freshen: 15,
  abandon: 16,
  remove: 17,
  ping: 18,
  pong: 19,
  head: 20,
  removed: 21,
} as const;

export type Op = (typeof OP)[keyof typeof OP];

/** What RESULT says of a claim. */
export const CLAIMED = { none: 0, granted: 1, done: 2 } as const;

const HEAD_BYTES = 12;
export const MAX_PAYLOAD_BYTES = 0xffff;
const OPS: ReadonlySet<number> = new Set(Object.values(OP));
const NOTHING = Buffer.alloc(0);

export interface Frame {
  readonly op: Op;
  readonly a: number;
  readonly b: number;
  /** Its own bytes. */
  readonly payload: Buffer;
}

/** @throws RangeError when the payload is too long for a frame */
export function encodeFrame(op: Op, a = 0, b = 0, payload: Uint8Array = NOTHING): Buffer {
  if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError(`a frame takes no ${payload.length} bytes`);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  bytes[0] = op;
  bytes[1] = 0;
  bytes.writeUInt16LE(payload.length, 2);
  bytes.writeUInt32LE(a, 4);
  bytes.writeUInt32LE(b, 8);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** Makes frames of bytes, however they are split. */
export class FrameReader {
  #rest: Buffer = NOTHING;

  /** @throws RangeError when these are no frames; nothing that follows can be read then */
  *push(bytes: Buffer): Generator<Frame> {
    const input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = NOTHING;
    let at = 0;
    while (input.length - at >= HEAD_BYTES) {
      const op = input[at]!;
      if (!OPS.has(op) || input[at + 1] !== 0) throw new RangeError(`no frame begins with ${op}`);
      const end = at + HEAD_BYTES + input.readUInt16LE(at + 2);
      if (end > input.length) break;
      const payload = Buffer.from(input.subarray(at + HEAD_BYTES, end));
      yield { op: op as Op, a: input.readUInt32LE(at + 4), b: input.readUInt32LE(at + 8), payload };
      at = end;
    }
    if (at < input.length) this.#rest = Buffer.from(input.subarray(at));
  }
}
