/**
 * What has become of a job, in the order in which it did: a file that is only ever appended to. A record counts
 * when it is whole; what a crash has left behind the last whole one is cut off.
 *
 *     file   | "handover job 1\n" | record | record | ...
 *     record | u32 length of the entry | u32 length of the content | u32 CRC-32 of all the rest | entry, JSON | content |
 *
 * Numbers are little-endian. The content is that of a small part.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeFully } from '../durable.js';
import { systemCode } from '../errors.js';
import type { JobOptions, JobResult } from './api.js';

export type JournalEntry =
  | { readonly is: 'created'; readonly atMs: number; readonly options: JobOptions }
  | {
      readonly is: 'part';
      readonly name: string;
      readonly bytes: number;
      readonly sha256: string;
      /** Its content follows the entry; otherwise it has a file of its own. */
      readonly isInline: boolean;
    }
  | { readonly is: 'sealed'; readonly atMs: number }
  | { readonly is: 'done'; readonly result: JobResult }
  | { readonly is: 'failed'; readonly error: string };

export interface NewRecord {
  readonly entry: JournalEntry;
  readonly content?: Uint8Array | undefined;
}

/** A record that is in the file, and where its content begins. */
export interface StoredRecord {
  readonly entry: JournalEntry;
  readonly contentOffset: number;
}

const MAGIC = Buffer.from('handover job 1\n', 'latin1');
const PREFIX_BYTES = 12;
/** Larger ones are never written: what says so is no record. */
const MAX_ENTRY_BYTES = 64 * 1024;
const MAX_CONTENT_BYTES = 1024 * 1024;
const READ_BYTES = 1024 * 1024;

export class Journal {
  readonly #file: FileHandle;
  #lengthBytes: number;
  #isBroken = false;

  private constructor(file: FileHandle, lengthBytes: number) {
    this.#file = file;
    this.#lengthBytes = lengthBytes;
  }

  /** Makes one that has these records, durably but for its name. Rejects with the system's error: EEXIST among them. */
  static async create(path: string, records: readonly NewRecord[]): Promise<Journal> {
    const file = await open(path, 'wx+', 0o600);
    const journal = new Journal(file, 0);
    try {
      await journal.#write(MAGIC);
      await journal.append(records);
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Opens one and reads it, calling back with each record.
   *
   * @param onCut so many bytes behind the last whole record were no record, and are gone
   * @returns undefined when there is none, or nothing whole in it
   */
  static async open(
    path: string,
    read: (record: StoredRecord) => void,
    onCut: (bytes: number) => void = () => undefined,
  ): Promise<Journal | undefined> {
    let file: FileHandle;
    try {
      file = await open(path, 'r+');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { size } = await file.stat();
      const wholeBytes = await readRecords(file, size, read);
      if (wholeBytes <= MAGIC.length) {
        await file.close();
        return undefined;
      }
      if (wholeBytes < size) {
        await file.truncate(wholeBytes);
        onCut(size - wholeBytes);
      }
      // A killed process may have written what it had not synchronised; what is known counts as durable from now on.
      await file.datasync();
      return new Journal(file, wholeBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Appends records; resolves, with where their contents begin, when they are durable. Rejects with the system's error
   * when they are not, and then none of them is there. One call at a time.
   */
  async append(records: readonly NewRecord[]): Promise<number[]> {
    if (this.#isBroken) await this.#cut();
    const pieces: Uint8Array[] = [];
    const offsets: number[] = [];
    let at = this.#lengthBytes;
    for (const { entry, content = NOTHING } of records) {
      const text = Buffer.from(JSON.stringify(entry));
      const prefix = Buffer.alloc(PREFIX_BYTES);
      prefix.writeUInt32LE(text.length, 0);
      prefix.writeUInt32LE(content.length, 4);
      prefix.writeUInt32LE(checksum(prefix, text, content), 8);
      pieces.push(prefix, text, content);
      offsets.push(at + PREFIX_BYTES + text.length);
      at += PREFIX_BYTES + text.length + content.length;
    }
    await this.#write(Buffer.concat(pieces));
    return offsets;
  }

  /** After an error, and until the next success, records may be in the file that were refused. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #write(bytes: Buffer): Promise<void> {
    const start = this.#lengthBytes;
    try {
      await writeFully(this.#file, bytes, start);
      await this.#file.datasync();
      this.#lengthBytes = start + bytes.length;
    } catch (error) {
      this.#isBroken = true;
      // The error that is on its way says what is wrong with this disk; the next append tries again.
      await this.#cut().catch(() => undefined);
      throw error;
    }
  }

  /** What may have been written must not be found again: nobody was told of it. Rejects with the system's error. */
  async #cut(): Promise<void> {
    await this.#file.truncate(this.#lengthBytes);
    await this.#file.datasync();
    this.#isBroken = false;
  }
}

const NOTHING = new Uint8Array(0);

function checksum(prefix: Buffer, text: Uint8Array, content: Uint8Array): number {
  return crc32(content, crc32(text, crc32(prefix.subarray(0, 8))));
}

/** Returns where the last whole record ends; 0 when the file is no journal. */
async function readRecords(
  file: FileHandle,
  sizeBytes: number,
  read: (record: StoredRecord) => void,
): Promise<number> {
  const window = new Window(file, sizeBytes);
  if (!(await window.bytes(0, MAGIC.length))?.equals(MAGIC)) return 0;
  let at = MAGIC.length;
  for (;;) {
    const prefix = await window.bytes(at, PREFIX_BYTES);
    if (prefix === undefined) return at;
    const [textBytes, contentBytes, crc] = [0, 4, 8].map((offset) => prefix.readUInt32LE(offset)) as [
      number,
      number,
      number,
    ];
    if (textBytes > MAX_ENTRY_BYTES || contentBytes > MAX_CONTENT_BYTES) return at;
    const record = await window.bytes(at, PREFIX_BYTES + textBytes + contentBytes);
    if (record === undefined) return at;
    const text = record.subarray(PREFIX_BYTES, PREFIX_BYTES + textBytes);
    if (checksum(record, text, record.subarray(PREFIX_BYTES + textBytes)) !== crc) return at;
    read({
      entry: JSON.parse(text.toString()) as JournalEntry,
      contentOffset: at + PREFIX_BYTES + textBytes,
    });
    at += record.length;
  }
}

/** A file that is read from its beginning to its end, in large pieces. */
class Window {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  #start = 0;
  #bytes = Buffer.alloc(0);

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  /** Valid until the next call; undefined when the file ends before. */
  async bytes(at: number, length: number): Promise<Buffer | undefined> {
    if (at + length > this.#sizeBytes) return undefined;
    if (at < this.#start || at + length > this.#start + this.#bytes.length) {
      const wanted = Buffer.allocUnsafe(Math.min(Math.max(READ_BYTES, length), this.#sizeBytes - at));
      let got = 0;
      while (got < wanted.length) {
        const { bytesRead } = await this.#file.read(wanted, got, wanted.length - got, at + got);
        if (bytesRead === 0) return undefined;
        got += bytesRead;
      }
      this.#start = at;
      this.#bytes = wanted;
    }
    return this.#bytes.subarray(at - this.#start, at - this.#start + length);
  }
}
