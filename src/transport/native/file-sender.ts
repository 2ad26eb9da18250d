/**
 * Sends slices of an open file with sendfile(2), and bytes between them. The end of the last slice goes
 * through memory, and is held back until the file has been found unchanged, so that a response whose file
 * changed under it never looks whole.
 */
import { read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { systemCode } from '../../errors.js';
import type { FilePart, FileSlice, OpenFile, SendFileOutcome } from '../connection.js';

const readAt = promisify(read);

/** Read at once of files that sendfile(2) does not take. */
const PIECE_BYTES = 64 * 1024;
/** What is held back. */
const TAIL_BYTES = 16 * 1024;

/** The part of a connection that is used here. */
export interface Sink {
  write(bytes: Uint8Array): void;
  flushed(): Promise<boolean>;
  /** Like `flushed`, when nothing more is to come: what is left goes out without waiting for more. */
  finished(): Promise<boolean>;
  sendSlice(fd: number, position: number, end: number): Promise<SendFileOutcome>;
}

/** Rejects when the disk fails. The file is left open. */
export async function sendParts(
  sink: Sink,
  file: OpenFile,
  parts: readonly FilePart[],
): Promise<SendFileOutcome> {
  const last = parts.findLast((part) => !(part instanceof Uint8Array));
  for (const part of parts) {
    if (part instanceof Uint8Array) sink.write(part);
    else {
      const outcome = await sendSlice(sink, file, part, part === last);
      if (outcome !== 'sent') return outcome;
    }
  }
  return (await sink.finished()) ? 'sent' : 'closed';
}

async function sendSlice(
  sink: Sink,
  file: OpenFile,
  { offset, length }: FileSlice,
  isLast: boolean,
): Promise<SendFileOutcome> {
  const tailBytes = isLast ? Math.min(TAIL_BYTES, length) : 0;
  const tailStart = offset + length - tailBytes;
  if (tailStart > offset) {
    if (!(await sink.flushed())) return 'closed';
    const outcome = await sendMiddle(sink, file, offset, tailStart);
    if (outcome !== 'sent') return outcome;
  }
  if (tailBytes === 0) return 'sent';
  const tail = Buffer.allocUnsafeSlow(tailBytes);
  // What lies before it was just sent, so the kernel has read it ahead: this does not wait for the disk.
  const bytesRead = readSync(file.fd, tail, 0, tailBytes, tailStart);
  if (bytesRead < tailBytes || !file.unchanged()) return 'changed';
  sink.write(tail);
  return 'sent';
}

/** By sendfile(2), or where the file system cannot do that (EINVAL), piece by piece through memory. */
async function sendMiddle(sink: Sink, file: OpenFile, start: number, end: number): Promise<SendFileOutcome> {
  try {
    return await sink.sendSlice(file.fd, start, end);
  } catch (error) {
    // It is the first call that says so, with nothing sent yet.
    if (systemCode(error) !== 'EINVAL') throw error;
  }
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end - start));
  for (let position = start; position < end; ) {
    const { bytesRead } = await readAt(file.fd, buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytesRead === 0) return 'changed';
    sink.write(buffer.subarray(0, bytesRead));
    // There is one buffer: what is in it must have left before it is filled again.
    if (!(await sink.flushed())) return 'closed';
    position += bytesRead;
  }
  return 'sent';
}
