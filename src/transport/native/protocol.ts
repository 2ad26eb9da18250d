/**
 * Messages between master and worker on the native transport's channel: a pair of sockets that keep the
 * bounds of messages (SOCK_SEQPACKET), with descriptors beside the bytes. Numbers are little-endian.
 *
 *     master ── HELLO                + the memory of the claims ──► worker     once, before all others
 *     master ── CONNECTIONS, first id, records + descriptors    ──► worker
 *     master ◄─ RETURN, records      + descriptors              ─── worker     handed back
 *     master ── RETURNED, count                                 ──► worker     so many of a RETURN arrived
 *
 *     message  | version 2 | kind 1 | count 2 | first id 4 | record ... | unused bytes ... |
 *     record   | listener 2 | flags 1 | protocol 1 | length of its unused bytes 4 | place 2 |    flags: 1 returned
 *
 * A protocol is its place in PROTOCOLS (connection.ts). A place is that of the worker which the connection is for, or 0. The connections of a message are numbered from its first id, modulo 2^32. What becomes of each stands in
 * the claims (claims.ts).
 */
import { MAX_DESCRIPTORS } from '../../posix/fd-passing.js';
import { PROTOCOLS, type Protocol } from '../connection.js';

const VERSION = 2;
export const KIND = { hello: 1, connections: 2, return: 3, returned: 4 } as const;

const HEADER_BYTES = 8;
const RECORD_BYTES = 10;
const RETURNED_FLAG = 1;
/** A connection that is for any worker. Places begin at 1. */
const ANYWHERE = 0;

/** Unused bytes that a connection may have with it. More than a head and what is read ahead of an answer. */
export const MAX_UNUSED_BYTES = 128 * 1024;
/** The largest message. */
export const MESSAGE_BYTES = HEADER_BYTES + MAX_DESCRIPTORS * RECORD_BYTES + MAX_UNUSED_BYTES;

/** What goes with a descriptor. */
export interface ConnectionRecord {
  readonly listener: number;
  readonly returned: boolean;
  readonly protocol: Protocol;
  /** The place of the worker that it is for; undefined: any. */
  readonly place: number | undefined;
  /** Bytes read and not used. */
  readonly unused: Uint8Array;
}

/** As it comes out of a message: with unused bytes of its own. */
export interface ReceivedRecord extends ConnectionRecord {
  readonly unused: Buffer;
}

/** Puts a message together in `bytes`, which hold MESSAGE_BYTES. */
export class MessageWriter {
  readonly #bytes: Buffer;
  readonly #maxUnusedBytes: number;
  #count = 0;
  #unusedBytes = 0;
  #unused: Uint8Array[] = [];

  /** @param largestBytes what the channel takes in one message */
  constructor(bytes: Buffer, largestBytes: number) {
    this.#bytes = bytes;
    this.#maxUnusedBytes = Math.min(largestBytes, MESSAGE_BYTES) - (MESSAGE_BYTES - MAX_UNUSED_BYTES);
  }

  /** Whether a connection can be sent at all. */
  fits({ unused }: ConnectionRecord): boolean {
    return unused.length <= this.#maxUnusedBytes;
  }

  /** False when it does not fit any more. */
  add({ listener, returned, protocol, place, unused }: ConnectionRecord): boolean {
    if (this.#count === MAX_DESCRIPTORS || this.#unusedBytes + unused.length > this.#maxUnusedBytes)
      return false;
    const at = HEADER_BYTES + this.#count * RECORD_BYTES;
    this.#bytes.writeUInt16LE(listener, at);
    this.#bytes[at + 2] = returned ? RETURNED_FLAG : 0;
    this.#bytes[at + 3] = PROTOCOLS.indexOf(protocol);
    this.#bytes.writeUInt32LE(unused.length, at + 4);
    this.#bytes.writeUInt16LE(place ?? ANYWHERE, at + 8);
    this.#count++;
    if (unused.length > 0) {
      this.#unused.push(unused);
      this.#unusedBytes += unused.length;
    }
    return true;
  }

  /** The length of the message. The writer begins anew. */
  finish(kind: number, firstId: number): number {
    const length = writeHeader(this.#bytes, kind, this.#count, firstId) + this.#count * RECORD_BYTES;
    let at = length;
    for (const unused of this.#unused) {
      this.#bytes.set(unused, at);
      at += unused.length;
    }
    this.#count = 0;
    this.#unusedBytes = 0;
    this.#unused = [];
    return at;
  }
}

/** A message without records. Returns its length. */
export function writeHeader(bytes: Buffer, kind: number, count: number, firstId = 0): number {
  bytes[0] = VERSION;
  bytes[1] = kind;
  bytes.writeUInt16LE(count, 2);
  bytes.writeUInt32LE(firstId >>> 0, 4);
  return HEADER_BYTES;
}

export interface MessageHeader {
  readonly kind: number;
  readonly count: number;
  readonly firstId: number;
}

/** Undefined for what is no message of this version. */
export function readHeader(bytes: Buffer, length: number): MessageHeader | undefined {
  if (length < HEADER_BYTES || bytes[0] !== VERSION) return undefined;
  return { kind: bytes[1]!, count: bytes.readUInt16LE(2), firstId: bytes.readUInt32LE(4) };
}

/** The records of a message. */
export function readRecords(bytes: Buffer, count: number): ReceivedRecord[] {
  const records: ReceivedRecord[] = [];
  let unusedAt = HEADER_BYTES + count * RECORD_BYTES;
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES + i * RECORD_BYTES;
    const length = bytes.readUInt32LE(at + 4);
    const unused = length === 0 ? NOTHING : Buffer.from(bytes.subarray(unusedAt, unusedAt + length));
    unusedAt += length;
    const returned = (bytes[at + 2]! & RETURNED_FLAG) !== 0;
    const protocol = PROTOCOLS[bytes[at + 3]!]!;
    const place = bytes.readUInt16LE(at + 8);
    records.push({
      listener: bytes.readUInt16LE(at),
      returned,
      protocol,
      place: place === ANYWHERE ? undefined : place,
      unused,
    });
  }
  return records;
}

export const NOTHING = Buffer.alloc(0);
