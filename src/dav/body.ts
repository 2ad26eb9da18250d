/** Bodies of requests: short, and read whole before anything is done. */
import { Refusal } from '../files/writing/refusal.js';
import type { BodySource } from '../http/body-source.js';
import { bytesOf } from '../http/whole-body.js';
import { parseXml, type XmlElement, XmlError } from './xml.js';

const MAX_BODY_BYTES = 64 * 1024;

/** Reads a document; undefined: there is no body. Rejects with Refusal 400 or 413, or BodyError. */
export async function readXml(body: BodySource | undefined): Promise<XmlElement | undefined> {
  const tooLong = () => new Refusal(413, `The body has more than ${MAX_BODY_BYTES / 1024} KB.`);
  const bytes = await bytesOf(body, MAX_BODY_BYTES, tooLong);
  return bytes.length === 0 ? undefined : understood(() => parseXml(bytes));
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
