/**
 * multipart/byteranges bodies (RFC 9110 section 14.6, RFC 2046 section 5.1): the bytes around the parts.
 *
 *     --BOUNDARY CRLF                         CRLF --BOUNDARY CRLF
 *     Content-Type: text/plain CRLF           ...
 *     Content-Range: bytes 0-4/100 CRLF       CRLF --BOUNDARY-- CRLF
 *     CRLF
 *     five bytes
 */
import { randomBytes } from 'node:crypto';
import type { FileSlice } from '../transport/connection.js';
import { type ByteRange, contentRange } from './ranges.js';

export interface MultipartPlan {
  /** In the order of sending: bytes as they are, and slices of the representation. */
  readonly parts: readonly (Buffer | FileSlice)[];
  /** Length of the whole body in bytes. */
  readonly length: number;
  /** Content-Type of the response. */
  readonly contentType: string;
}

/** A boundary of 128 random bits, which no content can be made to hold. */
export function newBoundary(): string {
  return randomBytes(16).toString('hex');
}

/**
 * Plans the body for several ranges. (RFC 9110 section 15.3.7.2: a single range is never sent so.)
 *
 * @param contentType of the representation, repeated in every part
 */
export function multipartPlan(
  ranges: readonly ByteRange[],
  sizeBytes: number,
  contentType: string,
  boundary: string,
): MultipartPlan {
  const parts: (Buffer | FileSlice)[] = [];
  for (const [index, range] of ranges.entries()) {
    const head =
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\n` +
      `Content-Type: ${contentType}\r\nContent-Range: ${contentRange(range, sizeBytes)}\r\n\r\n`;
    parts.push(Buffer.from(head, 'latin1'), range);
  }
  parts.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return {
    parts,
    length: parts.reduce((sum, part) => sum + part.length, 0),
    contentType: `multipart/byteranges; boundary=${boundary}`,
  };
}

/** The planned body of a representation that is in memory, without copying any of it. */
export function multipartPieces({ parts }: Pick<MultipartPlan, 'parts'>, representation: Buffer): Buffer[] {
  return parts.map((part) =>
    Buffer.isBuffer(part) ? part : representation.subarray(part.offset, part.offset + part.length),
  );
}
