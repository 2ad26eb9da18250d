/** Bodies on their way: into a file of their own, durable before anything is changed. */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { writeFully } from '../../durable.js';
import { BodyError, type BodySource } from '../../http/body-source.js';

/** So much may wait for the disk before the client is held back. */
const HIGH_WATER_BYTES = 1024 * 1024;

export interface Spooled {
  readonly path: string;
  readonly bytes: number;
  /** First characters of its SHA-256, as entity tags have them. */
  readonly sha256: string;
}

/**
 * Reads a body to its end into a new file, which is durable when this resolves. Rejects with BodyError or the system's
 * error; then there is no file.
 *
 * @param body undefined: an empty one
 */
export async function spool(body: BodySource | undefined, path: string, maxBytes: number): Promise<Spooled> {
  const file = await open(path, 'wx', 0o666);
  try {
    const digest = createHash('sha256');
    const bytes = body === undefined ? 0 : await new Reception(file, digest, maxBytes).receive(body);
    await file.sync();
    return { path, bytes, sha256: digest.digest('base64url') };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

class Reception {
  readonly #file: FileHandle;
  readonly #digest: Hash;
  readonly #maxBytes: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  /** Of these, so many are in the file. */
  #written = 0;
  #isPaused = false;
  #isWriting = false;
  #hasEnded = false;
  #failure: unknown;
  #resolve!: (bytes: number) => void;
  #reject!: (error: unknown) => void;

  constructor(file: FileHandle, digest: Hash, maxBytes: number) {
    this.#file = file;
    this.#digest = digest;
    this.#maxBytes = maxBytes;
  }

  receive(body: BodySource): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      body.start({
        data: (bytes) => this.#take(bytes, body),
        end: () => {
          this.#hasEnded = true;
          this.#goOn(body);
        },
        fail: (error) => this.#fail(error, body),
      });
    });
  }

  #take(bytes: Uint8Array, body: BodySource): void {
    if (this.#failure !== undefined) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maxBytes) {
      this.#fail(new BodyError(413, 'The body is larger than this server takes (WRITE_MAX_MB).'), body);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > HIGH_WATER_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      body.pause();
    }
    this.#goOn(body);
  }

  #goOn(body: BodySource): void {
    if (this.#isWriting) return;
    if (this.#failure !== undefined) this.#reject(this.#failure);
    else if (this.#waiting.length > 0) void this.#write(body);
    else if (this.#hasEnded) this.#resolve(this.#bytes);
  }

  async #write(body: BodySource): Promise<void> {
    this.#isWriting = true;
    const pieces = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      for (const piece of pieces) this.#digest.update(piece);
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      await writeFully(this.#file, bytes, this.#written);
      this.#written += bytes.length;
    } catch (error) {
      this.#failure ??= error;
      body.cancel();
    }
    this.#isWriting = false;
    if (this.#isPaused && this.#failure === undefined) {
      this.#isPaused = false;
      body.resume();
    }
    this.#goOn(body);
  }

  /** The file is still being written to: that comes first. */
  #fail(error: unknown, body: BodySource): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    if (error instanceof BodyError && error.status === 413) body.cancel();
    this.#goOn(body);
  }
}
