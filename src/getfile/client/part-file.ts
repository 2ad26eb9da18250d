/**
 * A file that is there whole or not at all: written under a name of its own beside the good one, and renamed.
 * Synchronous on purpose: this runs in a thread that has nothing else to do.
 */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';

let count = 0;

export class PartFile {
  readonly #path: string;
  readonly #part: string;
  readonly #fd: number;

  /** Makes the directories that are missing. @throws the system's error */
  constructor(path: string) {
    const directory = dirname(path);
    mkdirSync(directory, { recursive: true });
    this.#path = path;
    this.#part = join(directory, `.handover-get-${process.pid}-${threadId}-${count++}.part`);
    this.#fd = openSync(this.#part, 'wx');
  }

  write(bytes: Buffer): void {
    // Not writeSync, which may write less.
    writeFileSync(this.#fd, bytes);
  }

  /** It is whole: it gets its name, in the place of what had that name before. */
  keep(): void {
    closeSync(this.#fd);
    try {
      renameSync(this.#part, this.#path);
    } catch (error) {
      rmSync(this.#part, { force: true });
      throw error;
    }
  }

  /** It is not: nothing is left of it. */
  discard(): void {
    closeSync(this.#fd);
    rmSync(this.#part, { force: true });
  }
}
