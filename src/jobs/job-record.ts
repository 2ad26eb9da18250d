/** What the entries of a journal amount to. Pure. */
import type { JobOptions, JobResult, JobState } from './api.js';
import type { JournalEntry, StoredRecord } from './journal.js';

export interface KnownPart {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where its content begins in the journal; undefined: it has a file of its own. */
  readonly contentOffset: number | undefined;
}

export class JobRecord {
  options: JobOptions = { reducer: 'concat', order: 'name' };
  createdMs = 0;
  state: JobState = 'open';
  /** In the order in which they became durable. */
  readonly parts = new Map<string, KnownPart>();
  bytes = 0;
  result: JobResult | undefined;
  error: string | undefined;

  apply({ entry, contentOffset }: StoredRecord): void {
    switch (entry.is) {
      case 'created':
        this.options = entry.options;
        this.createdMs = entry.atMs;
        return;
      case 'part':
        this.#addPart(entry, contentOffset);
        return;
      case 'sealed':
        // Its reducer may have failed on the parts that were there before.
        if (this.state === 'open') this.state = 'sealed';
        return;
      case 'done':
        this.state = 'done';
        this.result = entry.result;
        return;
      case 'failed':
        this.state = 'failed';
        this.error = entry.error;
    }
  }

  #addPart(entry: Extract<JournalEntry, { is: 'part' }>, contentOffset: number): void {
    const { name, bytes, sha256, isInline } = entry;
    this.parts.set(name, { name, bytes, sha256, contentOffset: isInline ? contentOffset : undefined });
    this.bytes += bytes;
  }
}
