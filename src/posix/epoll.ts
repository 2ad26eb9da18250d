/**
 * An epoll set: epoll(7), level-triggered. Each descriptor is registered with a number of its owner's, by
 * which an event of a descriptor that was closed is told from one of its successor.
 */
import * as C from './constants.js';
import { checked, libc, resultOf } from './libc.js';

export class EpollSet {
  readonly fd: number;
  readonly #calls = libc();
  readonly #capacity: number;
  readonly #event = new Int32Array(C.EPOLL_EVENT_WORDS);
  readonly #ready: Int32Array;

  /** @param capacity how many events `wait` returns at most */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#ready = new Int32Array(capacity * C.EPOLL_EVENT_WORDS);
    this.fd = checked('epoll_create1', this.#calls.epoll_create1(C.EPOLL_CLOEXEC));
  }

  /** 0, or the errno with its sign changed. */
  add(fd: number, events: number, tag: number): number {
    return this.#control(C.EPOLL_CTL_ADD, fd, events, tag);
  }

  modify(fd: number, events: number, tag: number): number {
    return this.#control(C.EPOLL_CTL_MOD, fd, events, tag);
  }

  /** Must be called before a descriptor is closed whose open file others still have. */
  remove(fd: number): void {
    this.#control(C.EPOLL_CTL_DEL, fd, 0, 0);
  }

  /** How many are ready now; waits for none. */
  wait(): number {
    const count = this.#calls.epoll_wait(this.fd, this.#ready, this.#capacity, 0);
    // Interrupted by a signal: they are still ready in the next turn.
    return Math.max(0, count);
  }

  events(index: number): number {
    return this.#ready[index * C.EPOLL_EVENT_WORDS]!;
  }

  descriptor(index: number): number {
    return this.#ready[index * C.EPOLL_EVENT_WORDS + C.EPOLL_DATA_WORD]!;
  }

  tag(index: number): number {
    return this.#ready[index * C.EPOLL_EVENT_WORDS + C.EPOLL_DATA_WORD + 1]!;
  }

  close(): void {
    this.#calls.close(this.fd);
  }

  #control(operation: number, fd: number, events: number, tag: number): number {
    this.#event[0] = events;
    this.#event[C.EPOLL_DATA_WORD] = fd;
    this.#event[C.EPOLL_DATA_WORD + 1] = tag;
    return resultOf(this.#calls.epoll_ctl(this.fd, operation, fd, this.#event));
  }
}
