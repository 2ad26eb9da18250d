/** What clients' Accept-Encoding fields say, read once for each text: choices are remembered by these objects. */
import { type CodingPreference, parseAcceptEncoding } from './negotiation.js';
import { fieldBit, type RequestHead } from './request-head.js';

const ACCEPT_ENCODING = fieldBit('accept-encoding');
/** Distinct texts that are remembered; browsers and tools have a few dozen. */
const MAX_TEXTS = 256;

export class CodingPreferences {
  readonly #known = new Map<string, CodingPreference>();
  readonly #none = parseAcceptEncoding(undefined);

  /** The preference of a request; the same object for the same text. */
  of(head: RequestHead): CodingPreference {
    if (!head.has(ACCEPT_ENCODING)) return this.#none;
    const text = head.field('accept-encoding')!;
    let preference = this.#known.get(text);
    if (preference === undefined) {
      preference = parseAcceptEncoding(text);
      if (this.#known.size >= MAX_TEXTS) this.#known.clear();
      this.#known.set(text, preference);
    }
    return preference;
  }
}
