/**
 * Bytes on their way to the kernel, in as few calls as that takes: small pieces are joined, large ones go
 * as they are. What it has not taken stays, in order.
 */
import { EAGAIN, EINTR } from '../../posix/constants.js';
import { send } from '../../posix/sockets.js';

export class SendQueue {
  readonly #joinBuffer: Buffer;
  #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that the kernel has taken. */
  #offset = 0;
  #bytes = 0;

  /** @param joinBuffer where small pieces are joined; shared with other queues */
  constructor(joinBuffer: Buffer) {
    this.#joinBuffer = joinBuffer;
  }

  /** Bytes that the kernel has not taken. */
  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Lets go of the memory; what was not taken is still counted. */
  forget(): void {
    this.#pieces = [];
  }

  /**
   * Sends as much as the kernel takes now: 0, or the errno with its sign changed. `more`: what comes next
   * belongs to it (MSG_MORE).
   */
  send(fd: number, more: boolean): number {
    while (this.#bytes > 0) {
      const pieces = this.#pieces;
      const first = this.#offset === 0 ? pieces[0]! : pieces[0]!.subarray(this.#offset);
      const count = this.#countToJoin(first.length);
      const bytes = count === 1 ? first : this.#joinBuffer;
      const length = count === 1 ? first.length : this.#join(first, count);
      const sent = send(fd, bytes, length, more || count < pieces.length);
      if (sent < 0) return sent === -EAGAIN || sent === -EINTR ? 0 : sent;
      this.#drop(sent, count, length);
      if (sent < length) return 0;
    }
    return 0;
  }

  /** How many pieces go out in one call: as many as fit into the buffer for joining, at least one. */
  #countToJoin(firstLength: number): number {
    const pieces = this.#pieces;
    let length = firstLength;
    let count = 1;
    while (count < pieces.length && length + pieces[count]!.length <= this.#joinBuffer.length) {
      length += pieces[count++]!.length;
    }
    return count;
  }

  #join(first: Uint8Array, count: number): number {
    const into = this.#joinBuffer;
    into.set(first);
    let length = first.length;
    for (let i = 1; i < count; i++) {
      into.set(this.#pieces[i]!, length);
      length += this.#pieces[i]!.length;
    }
    return length;
  }

  /** Forgets `sent` bytes of a call with `length` bytes from `count` pieces. */
  #drop(sent: number, count: number, length: number): void {
    this.#bytes -= sent;
    if (sent === length) {
      // One is the rule, and setting a length costs a call.
      if (count === 1 && this.#pieces.length === 1) this.#pieces.pop();
      else this.#pieces.splice(0, count);
      this.#offset = 0;
      return;
    }
    this.#offset += sent;
    while (this.#offset >= this.#pieces[0]!.length) this.#offset -= this.#pieces.shift()!.length;
  }
}
