/**
 * The stored forms of one representation: plain, and in content codings. Which of them a client gets, and
 * which is worth making for it.
 */
import { type CodingPreference, chooseCoding } from '../http/negotiation.js';
import type { Coding } from '../http/reply.js';
import { PreparedReply } from '../http/serialise.js';
import type { FoundVariant } from './found.js';

/** Smaller bodies fit a packet as they are. */
export const MIN_COMPRESS_BYTES = 1024;

/** One stored form of a representation, with the replies that are sent of it most. */
export class Variant {
  readonly coding: Coding;
  readonly path: string;
  readonly identity: string;
  readonly sizeBytes: number;
  readonly etag: string;
  /** The value of Last-Modified; `''` when there is none. */
  readonly lastModified: string;
  /** Null when it stays on disk. */
  readonly body: Buffer | null;
  readonly contentType: string;
  /** Fields of a 200: all but Content-Length is the same in a 206. */
  readonly fields: string;
  readonly hit: PreparedReply | undefined;
  readonly headHit: PreparedReply;
  readonly notModified: PreparedReply;

  constructor(found: FoundVariant, contentType: string, sharedFields: string, lastModified: string) {
    this.coding = found.coding;
    this.path = found.path;
    this.identity = found.identity;
    this.sizeBytes = found.sizeBytes;
    this.etag = found.etag;
    this.lastModified = lastModified;
    this.body = found.body === null ? null : asBuffer(found.body);
    this.contentType = contentType;
    const validators = `ETag: ${found.etag}\r\n${sharedFields}`;
    const dateLine = lastModified === '' ? '' : `Last-Modified: ${lastModified}\r\n`;
    const encoding = found.coding === 'identity' ? '' : `Content-Encoding: ${found.coding}\r\n`;
    this.fields = `${encoding}Accept-Ranges: bytes\r\n${dateLine}${validators}`;
    const whole = `Content-Type: ${contentType}\r\nContent-Length: ${found.sizeBytes}\r\n${this.fields}`;
    this.hit = this.body === null ? undefined : new PreparedReply(200, whole, this.body, 'HIT');
    this.headHit = new PreparedReply(200, whole, null, 'HIT');
    this.notModified = new PreparedReply(304, validators, null, 'HIT');
  }

  /** Fields of a 200. */
  get wholeFields(): string {
    return this.headHit.fields;
  }
}

/** One representation in its stored forms, the plain one first. */
export interface Forms {
  readonly compressible: boolean;
  readonly variants: readonly Variant[];
  /** Codings that were tried and save nothing. */
  readonly useless: ReadonlySet<Coding>;
  /** The choice made last: preferences are shared objects, and most clients have the same. */
  lastPreference: CodingPreference | undefined;
  lastChoice: Variant | undefined;
  /** The preference for which no form was missing when it was last asked. */
  completeFor: CodingPreference | undefined;
}

/** What is remembered of the choices before the first. */
export const NOTHING_CHOSEN = { lastPreference: undefined, lastChoice: undefined, completeFor: undefined };

/** The form that suits a client best among those that are there. */
export function chooseVariant(forms: Forms, preference: CodingPreference): Variant {
  if (forms.lastPreference === preference && forms.lastChoice !== undefined) return forms.lastChoice;
  const { variants } = forms;
  const coding = chooseCoding(
    preference,
    variants.map((variant) => variant.coding),
  );
  const choice = variants.find((variant) => variant.coding === coding) ?? variants[0]!;
  forms.lastPreference = preference;
  forms.lastChoice = choice;
  return choice;
}

/** The coding worth making now for a client: better than any form there is, and not found useless before. */
export function codingToMake(
  forms: Forms,
  preference: CodingPreference,
  makeable: readonly Coding[],
): Coding | undefined {
  if (forms.completeFor === preference) return undefined;
  const coding = missingCoding(forms, preference, makeable);
  if (coding === undefined) forms.completeFor = preference;
  return coding;
}

function missingCoding(
  forms: Forms,
  preference: CodingPreference,
  makeable: readonly Coding[],
): Coding | undefined {
  const identity = forms.variants[0]!;
  if (!forms.compressible || identity.body === null || identity.sizeBytes < MIN_COMPRESS_BYTES) {
    return undefined;
  }
  const present = chooseVariant(forms, preference);
  // Forms that were put there by the site's author are better than what can be made in passing.
  if (present.path !== identity.path) return undefined;
  const candidates = makeable.filter((coding) => !forms.useless.has(coding));
  const coding = chooseCoding(preference, ['identity', ...candidates]);
  return coding === 'identity' || coding === present.coding ? undefined : coding;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
