/**
 * A body on its way from an upstream, to clients and into the store at once. It is read as fast as the store takes it:
 * no client waits for another, nor the store for a client. What is small is held until it is whole, so that the worker
 * has a copy of its own; of what is large and in the store already, only what a client has not taken yet. What
 * turns out too large, or to take more memory than there is for all, is not stored: it goes on as fast as its
 * readers take it.
 *
 *     upstream ──► pieces ──► store
 *                    ├──► reader (the client that asked first)
 *                    └──► readers (clients that asked meanwhile)
 */
import type { BodySink, BodySource } from '../../http/body-source.js';
import { type FillPieces, FillReader } from './fill-reader.js';
import type { FillRoom } from './fill-room.js';
import type { Claim } from './response-store.js';

export interface FillOptions {
  /** In bytes, as the upstream has announced; undefined: not known. */
  readonly length: number | undefined;
  /** More than this is not stored. */
  readonly maxBytes: number;
  /** A larger body is not held whole if the store takes it. */
  readonly copyBytes: number;
  /** Shared with all other bodies. */
  readonly room: FillRoom;
  /** Where the pieces go. */
  readonly store: Pick<Claim, 'takes' | 'write' | 'drained'>;
  /**
   * All of it has come.
   *
   * @param body undefined: it was not held, the store has it
   * @returns false when it was not stored
   */
  readonly onWhole: (lengthBytes: number, body: Buffer | undefined) => boolean | Promise<boolean>;
}

/** `unstored`: it was too large, or there was no room. */
export type FillOutcome = 'whole' | 'unstored' | 'broken';

export class Fill implements BodySink, FillPieces {
  /** Settled when it is known what comes of it. */
  readonly outcome: Promise<FillOutcome>;
  readonly #source: BodySource;
  readonly #options: FillOptions;
  readonly #readers = new Set<FillReader>();
  #settle!: (outcome: FillOutcome) => void;
  #pieces: Uint8Array[] = [];
  /** Pieces that are no longer held. */
  #dropped = 0;
  /** Pieces that take of the room: what only goes through is held back by who takes it, as without a store. */
  #counted = 0;
  #bytes = 0;
  /** It may become an object of the store. */
  #isStoring = true;
  #isStoreBehind = false;
  #isPaused = false;
  #isEnded = false;
  #error: Error | undefined;

  constructor(source: BodySource, options: FillOptions) {
    this.#source = source;
    this.#options = options;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Begins to read, whether anybody takes it yet or not. */
  start(): void {
    this.#source.start(this);
  }

  /** True while all that has come is there for another reader, and all that comes will surely be. */
  get isJoinable(): boolean {
    const isKnown = this.#options.length !== undefined && this.#error === undefined;
    return isKnown && this.#isStoring && this.#dropped === 0;
  }

  /** The body from its first byte. Only before `start`, or while it is joinable. */
  reader(): BodySource {
    const reader = new FillReader(this);
    this.#readers.add(reader);
    return reader;
  }

  data(bytes: Uint8Array): void {
    // undici may have nothing when it goes on: waiting for that to be taken would make it go on, and so for ever.
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    const { room, maxBytes } = this.#options;
    if (this.#bytes > maxBytes) this.#pass();
    if (this.#isStoring) {
      room.add(bytes.length);
      this.#counted = this.#dropped + this.#pieces.length;
      this.#store(bytes);
    }
    for (const reader of this.#readers) reader.pump();
    this.#trim();
    if (room.isOver) this.#pass();
    this.#balance();
  }

  end(): void {
    const { length } = this.#options;
    if (length !== undefined && length !== this.#bytes) {
      this.fail(new Error(`the body has ${this.#bytes} bytes and not ${length} as announced`));
      return;
    }
    this.#isEnded = true;
    if (this.#isStoring) this.#keep();
    for (const reader of this.#readers) reader.pump();
    this.#trim();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#settle('broken');
    for (const reader of this.#readers) reader.pump();
    this.#trim();
  }

  piece(place: number): Uint8Array | undefined {
    return this.#pieces[place - this.#dropped];
  }

  get isOver(): boolean {
    return this.#isEnded || this.#error !== undefined;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  advanced(): void {
    this.#balance();
  }

  /** Without readers only what is for the store goes on. */
  left(reader: FillReader): void {
    this.#readers.delete(reader);
    this.#balance();
  }

  #store(bytes: Uint8Array): void {
    const { store } = this.#options;
    if (this.#isTaken === false) {
      // What was given away cannot be kept here any more.
      if (this.#dropped > 0) this.#pass();
      return;
    }
    if (store.write(bytes) || this.#isStoreBehind) return;
    this.#isStoreBehind = true;
    void store.drained().then(() => {
      this.#isStoreBehind = false;
      this.#balance();
    });
  }

  #keep(): void {
    const { onWhole } = this.#options;
    const kept = onWhole(this.#bytes, this.#isElsewhere ? undefined : Buffer.concat(this.#pieces));
    const settle = (isKept: boolean): void => this.#settle(isKept ? 'whole' : 'unstored');
    if (typeof kept === 'boolean') settle(kept);
    else void kept.then(settle);
  }

  /** It will not be stored: from now on it goes through, and no more. */
  #pass(): void {
    if (!this.#isStoring) return;
    this.#isStoring = false;
    this.#settle('unstored');
  }

  /** True when the store has all that has come, and there is to be no copy here. */
  get #isElsewhere(): boolean {
    const { copyBytes, room } = this.#options;
    return this.#isTaken === true && (this.#dropped > 0 || this.#bytes > copyBytes || room.isOver);
  }

  get #isTaken(): boolean | undefined {
    const { store, length } = this.#options;
    return store.takes(length ?? this.#bytes);
  }

  /** Lets go of what nobody needs any more, and goes on with the upstream, or waits. */
  #balance(): void {
    this.#trim();
    if (this.isOver) return;
    if (!this.#isStoring && this.#readers.size === 0) {
      this.#source.cancel();
      this.fail(new Error('nobody reads it any more'));
      return;
    }
    this.#pause(this.#isStoring ? this.#isStoreBehind : this.#pieces.length > 0);
  }

  #trim(): void {
    const isForStore = this.#isStoring && !this.isOver && !this.#isElsewhere;
    if (isForStore || this.#pieces.length === 0) return;
    const places = [...this.#readers].map(({ place }) => place);
    const read = Math.min(this.#dropped + this.#pieces.length, ...places) - this.#dropped;
    for (const { length } of this.#pieces.splice(0, read)) {
      if (this.#dropped++ < this.#counted) this.#options.room.give(length);
    }
  }

  #pause(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#source.pause();
    else this.#source.resume();
  }
}
