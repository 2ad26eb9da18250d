/** Short bodies, read whole. */
import type { BodySource } from './body-source.js';

/**
 * Reads a body to its end. Rejects with what the body fails with, or with `tooLong()` when there is more than may be;
 * what is left of it is thrown away then.
 *
 * @param body undefined: an empty one
 */
export function bytesOf(
  body: BodySource | undefined,
  maxBytes: number,
  tooLong: () => Error,
): Promise<Buffer> {
  if (body === undefined) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    body.start({
      data: (bytes) => {
        length += bytes.length;
        pieces.push(bytes);
        if (length <= maxBytes) return;
        reject(tooLong());
        body.cancel();
      },
      end: () => resolve(Buffer.concat(pieces)),
      fail: reject,
    });
  });
}

/** The same as text. */
export async function textOf(
  body: BodySource | undefined,
  maxBytes: number,
  tooLong: () => Error,
): Promise<string> {
  return (await bytesOf(body, maxBytes, tooLong)).toString();
}
