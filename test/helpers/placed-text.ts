/** A large body for tests of what is sent from where it lies: a text in a file. */
import { fstatSync } from 'node:fs';
import { BodyFiles } from '../../src/shared-cache/body-files.js';
import type { BodyPlace } from '../../src/shared-cache/shared-cache.js';
import type { OpenFile } from '../../src/transport/connection.js';
import { TestDirectory } from './directory.js';

export class PlacedText implements BodyPlace {
  readonly length: number;
  readonly name: string;
  /** It was evicted. */
  isGone = false;
  readonly #directory: TestDirectory;
  readonly #place: BodyPlace;
  readonly #opened: OpenFile[] = [];

  constructor(text: string) {
    this.#directory = new TestDirectory({ 'body-1': text });
    this.#place = new BodyFiles(this.#directory.path).place(1, text.length);
    this.length = text.length;
    this.name = this.#place.name;
  }

  open(): OpenFile | undefined {
    const file = this.isGone ? undefined : this.#place.open();
    if (file !== undefined) this.#opened.push(file);
    return file;
  }

  /** Removes it. @throws Error when whoever has opened it has not closed it */
  end(): void {
    this.#directory.remove();
    for (const { fd } of this.#opened) {
      let isOpen = true;
      try {
        fstatSync(fd);
      } catch {
        isOpen = false;
      }
      if (isOpen) throw new Error('a body was opened and not closed');
    }
  }
}
