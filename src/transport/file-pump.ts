/**
 * Sends slices of open files in bounded memory: one buffer per download, read, written, waited for.
 * The last piece is held back until the file has been found unchanged, so that a response whose file
 * changed under it never looks whole.
 */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import type { FilePart, FileSlice, OpenFile, SendFileOutcome } from './connection.js';

const readAt = promisify(read);

/** One read and one write; large enough that system calls do not count. */
const LARGEST_PIECE_BYTES = 256 * 1024;
const SMALLEST_PIECE_BYTES = 16 * 1024;
/** What all downloads of a worker share: a client that has stopped reading keeps its piece in memory. */
const SHARED_BYTES = 64 * 1024 * 1024;

/** The part of a connection that the pump uses. */
export interface Sink {
  write(bytes: Uint8Array): void;
  flushed(): Promise<boolean>;
}

/** The downloads of one worker. The more there are, the smaller are their pieces. */
export class FilePump {
  #active = 0;

  /** Closes the file in every outcome; rejects when a read fails. */
  async send(sink: Sink, file: OpenFile, parts: readonly FilePart[]): Promise<SendFileOutcome> {
    this.#active++;
    try {
      const last = parts.filter((part) => !isBytes(part)).at(-1);
      for (const part of parts) {
        if (isBytes(part)) sink.write(part);
        else {
          const outcome = await this.#sendSlice(sink, file, part, part === last);
          if (outcome !== 'sent') return outcome;
        }
      }
      return (await sink.flushed()) ? 'sent' : 'closed';
    } finally {
      this.#active--;
      file.close();
    }
  }

  /** How much is read at once for one download. */
  get pieceBytes(): number {
    const share = 2 ** Math.floor(Math.log2(SHARED_BYTES / Math.max(1, this.#active)));
    return Math.min(LARGEST_PIECE_BYTES, Math.max(SMALLEST_PIECE_BYTES, share));
  }

  async #sendSlice(sink: Sink, file: OpenFile, slice: FileSlice, last: boolean): Promise<SendFileOutcome> {
    const end = slice.offset + slice.length;
    let position = slice.offset;
    let buffer = Buffer.alloc(0);
    while (position < end) {
      // There is one buffer: what is in it must have left before it is filled again.
      if (!(await sink.flushed())) return 'closed';
      const wanted = Math.min(this.pieceBytes, end - position);
      if (buffer.length !== wanted) buffer = Buffer.allocUnsafeSlow(wanted);
      const got = await readFully(file.fd, buffer, position);
      if (got < wanted) return 'changed';
      position += got;
      if (last && position === end && !file.unchanged()) return 'changed';
      sink.write(buffer);
    }
    return 'sent';
  }
}

function isBytes(part: FilePart): part is Uint8Array {
  return part instanceof Uint8Array;
}

async function readFully(fd: number, buffer: Buffer, position: number): Promise<number> {
  let got = 0;
  while (got < buffer.length) {
    const { bytesRead } = await readAt(fd, buffer, got, buffer.length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}
