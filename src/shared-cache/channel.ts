/** One end of the command channel: frames over a socket, those of one turn in one write. */
import type { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameReader, type Op } from './frames.js';

/** A peer that reads nothing is given up before what waits for it takes all memory. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

export interface ChannelEvents {
  onFrame(frame: Frame): void;
  /** Once; no frame comes or leaves any more. */
  onDown(): void;
}

export class CommandChannel {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #events: ChannelEvents;
  #unsent: Buffer[] = [];
  #isDown = false;

  /** @param socket connected, and nobody else's */
  constructor(socket: Socket, events: ChannelEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (bytes) => this.#receive(bytes));
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#down());
    // A peer that has ended its half will answer nothing.
    socket.on('end', () => this.close());
  }

  send(op: Op, a?: number, b?: number, payload?: Uint8Array): void {
    if (this.#isDown) return;
    if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
    this.#unsent.push(encodeFrame(op, a, b, payload));
  }

  /** Ends the connection at once; `onDown` is called before this returns. */
  close(): void {
    this.#socket.destroy();
    this.#down();
  }

  #flush(): void {
    const frames = this.#unsent;
    this.#unsent = [];
    if (this.#isDown) return;
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.close();
  }

  #receive(bytes: Buffer): void {
    try {
      for (const frame of this.#reader.push(bytes)) {
        if (this.#isDown) return;
        this.#events.onFrame(frame);
      }
    } catch (error) {
      // Only what the peer sent is its fault.
      if (!(error instanceof RangeError)) throw error;
      this.close();
    }
  }

  #down(): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#unsent = [];
    this.#events.onDown();
  }
}
