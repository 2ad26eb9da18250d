/**
 * Writes to a node stream in pieces, the next one when the last was taken: what is under way is bounded,
 * and it shows how far a client that reads slowly has come. Counts nothing and owns no socket.
 */
import type { Writable } from 'node:stream';

/** Small writes are joined up to this size, larger ones are cut. Four TLS records. */
const PIECE_BYTES = 64 * 1024;

export class ChunkWriter {
  readonly #stream: Writable;
  readonly #taken: (bytes: number) => void;
  #added: Uint8Array[] = [];
  /** Those that `flush` has let go. */
  #released: Uint8Array[] = [];
  #queuedBytes = 0;
  #writingBytes = 0;
  #ending = false;

  /** @param taken called when bytes have left, after they no longer count as `unsentBytes` */
  constructor(stream: Writable, taken: (bytes: number) => void) {
    this.#stream = stream;
    this.#taken = taken;
  }

  /** Bytes given to `add` that have not left. */
  get unsentBytes(): number {
    return this.#queuedBytes + this.#writingBytes;
  }

  /** Queues bytes, which must not change until they have left. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#added.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** Lets everything go that was added so far. What is added later waits for the next call. */
  flush(): void {
    this.#released.push(...this.#added);
    this.#added = [];
    this.#write();
  }

  /** Lets everything go, and ends the stream with the last of it. Nothing may be added later. May be called again. */
  end(): void {
    this.#ending = true;
    this.flush();
    this.#endIfEmpty();
  }

  #write(): void {
    if (this.#writingBytes > 0 || this.#released.length === 0) return;
    const piece = this.#nextPiece();
    this.#queuedBytes -= piece.length;
    this.#writingBytes = piece.length;
    // With the end in the last frame of HTTP/2 and not in one of its own: a client that has all the bytes it was
    // promised may reset the stream before that comes.
    if (this.#ending && this.#released.length === 0)
      this.#stream.end(piece, () => this.#onWritten(piece.length));
    else this.#stream.write(piece, (error) => this.#onWritten(piece.length, error));
  }

  #onWritten(bytes: number, error?: Error | null): void {
    // Node says that a write is done, without an error, when its stream was destroyed instead.
    if (error != null || (this.#stream.destroyed && !this.#stream.writableFinished)) return;
    this.#writingBytes = 0;
    this.#write();
    this.#endIfEmpty();
    this.#taken(bytes);
  }

  /** The end may be told when the last bytes are already on their way, or when there were none. */
  #endIfEmpty(): void {
    if (this.#ending && this.unsentBytes === 0 && !this.#stream.writableEnded) this.#stream.end();
  }

  #nextPiece(): Uint8Array {
    const first = this.#released[0]!;
    if (first.length > PIECE_BYTES) {
      this.#released[0] = first.subarray(PIECE_BYTES);
      return first.subarray(0, PIECE_BYTES);
    }
    let count = 0;
    let bytes = 0;
    for (const { length } of this.#released) {
      if (bytes + length > PIECE_BYTES) break;
      bytes += length;
      count++;
    }
    const pieces = this.#released.splice(0, count);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}
