/** Parts of files: PUT with Content-Range, which writes at a place or appends (RFC 9110 section 14.5). */
import { Refusal } from './refusal.js';

/** Where in the file the body goes. */
export interface Part {
  /** In bytes. */
  readonly offset: number;
  /** As many as the body must have. */
  readonly length: number;
}

const CONTENT_RANGE = /^bytes +(\d{1,15})-(\d{1,15})\/(?:\*|(\d{1,15}))$/i;

/** What Content-Range asks for; undefined: the whole. @throws Refusal 400 when it makes no sense */
export function partOf(contentRange: string | undefined): Part | undefined {
  if (contentRange === undefined) return undefined;
  const [, first, last, total] = CONTENT_RANGE.exec(contentRange) ?? [];
  const offset = Number(first);
  const end = Number(last);
  if (first === undefined || end < offset || (total !== undefined && end >= Number(total))) {
    throw new Refusal(400, 'Content-Range must be as in `bytes 100-199/*`.');
  }
  return { offset, length: end - offset + 1 };
}

/** @throws Refusal when the body is not what was told, or would leave a gap */
export function checkPart({ offset, length }: Part, bodyBytes: number, fileBytes: number): void {
  if (bodyBytes !== length) {
    throw new Refusal(400, `Content-Range tells of ${length} bytes, and the body has ${bodyBytes}.`);
  }
  if (offset > fileBytes) {
    const fields = `Content-Range: bytes */${fileBytes}\r\n`;
    throw new Refusal(416, `The file has ${fileBytes} bytes: this would leave a gap.`, fields);
  }
}
