/**
 * Descriptors from process to process: SCM_RIGHTS (unix(7), cmsg(3)) on a pair of sockets that keep the
 * bounds of messages. One message carries up to 64 of them beside its bytes.
 *
 *     msghdr   | name 8 | namelen 4+4 | iov 8 | iovlen 8 | control 8 | controllen 8 | flags 4+4 |
 *     iovec    | base 8 | length 8 |
 *     cmsghdr  | length 8 | level 4 | type 4 | descriptors 4 each |
 *
 * musl declares `iovlen` and `controllen` with 32 bits and padding, which is the same on little-endian
 * machines for numbers below 2^32.
 */

import * as C from './constants.js';
import { loadKoffi } from './koffi.js';
import { checked, libc, resultOf } from './libc.js';
import { getOption, setOption } from './sockets.js';

/** Descriptors in one message. The kernel takes up to 253 (SCM_MAX_FD). */
export const MAX_DESCRIPTORS = 64;

const MSGHDR_BYTES = 56;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const MSG_FLAGS = 48;
const IOVEC_BYTES = 16;
const CMSGHDR_BYTES = 16;
/** What the kernel keeps for itself of a socket's buffer (unix_dgram_sendmsg in net/unix/af_unix.c). */
const RESERVED_BYTES = 32;
const CONTROL_BYTES = CMSGHDR_BYTES + 4 * MAX_DESCRIPTORS;

/** Two connected ends, non-blocking and closed on exec. `bufferBytes`: what each may have under way. */
export function socketPair(bufferBytes: number): [number, number] {
  const fds = new Int32Array(2);
  const type = C.SOCK_SEQPACKET | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;
  checked('socketpair', libc().socketpair(C.AF_UNIX, type, 0, fds));
  for (const fd of fds) setOption(fd, C.SOL_SOCKET, C.SO_SNDBUF, bufferBytes);
  return [fds[0]!, fds[1]!];
}

/**
 * The largest message that may be sent on one end. It is what was asked for and not less, but where the system
 * gives sockets little memory (net.core.wmem_max).
 */
export function largestMessage(fd: number): number {
  return getOption(fd, C.SOL_SOCKET, C.SO_SNDBUF) - RESERVED_BYTES;
}

/** One message at a time, in memory whose place does not change. Shared by all channels of a process. */
export class MessageBuffer {
  /** The bytes of the message. */
  readonly bytes: Buffer;
  /** The descriptors of the message. */
  readonly descriptors = new Int32Array(MAX_DESCRIPTORS);
  /** How many descriptors the last `receive` brought. */
  count = 0;
  /** The last message had more descriptors than this process may have open. */
  truncated = false;
  readonly #calls = libc();
  readonly #header: DataView;
  readonly #headerAddress: bigint;
  readonly #vector: DataView;
  readonly #control: DataView;
  readonly #controlAddress: bigint;

  constructor(capacityBytes: number) {
    const koffi = loadKoffi();
    const layout = [MSGHDR_BYTES, IOVEC_BYTES, CONTROL_BYTES, capacityBytes];
    const memory = koffi.alloc(
      'uint8_t',
      layout.reduce((sum, bytes) => sum + bytes, 0),
    ) as bigint;
    const view = koffi.view(
      memory,
      layout.reduce((sum, bytes) => sum + bytes, 0),
    );
    const start = koffi.address(memory);
    const at = layout.map((_, i) => layout.slice(0, i).reduce((sum, bytes) => sum + bytes, 0));
    const [header = 0, vector = 0, control = 0, bytes = 0] = at;
    this.#header = new DataView(view, header, MSGHDR_BYTES);
    this.#headerAddress = start + BigInt(header);
    this.#vector = new DataView(view, vector, IOVEC_BYTES);
    this.#control = new DataView(view, control, CONTROL_BYTES);
    this.#controlAddress = start + BigInt(control);
    this.bytes = Buffer.from(view, bytes, capacityBytes);
    this.#vector.setBigUint64(0, start + BigInt(bytes), true);
    this.#header.setBigUint64(MSG_IOV, start + BigInt(vector), true);
    this.#header.setUint32(MSG_IOVLEN, 1, true);
  }

  /** Sends the first `length` bytes and `count` descriptors, whole or not at all: 0, or -errno. */
  send(fd: number, length: number, count: number): number {
    this.#setLength(length);
    this.#setControl(count === 0 ? 0 : CMSGHDR_BYTES + 4 * count);
    this.#control.setUint32(0, CMSGHDR_BYTES + 4 * count, true);
    this.#control.setUint32(4, 0, true);
    this.#control.setInt32(8, C.SOL_SOCKET, true);
    this.#control.setInt32(12, C.SCM_RIGHTS, true);
    for (let i = 0; i < count; i++) this.#control.setInt32(CMSGHDR_BYTES + 4 * i, this.descriptors[i]!, true);
    return Math.min(0, resultOf(this.#calls.sendmsg(fd, this.#headerAddress, C.MSG_NOSIGNAL)));
  }

  /**
   * Receives one message: its length, 0 when the other end is closed, or -errno. The descriptors are ours
   * from now on.
   */
  receive(fd: number): number {
    this.#setLength(this.bytes.length);
    this.#setControl(CONTROL_BYTES);
    this.count = 0;
    const length = resultOf(this.#calls.recvmsg(fd, this.#headerAddress, C.MSG_CMSG_CLOEXEC));
    this.truncated = length > 0 && (this.#header.getInt32(MSG_FLAGS, true) & C.MSG_CTRUNC) !== 0;
    if (length > 0 && this.#header.getUint32(MSG_CONTROLLEN, true) >= CMSGHDR_BYTES) this.#takeDescriptors();
    return length;
  }

  #takeDescriptors(): void {
    this.count = (this.#control.getUint32(0, true) - CMSGHDR_BYTES) / 4;
    for (let i = 0; i < this.count; i++) {
      this.descriptors[i] = this.#control.getInt32(CMSGHDR_BYTES + 4 * i, true);
    }
  }

  #setLength(length: number): void {
    this.#vector.setUint32(8, length, true);
  }

  #setControl(length: number): void {
    this.#header.setBigUint64(MSG_CONTROL, length === 0 ? 0n : this.#controlAddress, true);
    this.#header.setUint32(MSG_CONTROLLEN, length, true);
    this.#header.setInt32(MSG_FLAGS, 0, true);
  }
}
