/**
 * Sends slices of an open file in bounded memory: one buffer per download, read, written, waited for.
 * The last piece is held back until the file has been found unchanged, so that a response whose file
 * changed under it never looks whole.
 */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import type { FilePart, FileSlice, OpenFile, SendFileOutcome } from '../connection.js';

const readAt = promisify(read);

/** One read and one write; large enough that system calls do not count, small enough for many clients. */
const PIECE_BYTES = 256 * 1024;

/** The part of a connection that the pump uses. */
export interface Sink {
  write(bytes: Uint8Array): void;
  flushed(): Promise<boolean>;
}

/** Closes the file in every outcome; rejects when a read fails. */
export async function pumpFile(
  sink: Sink,
  file: OpenFile,
  parts: readonly FilePart[],
): Promise<SendFileOutcome> {
  try {
    const slices = parts.filter((part) => !isBytes(part));
    const longest = slices.reduce((length, slice) => Math.max(length, slice.length), 0);
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, longest));
    for (const part of parts) {
      if (isBytes(part)) sink.write(part);
      else {
        const outcome = await pumpSlice(sink, file, part, buffer, part === slices.at(-1));
        if (outcome !== 'sent') return outcome;
      }
    }
    return (await sink.flushed()) ? 'sent' : 'closed';
  } finally {
    file.close();
  }
}

function isBytes(part: FilePart): part is Uint8Array {
  return part instanceof Uint8Array;
}

async function pumpSlice(
  sink: Sink,
  file: OpenFile,
  slice: FileSlice,
  buffer: Buffer,
  last: boolean,
): Promise<SendFileOutcome> {
  const end = slice.offset + slice.length;
  let position = slice.offset;
  while (position < end) {
    // There is one buffer: what is in it must have left before it is filled again.
    if (!(await sink.flushed())) return 'closed';
    const wanted = Math.min(buffer.length, end - position);
    const got = await readFully(file.fd, buffer, wanted, position);
    if (got < wanted) return 'changed';
    position += got;
    if (last && position === end && !(await file.unchanged())) return 'changed';
    sink.write(buffer.subarray(0, got));
  }
  return 'sent';
}

async function readFully(fd: number, buffer: Buffer, length: number, position: number): Promise<number> {
  let got = 0;
  while (got < length) {
    const { bytesRead } = await readAt(fd, buffer, got, length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}
