/**
 * Sends slices of an open file with sendfile(2), and bytes between them. The end of the last slice goes
 * through memory, and is held back until the file has been found unchanged, so that a response whose file
 * changed under it never looks whole.
 */
import { readSync } from 'node:fs';
import type { FilePart, FileSlice, OpenFile, SendFileOutcome } from '../connection.js';

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
    const outcome = await sink.sendSlice(file.fd, offset, tailStart);
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
