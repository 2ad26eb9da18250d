/**
 * Who has which bytes of a ring: entries in the order in which they were placed, and where the next one fits.
 * Knows no memory; it only counts.
 *
 *     |.....[oldest][  ][    ][newest]head.......|      or, gone round
 *     |[    ][newest]head......[oldest][  ][   ].|
 */

/** Something that is placed in a ring. */
export interface Placed<Entry> {
  readonly lengthBytes: number;
  /** Where it is. The ring's, as are the links to its neighbours. */
  offset: number;
  older: Entry | undefined;
  newer: Entry | undefined;
}

export class Ring<Entry extends Placed<Entry>> {
  readonly sizeBytes: number;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  /** Where the next entry begins. */
  #head = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  get oldest(): Entry | undefined {
    return this.#oldest;
  }

  /**
   * Where the next entry of this length would be; undefined while the oldest ones are in its way.
   *
   * @param oldest the oldest entry that is to stay
   */
  place(lengthBytes: number, oldest: Entry | undefined = this.#oldest): number | undefined {
    if (oldest === undefined) return lengthBytes <= this.sizeBytes ? 0 : undefined;
    const { offset } = oldest;
    if (this.#head <= offset) return this.#head + lengthBytes <= offset ? this.#head : undefined;
    if (this.#head + lengthBytes <= this.sizeBytes) return this.#head;
    return lengthBytes <= offset ? 0 : undefined;
  }

  /** Where the oldest entry could be as the newest: there always is room, at the worst over bytes of its own. */
  placeForOldest({ lengthBytes, newer }: Entry): number {
    return newer === undefined ? 0 : this.place(lengthBytes, newer)!;
  }

  /** Puts an entry where `place` said. */
  put(entry: Entry, offset: number): void {
    entry.offset = offset;
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#head = offset + entry.lengthBytes;
  }

  remove(entry: Entry): void {
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    entry.older = undefined;
    entry.newer = undefined;
  }
}
