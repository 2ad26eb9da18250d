/** Bodies of requests: short, and read whole before anything is done. */
import { Refusal } from '../files/writing/refusal.js';
import type { BodySource } from '../http/body-source.js';
import { parseXml, type XmlElement, XmlError } from './xml.js';

const MAX_BODY_BYTES = 64 * 1024;

/** Reads a document; undefined: there is no body. Rejects with Refusal 400 or 413, or BodyError. */
export async function readXml(body: BodySource | undefined): Promise<XmlElement | undefined> {
  const bytes = body === undefined ? undefined : await bytesOf(body);
  if (bytes === undefined || bytes.length === 0) return undefined;
  return understood(() => parseXml(bytes));
}

/** What was made of a document. @throws Refusal 400 when that was not possible */
export function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof XmlError) throw new Refusal(400, `${error.message}.`);
    throw error;
  }
}

function bytesOf(body: BodySource): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    body.start({
      data: (bytes) => {
        length += bytes.length;
        pieces.push(bytes);
        if (length <= MAX_BODY_BYTES) return;
        reject(new Refusal(413, `The body has more than ${MAX_BODY_BYTES / 1024} KB.`));
        body.cancel();
      },
      end: () => resolve(Buffer.concat(pieces)),
      fail: reject,
    });
  });
}
