/**
 * The words on JOBS_PORT: what a client says before the bytes of a part, and what it is answered. Sans-I/O.
 *
 *     client │ ── JOB job part[ bytes=N][ sha256=HEX][ offset=N][ token=T] LF ──► │ server
 *            │ ── the bytes of the part, until the client half-closes ─────────►  │
 *            │ ◄─ OK bytes sha256 LF ───────────────────────────────────────────  │  it is durable
 *            │ ◄─ ERR code text LF ─────────────────────────────────────────────  │  or it is not, and why
 *
 * Names are percent-encoded where they have spaces, `%` or characters that are not ASCII; what is UTF-8 already is
 * taken, too. With a CR in front of its LF the line means the same.
 */
import { JobError, type JobErrorCode, type PartReceipt } from './api.js';
import { decodeName } from './names.js';
import type { Announced } from './reception.js';

/** Of the first line, with its LF. */
export const MAX_LINE_BYTES = 4096;

const LF = 0x0a;
const CR = 0x0d;

/** What the first line says. */
export interface FirstLine {
  readonly announced: Announced;
  readonly token: string | undefined;
}

/** Splits the first line off, from bytes that may be split anywhere. */
export class LineReader {
  #kept: Buffer = Buffer.alloc(0);
  #lineBytes = 0;

  /** `line`: it is whole; feed no more. `too-long`: it is none, and never will be. */
  feed(bytes: Buffer, length: number): 'more' | 'line' | 'too-long' {
    const from = this.#kept.length;
    this.#kept = Buffer.concat([this.#kept, bytes.subarray(0, length)]);
    const end = this.#kept.indexOf(LF, from);
    if (end >= MAX_LINE_BYTES || (end === -1 && this.#kept.length >= MAX_LINE_BYTES)) return 'too-long';
    if (end === -1) return 'more';
    this.#lineBytes = end + 1;
    return 'line';
  }

  /** The line, without its end. */
  get line(): Buffer {
    const end = this.#lineBytes - 1;
    return this.#kept.subarray(0, this.#kept[end - 1] === CR ? end - 1 : end);
  }

  /** What came behind the line. */
  get rest(): Buffer {
    return this.#kept.subarray(this.#lineBytes);
  }

  /** All that was read, for whoever reads it again. */
  get unused(): Buffer {
    return this.#kept;
  }
}

/** Reads the first line, without its end. @throws JobError `bad-request` or `bad-name` */
export function parseLine(line: Buffer): FirstLine {
  const [word, job, part, ...options] = textOf(line).split(' ');
  if (word !== 'JOB' || job === undefined || part === undefined) {
    throw new JobError('bad-request', 'the first line must be: JOB <job> <part>');
  }
  const names = { job: decodeName(job, 'job'), part: decodeName(part, 'part') };
  const { token, ...known } = parseOptions(options);
  const { bytes, offset } = known;
  if (bytes !== undefined && offset !== undefined && offset > bytes) {
    throw new JobError('bad-request', `offset=${offset} is behind the end: bytes=${bytes}`);
  }
  return { announced: { ...names, ...known }, token };
}

function textOf(line: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    throw new JobError('bad-request', 'the first line is not UTF-8');
  }
}

type Options = Pick<Announced, 'bytes' | 'sha256' | 'offset'> & { readonly token?: string };

function parseOptions(words: readonly string[]): Options {
  const options: { bytes?: number; sha256?: string; offset?: number; token?: string } = {};
  for (const word of words) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (Object.hasOwn(options, name)) throw new JobError('bad-request', `${name}= stands there twice`);
    if ((name === 'bytes' || name === 'offset') && /^\d{1,15}$/.test(value)) options[name] = Number(value);
    else if (name === 'sha256' && /^[0-9a-f]{64}$/i.test(value)) options.sha256 = value.toLowerCase();
    else if (name === 'token' && value !== '') options.token = value;
    else {
      // Its value may be a token.
      const shown = name === '' ? word.slice(0, 40) : `${name.slice(0, 40)}=`;
      const right = 'bytes=N, offset=N, sha256=HEX and token=TOKEN, with single spaces between them';
      throw new JobError('bad-request', `${JSON.stringify(shown)} is not understood; there are ${right}`);
    }
  }
  return options;
}

/** The first line for a part, with its end. */
export function firstLine({ announced, token }: FirstLine): Buffer {
  const { job, part, bytes, sha256, offset } = announced;
  const options = Object.entries({ bytes, sha256, offset, token });
  const written = options.flatMap(([name, value]) => (value === undefined ? [] : [` ${name}=${value}`]));
  return Buffer.from(`JOB ${encodeURIComponent(job)} ${encodeURIComponent(part)}${written.join('')}\n`);
}

/** The reply when a part is durable. */
export function receiptLine({ bytes, sha256 }: Pick<PartReceipt, 'bytes' | 'sha256'>): Buffer {
  return Buffer.from(`OK ${bytes} ${sha256}\n`);
}

/** The reply when it is not. */
export function errorLine(code: JobErrorCode | 'unavailable' | 'internal', text: string): Buffer {
  return Buffer.from(`ERR ${code} ${text.replaceAll(/\s*[\r\n]+\s*/g, ' ')}\n`);
}

/** The reply of a server that is full, or ending. */
export const UNAVAILABLE: Buffer = errorLine('unavailable', 'the server has no room for this now; try again');
