/**
 * Large bodies on the side of a worker: files of the cache process that are opened by name and sent as they lie in
 * shared memory. However many responses send from one, it is open once.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { isSameContent } from '../files/open-file.js';
import type { OpenFile } from '../transport/connection.js';
import { bodyName } from './directory.js';
import type { BodyPlace } from './shared-cache.js';

/** An open file for several users: closed when the last of them has closed it. */
export class SharedFile {
  readonly fd: number;
  readonly #opened: BigIntStats;
  readonly #onClosed: () => void;
  #users = 0;

  /** @param fd its own from now on @throws the system's error, with the file closed */
  constructor(fd: number, onClosed: () => void = () => undefined) {
    this.fd = fd;
    this.#onClosed = onClosed;
    try {
      this.#opened = fstatSync(fd, { bigint: true });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get sizeBytes(): number {
    return Number(this.#opened.size);
  }

  /** For one user more. Not after the last one has closed it. */
  use(): OpenFile {
    this.#users++;
    let isOpen = true;
    return {
      fd: this.fd,
      // Its name may be gone, but nobody writes to what is stored.
      unchanged: () => isSameContent(this.#opened, fstatSync(this.fd, { bigint: true })),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#users--;
        if (this.#users > 0) return;
        closeSync(this.fd);
        this.#onClosed();
      },
    };
  }
}

/** The bodies of one cache process. */
export class BodyFiles {
  readonly #directory: string;
  readonly #open = new Map<number, SharedFile>();

  /** @param directory of the cache process */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where the body of this number is, or was. */
  place(number: number, length: number): BodyPlace {
    const path = join(this.#directory, bodyName(number));
    return { name: path, length, open: () => this.#use(number, path, length) };
  }

  #use(number: number, path: string, length: number): OpenFile | undefined {
    const open = this.#open.get(number);
    if (open !== undefined) return open.use();
    let file: SharedFile;
    try {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      file = new SharedFile(fd, () => this.#open.delete(number));
    } catch {
      // It was evicted, or there are no descriptors left: whoever wants it can fetch it.
      return undefined;
    }
    const use = file.use();
    if (file.sizeBytes !== length) {
      use.close();
      return undefined;
    }
    this.#open.set(number, file);
    return use;
  }
}
