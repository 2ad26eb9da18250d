/** The file that a command writes its outcome to: `--out`. */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { EXIT, HandoverError, messageOf } from '../errors.js';

/**
 * A file that appears when it is whole, in place of what was there. What is no file (a device, a FIFO) is not
 * replaced, and written to at once. All of it rejects with HandoverError, EXIT.cannotRead.
 */
export class OutFile {
  readonly #path: string;
  /** What is written to, until it is whole. */
  readonly #partial: string;
  readonly #file: FileHandle;

  private constructor(path: string, partial: string, file: FileHandle) {
    this.#path = path;
    this.#partial = partial;
    this.#file = file;
  }

  /** @param path absolute */
  static async open(path: string): Promise<OutFile> {
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory()) throw cannotWrite(path, new Error('this is a directory'));
    const partial = there === undefined || there.isFile() ? `${path}.${process.pid}.handover-part` : path;
    try {
      return new OutFile(path, partial, await open(partial, 'w'));
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  async write(piece: Uint8Array): Promise<void> {
    try {
      await this.#file.writeFile(piece);
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /** It is whole. */
  async keep(): Promise<void> {
    try {
      await this.#file.close();
      if (this.#partial !== this.#path) await rename(this.#partial, this.#path);
    } catch (error) {
      await this.discard();
      throw cannotWrite(this.#path, error);
    }
  }

  /** It will not be whole. Does not reject: what was wrong before is what counts. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    if (this.#partial !== this.#path) await rm(this.#partial, { force: true }).catch(() => undefined);
  }
}

function cannotWrite(path: string, error: unknown): HandoverError {
  return new HandoverError('OUT', `--out=${path}: ${messageOf(error)}`, EXIT.cannotRead, error);
}
