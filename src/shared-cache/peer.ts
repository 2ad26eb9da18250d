/**
 * One worker, as the cache process sees it: what it asks on its command channel, its segments, its claims. Whoever
 * does not keep to the protocol loses his connection, and nobody else notices.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type MappingKind, shareBytes } from '../posix/shared-bytes.js';
import { CommandChannel } from './channel.js';
import type { Claim, Claims } from './claims.js';
import { isSegmentName } from './directory.js';
import type { FileRoot } from './file-root.js';
import { CLAIMED, type Frame, OP, PROTOCOL_VERSION } from './frames.js';
import type { IncomingBody, ObjectStore } from './object-store.js';
import { Segment, STATUS, segmentFileBytes } from './segment.js';
import { MAX_KEY_BYTES } from './shared-cache.js';
import { AttachedSegment, type Settled } from './transfer.js';

/** What all workers share. */
export interface PeerHost {
  readonly store: ObjectStore | undefined;
  readonly claims: Claims;
  /** Plain files; undefined: none are served. */
  readonly files: FileRoot | undefined;
  /** Undefined: there is no shared memory, and so no segments. */
  readonly directory: string | undefined;
  /** 0: there is no arena. */
  readonly arenaBytes: number;
  readonly mapping: MappingKind | 'auto';
  /** Tells all workers what was removed. */
  readonly announce: (key: Buffer, isPrefix: boolean) => void;
  readonly onGone: () => void;
}

const MAX_SEGMENTS = 4096;
const MIN_CHUNK_BYTES = 4096;
const MAX_CHUNK_BYTES = 64 * 1024 * 1024;
/** In GET and FILE: offset and length before the key. */
const SLICE_BYTES = 16;
const LONGEST_WAIT_MS = 600_000;

interface PendingFill {
  readonly claim: Claim;
  readonly key: Buffer;
  readonly seen: number;
  readonly body: IncomingBody;
}

export class Peer {
  readonly #host: PeerHost;
  readonly #channel: CommandChannel;
  readonly #segments = new Map<number, AttachedSegment>();
  readonly #fills = new Map<number, PendingFill>();
  /** How to give up a claim that waits. */
  readonly #waiting = new Map<number, () => void>();
  /** Chunks of this worker's segments; 0 before HELLO. */
  #chunkBytes = 0;

  constructor(socket: Socket, host: PeerHost) {
    this.#host = host;
    this.#channel = new CommandChannel(socket, {
      onFrame: (frame) => this.#receive(frame),
      onDown: () => this.#leave(),
    });
  }

  /** Tells the worker what was removed. */
  removed(key: Buffer, isPrefix: boolean): void {
    this.#channel.send(OP.removed, 0, isPrefix ? 1 : 0, key);
  }

  close(): void {
    this.#channel.close();
  }

  #receive(frame: Frame): void {
    if ((this.#chunkBytes === 0) !== (frame.op === OP.hello)) throw new RangeError('HELLO comes first');
    switch (frame.op) {
      case OP.hello:
        this.#hello(frame);
        break;
      case OP.attach:
        this.#attach(frame);
        break;
      case OP.get:
      case OP.file:
        this.#get(frame);
        break;
      case OP.ack:
        this.#segment(frame.a).acknowledge(frame.b);
        break;
      case OP.cancel:
        this.#segment(frame.a).cancel(frame.b);
        break;
      case OP.claim:
        this.#claim(frame);
        break;
      case OP.data:
        this.#data(frame);
        break;
      case OP.commit:
      case OP.freshen:
        this.#finish(frame);
        break;
      case OP.abandon:
        this.#abandon(frame.a, frame.b === 0 ? 'failed' : 'unshared');
        break;
      case OP.remove:
        this.#remove(frame);
        break;
      case OP.ping:
        this.#channel.send(OP.pong);
        break;
      default:
        throw new RangeError(`no worker sends ${frame.op}`);
    }
  }

  #hello({ a: version, b: chunkBytes }: Frame): void {
    if (version !== PROTOCOL_VERSION || chunkBytes < MIN_CHUNK_BYTES || chunkBytes > MAX_CHUNK_BYTES) {
      throw new RangeError(`version ${version} with segments of ${chunkBytes} bytes is not spoken here`);
    }
    this.#chunkBytes = chunkBytes;
    const { directory, arenaBytes } = this.#host;
    // What others have asked to be removed before is removed first, also when this process stood still for a while.
    setImmediate(() => {
      this.#channel.send(OP.hello, PROTOCOL_VERSION, arenaBytes, Buffer.from(directory ?? ''));
    });
  }

  #attach({ a: index, payload }: Frame): void {
    const { directory, mapping } = this.#host;
    const name = payload.toString('latin1');
    if (
      directory === undefined ||
      !isSegmentName(name) ||
      this.#segments.has(index) ||
      this.#segments.size >= MAX_SEGMENTS
    ) {
      throw new RangeError(`segment ${index} cannot be named ${name}`);
    }
    const lengthBytes = segmentFileBytes(this.#chunkBytes);
    const fd = openOwn(join(directory, name), lengthBytes);
    const segment = new Segment(shareBytes(fd, lengthBytes, mapping));
    this.#segments.set(
      index,
      new AttachedSegment(segment, fd, (gen, what) => this.#settled(index, gen, what)),
    );
    this.#channel.send(OP.attached, index);
  }

  #settled(index: number, gen: number, what: Settled): void {
    this.#channel.send(what === 'ready' ? OP.ready : OP.cancelled, index, gen);
  }

  #get({ op, a: index, b: gen, payload }: Frame): void {
    const attached = this.#segment(index);
    if (attached.isBusy) throw new RangeError(`segment ${index} is busy`);
    const offset = payload.readDoubleLE(0);
    const length = payload.readDoubleLE(8);
    if (!(offset >= 0 && length >= 0))
      throw new RangeError(`no part begins at ${offset} or has ${length} bytes`);
    const name = payload.subarray(SLICE_BYTES);
    const found = op === OP.get ? this.#openObject(name) : this.#openFile(name);
    if (typeof found === 'number') {
      attached.refuse(gen, found);
      return;
    }
    const { content, head, mtimeMs, version } = found;
    const start = Math.min(offset, content.lengthBytes);
    const end = Math.min(start + length, content.lengthBytes);
    // Before READY, which may be sent within `begin`.
    if (head !== undefined) this.#channel.send(OP.head, index, gen, head);
    attached.begin({ gen, content, start, end, mtimeMs, version });
  }

  #openObject(name: Buffer) {
    const found = this.#host.store?.open(name.toString('latin1'));
    return found === undefined ? STATUS.missing : { ...found, mtimeMs: 0 };
  }

  #openFile(path: Buffer) {
    const found = this.#host.files?.open(path) ?? STATUS.missing;
    return typeof found === 'number' ? found : { ...found, head: undefined, version: 0 };
  }

  #claim({ a: id, b: waitMs, payload }: Frame): void {
    const { store, claims } = this.#host;
    const seen = payload.readUInt32LE(0);
    const key = payload.subarray(4);
    if (this.#fills.has(id) || this.#waiting.has(id)) throw new RangeError(`claim ${id} is there already`);
    if (store === undefined || key.length > MAX_KEY_BYTES) {
      this.#channel.send(OP.result, id, CLAIMED.none);
      return;
    }
    const name = key.toString('latin1');
    if (store.versionOf(name) !== seen) {
      this.#channel.send(OP.result, id, CLAIMED.done);
      return;
    }
    let isSettled = false;
    const giveUp = claims.ask(name, this, Math.min(waitMs, LONGEST_WAIT_MS), (outcome) => {
      isSettled = true;
      this.#waiting.delete(id);
      if (typeof outcome === 'string') {
        this.#channel.send(OP.result, id, CLAIMED[outcome]);
        return;
      }
      this.#fills.set(id, { claim: outcome, key, seen, body: store.receive() });
      this.#channel.send(OP.result, id, CLAIMED.granted);
    });
    if (!isSettled) this.#waiting.set(id, giveUp);
  }

  #data({ a: index, b: gen, payload }: Frame): void {
    const { segment, isBusy } = this.#segment(index);
    const head = segment.readHead(gen);
    if (isBusy || head === undefined) throw new RangeError(`there is no chunk in segment ${index}`);
    const id = payload.readUInt32LE(0);
    const fill = this.#fills.get(id);
    const isTaken = fill?.body.append(segment.readChunk(head.chunkBytes)) === true;
    this.#channel.send(OP.ack, index, gen);
    if (fill !== undefined && !isTaken) this.#channel.send(OP.refused, id);
  }

  #finish({ op, a: id, payload: head }: Frame): void {
    const fill = this.#fills.get(id);
    this.#fills.delete(id);
    this.#channel.send(OP.result, id, fill !== undefined && this.#store(op, fill, head) ? 1 : 0);
  }

  #store(op: Frame['op'], { claim, key, seen, body }: PendingFill, head: Buffer): boolean {
    const store = this.#host.store!;
    const isFreshening = op === OP.freshen;
    const isStored =
      !claim.isDoomed && (isFreshening ? store.freshen(claim.key, seen, head) : store.put(key, head, body));
    // What of it was not stored.
    body.drop();
    if (isStored) this.#host.claims.done(claim);
    else this.#host.claims.abandon(claim, isFreshening ? 'failed' : 'unshared');
    return isStored;
  }

  #abandon(id: number, why: 'failed' | 'unshared'): void {
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
    const fill = this.#fills.get(id);
    if (fill === undefined) return;
    this.#fills.delete(id);
    fill.body.drop();
    this.#host.claims.abandon(fill.claim, why);
  }

  #remove({ a: id, b: isPrefix, payload: key }: Frame): void {
    const { store, claims } = this.#host;
    const name = key.toString('latin1');
    if (isPrefix === 0) {
      store?.remove(name);
      claims.doom(name);
    } else {
      store?.removePrefix(name);
      claims.doomPrefix(name);
    }
    this.#host.announce(key, isPrefix !== 0);
    this.#channel.send(OP.result, id, 1);
  }

  /** @throws RangeError when there is none of this number */
  #segment(index: number): AttachedSegment {
    const attached = this.#segments.get(index);
    if (attached === undefined) throw new RangeError(`there is no segment ${index}`);
    return attached;
  }

  #leave(): void {
    for (const attached of this.#segments.values()) attached.close();
    this.#segments.clear();
    for (const { body } of this.#fills.values()) body.drop();
    this.#fills.clear();
    this.#waiting.clear();
    this.#host.claims.leave(this);
    this.#host.onGone();
  }
}

/** @throws RangeError when there is no such file of that length */
function openOwn(path: string, lengthBytes: number): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    throw new RangeError(`segment ${path} cannot be opened`, { cause: error });
  }
  const stat = fstatSync(fd);
  if (stat.isFile() && stat.size === lengthBytes) return fd;
  closeSync(fd);
  throw new RangeError(`segment ${path} is no file of ${lengthBytes} bytes`);
}
