/**
 * The descriptors of this process that wait for something: one epoll set, watched by node's own loop. Each
 * time some are ready their owners are told, and then whoever runs the turn finishes it.
 */
import { performance } from 'node:perf_hooks';
import { EpollSet } from '../../posix/epoll.js';
import { type Watch, watchReadable } from '../../posix/poll.js';

/** The owner of a descriptor. */
export interface Ready {
  /** `events`: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR, as epoll_ctl(2) has them. */
  onReady(events: number): void;
}

/** So many in one turn; the others are still ready in the next, and node's own events come between. */
const EVENTS_PER_TURN = 256;
/** Time for one turn, looked at after so many events. */
const TURN_MS = 5;
const EVENTS_PER_LOOK = 16;
/** Numbers of registrations, by which a descriptor that was closed is told from its successor. */
const TAGS = 2 ** 30;

export class Readiness {
  readonly #set = new EpollSet(EVENTS_PER_TURN);
  readonly #owners: (Ready | undefined)[] = [];
  readonly #tags: number[] = [];
  readonly #endTurn: () => void;
  #watch: Watch | undefined;
  #lastTag = 0;

  constructor(endTurn: () => void) {
    this.#endTurn = endTurn;
  }

  /** Begins to look. It keeps the process alive until `close`. */
  start(): void {
    this.#watch = watchReadable(this.#set.fd, () => this.#turn());
  }

  /** False when the kernel cannot: out of memory, or of watches (/proc/sys/fs/epoll/max_user_watches). */
  add(fd: number, events: number, owner: Ready): boolean {
    this.#lastTag = (this.#lastTag + 1) % TAGS;
    this.#owners[fd] = owner;
    this.#tags[fd] = this.#lastTag;
    return this.#set.add(fd, events, this.#lastTag) === 0;
  }

  modify(fd: number, events: number): void {
    this.#set.modify(fd, events, this.#tags[fd]!);
  }

  /** Before the descriptor is closed: another process may have it as well, and it would stay in the set. */
  remove(fd: number): void {
    this.#owners[fd] = undefined;
    this.#set.remove(fd);
  }

  close(): void {
    this.#watch?.close();
    this.#set.close();
  }

  #turn(): void {
    const set = this.#set;
    const count = set.wait();
    const startedMs = performance.now();
    for (let i = 0; i < count; i++) {
      // What is left is still ready in the next turn, and timers and pool threads have theirs in between.
      if (i % EVENTS_PER_LOOK === 0 && performance.now() - startedMs > TURN_MS) break;
      const fd = set.descriptor(i);
      // What came earlier in this turn may have closed it.
      if (this.#tags[fd] === set.tag(i)) this.#owners[fd]?.onReady(set.events(i));
    }
    this.#endTurn();
  }
}
