/**
 * One connection of a worker to a cache process, from HELLO to its end: requests and their answers, segments, the
 * arena. Whatever waits is settled when the connection ends, or when nothing is heard for too long.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { type MappingKind, type SharedBytes, shareBytes } from '../posix/shared-bytes.js';
import { ArenaReader } from './arena-reader.js';
import { BodyFiles } from './body-files.js';
import { CommandChannel } from './channel.js';
import { CLAIMED, type Frame, OP, type Op, PROTOCOL_VERSION } from './frames.js';
import type { Removal } from './owed-removals.js';
import { type LentSegment, type SegmentCounts, SegmentPool, type SegmentUser } from './segment-pool.js';
import type { StoredObject, StoreFigures } from './shared-cache.js';

/** What a connection is made with. */
export interface SessionOptions {
  readonly maxSegments: number;
  readonly chunkBytes: number;
  readonly mapping: MappingKind | 'auto';
  /** One line for the server's log. */
  readonly report: (text: string) => void;
}

export interface SessionEvents {
  /** HELLO was answered. */
  readonly onUp: () => void;
  /** A worker, maybe this one, has removed an object, or all whose keys begin so. */
  readonly onRemoved: (key: Buffer, isPrefix: boolean) => void;
  /** Once, and not before the constructor has returned. */
  readonly onDown: () => void;
}

/** How often is looked whether somebody waits. */
const TICK_MS = 250;
/** Ticks without a word, while one is due, after which the cache process counts as stalled: a second. */
const STALLED_TICKS = 4;
/** How long to wait for a segment to become free. */
const SEGMENT_TICKS = 4;
/** How long a chunk may take of a process that does answer: a disk may be slow. */
const CHUNK_TICKS = 40;

const ARENA_FILE = 'arena';

/** What is read without asking. */
interface Arena {
  readonly reader: ArenaReader;
  readonly memory: SharedBytes;
  readonly fd: number;
  readonly bodies: BodyFiles;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #channel: CommandChannel;
  readonly #requests = new Map<number, (value: number | undefined) => void>();
  /** What to do when a removal is confirmed. */
  readonly #removals = new Map<number, () => void>();
  readonly #onRefused = new Map<number, () => void>();
  readonly #timer: NodeJS.Timeout;
  #segments: SegmentPool | undefined;
  #arena: Arena | undefined;
  #lastRequest = 0;
  /** Ticks since the cache was asked for a sign of life; undefined when it was not. */
  #silentTicks: number | undefined;
  #heard = false;
  #isStalled = false;
  #isDown = false;

  constructor(socket: Socket, options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#channel = new CommandChannel(socket, {
      onFrame: (frame) => this.#receive(frame),
      onDown: () => this.#down(),
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    this.#channel.send(OP.hello, PROTOCOL_VERSION, options.chunkBytes);
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** What the arena has under a key; undefined: nothing, or there is none. */
  lookup(key: Uint8Array): StoredObject | undefined {
    const found = this.#arena?.reader.lookup(key);
    if (found === undefined) return undefined;
    const { head, body, bodyNumber, bodyBytes, version } = found;
    const place = bodyNumber === undefined ? undefined : this.#arena!.bodies.place(bodyNumber, bodyBytes);
    return { head, body, place, bodyBytes, version };
  }

  /** Undefined when there is no arena. */
  figures(): StoreFigures | undefined {
    return this.#arena?.reader.figures();
  }

  get segments(): SegmentCounts {
    return this.#segments?.counts ?? { free: 0, lent: 0, quarantined: 0, waiting: 0 };
  }

  get isUp(): boolean {
    return this.#segments !== undefined && !this.#isDown;
  }

  /** True when it makes sense to ask. */
  get answers(): boolean {
    return this.isUp && !this.#isStalled;
  }

  /** A number for a request of one's own. */
  nextRequest(): number {
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    return this.#lastRequest;
  }

  /** Sends a request; what RESULT says of it, undefined when that does not come. */
  request(op: Op, id: number, b = 0, payload?: Uint8Array): Promise<number | undefined> {
    if (!this.answers) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#requests.set(id, resolve);
      this.#channel.send(op, id, b, payload);
    });
  }

  /** Answers a request here: nobody waits for it any more. */
  forget(id: number): void {
    const settle = this.#requests.get(id);
    this.#requests.delete(id);
    settle?.(undefined);
  }

  /** What to do when the cache says that it cannot keep what is sent for this claim. */
  onRefused(id: number, refused: () => void): void {
    this.#onRefused.set(id, refused);
  }

  /** The claim has come to its end. */
  settled(id: number): void {
    this.#onRefused.delete(id);
  }

  /**
   * Asks for a removal, also of a cache process that does not answer: it is done as soon as it moves again. True when it
   * was done in time.
   *
   * @param onDone called once it was done, be it late
   */
  remove({ key, isPrefix }: Removal, onDone: () => void): Promise<boolean> {
    const id = this.nextRequest();
    this.#removals.set(id, onDone);
    this.#channel.send(OP.remove, id, isPrefix ? 1 : 0, key);
    if (!this.answers) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#requests.set(id, (value) => resolve(value === 1));
    });
  }

  send(op: Op, a?: number, b?: number, payload?: Uint8Array): void {
    this.#channel.send(op, a, b, payload);
  }

  acquire(user: SegmentUser): Promise<LentSegment | undefined> {
    return this.answers ? this.#segments!.acquire(user) : Promise.resolve(undefined);
  }

  /** Sends a frame about a segment, by which it becomes the cache's turn. */
  hand(op: Op, lent: LentSegment, payload?: Uint8Array): void {
    this.#segments?.await(lent);
    this.#channel.send(op, lent.index, lent.gen, payload);
  }

  release(lent: LentSegment): void {
    this.#segments?.release(lent);
  }

  giveUp(lent: LentSegment): void {
    this.#segments?.giveUp(lent);
  }

  close(): void {
    this.#channel.close();
  }

  #receive(frame: Frame): void {
    this.#heard = true;
    this.#silentTicks = undefined;
    this.#isStalled = false;
    const { op, a, b, payload } = frame;
    switch (op) {
      case OP.hello:
        this.#hello(frame);
        break;
      case OP.attached:
        this.#segments?.attached(a);
        break;
      case OP.head:
        this.#segments?.userOf(a, b)?.head(payload);
        break;
      case OP.ready:
        this.#segments?.answered(a, b)?.ready();
        break;
      case OP.ack:
        this.#segments?.answered(a, b)?.acknowledged();
        break;
      case OP.cancelled:
        this.#segments?.cancelled(a, b);
        break;
      case OP.refused:
        this.#onRefused.get(a)?.();
        break;
      case OP.removed:
        this.#events.onRemoved(payload, b !== 0);
        break;
      case OP.result:
        this.#result(a, b);
        break;
      case OP.pong:
        break;
      default:
        throw new RangeError(`no cache process sends ${op}`);
    }
  }

  #hello({ a: version, b: arenaBytes, payload }: Frame): void {
    if (version !== PROTOCOL_VERSION || this.#segments !== undefined) throw new RangeError('not this HELLO');
    const directory = payload.toString();
    const { maxSegments, chunkBytes, mapping, report } = this.#options;
    this.#segments = new SegmentPool({
      directory,
      // Without a directory there is no shared memory.
      maxSegments: directory === '' ? 0 : maxSegments,
      chunkBytes,
      mapping,
      attach: (index, name) => this.#channel.send(OP.attach, index, 0, Buffer.from(name)),
      cancel: (index, gen) => this.#channel.send(OP.cancel, index, gen),
      onFull: (error) => report(`no further segment for the shared cache: ${messageOf(error)}`),
    });
    if (arenaBytes > 0) this.#openArena(directory, arenaBytes);
    this.#events.onUp();
  }

  #openArena(directory: string, arenaBytes: number): void {
    const path = join(directory, ARENA_FILE);
    let fd: number | undefined;
    try {
      fd = openSync(path, 'r+');
      if (fstatSync(fd).size !== arenaBytes) throw new Error(`${path} has another size than it should`);
      const memory = shareBytes(fd, arenaBytes, this.#options.mapping);
      this.#arena = { reader: new ArenaReader(memory), memory, fd, bodies: new BodyFiles(directory) };
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      this.#options.report(`the shared cache cannot be read: ${messageOf(error)}`);
    }
  }

  #result(id: number, value: number): void {
    const settle = this.#requests.get(id);
    const removed = this.#removals.get(id);
    if (removed !== undefined) {
      this.#removals.delete(id);
      removed();
    } else if (settle === undefined) {
      // A claim that nobody waits for any more: others may have it.
      if (value === CLAIMED.granted) this.#channel.send(OP.abandon, id);
    }
    this.#requests.delete(id);
    settle?.(value);
  }

  #tick(): void {
    const heard = this.#heard;
    this.#heard = false;
    this.#segments?.tick(SEGMENT_TICKS, CHUNK_TICKS);
    if (this.#silentTicks !== undefined) {
      // In ticks and not in time: when it was this process that stood still, what has come is not read yet.
      this.#silentTicks++;
      if (this.#silentTicks >= STALLED_TICKS) this.#stall();
      return;
    }
    const isWaiting = this.#segments === undefined || this.#requests.size > 0 || this.#segments.isAwaiting;
    if (!isWaiting || heard) return;
    this.#silentTicks = 0;
    // Before HELLO is answered there is nothing more to ask.
    if (this.#segments !== undefined) this.#channel.send(OP.ping);
  }

  #stall(): void {
    if (this.#isStalled) return;
    this.#isStalled = true;
    this.#settleAll(new Error('the cache process does not answer'));
  }

  #settleAll(error: Error): void {
    this.#segments?.failAll(error);
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const settle of requests) settle(undefined);
  }

  #down(): void {
    this.#isDown = true;
    clearInterval(this.#timer);
    const error = new Error('the cache process is gone');
    this.#segments?.close(error);
    this.#settleAll(error);
    this.#arena?.memory.close();
    if (this.#arena !== undefined) closeSync(this.#arena.fd);
    this.#arena = undefined;
    this.#events.onDown();
  }
}
