/**
 * Sends a part until it is durable: again after a connection that broke, from where the server has it. What comes from
 * a pipe can be sent once only.
 *
 *     file     HEAD ──► the server has N bytes ──► PUT from N on ──► 200 or 201: the same digest, done
 *               ▲                                      │
 *               └────── broken, or 503: wait ◄─────────┘
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, systemCode } from '../../errors.js';
import type { PartReceipt } from '../api.js';
import { digestIn, reprDigest } from '../repr-digest.js';
import { ask, askForJson, numberIn, problemOf, Refusal, refusalOf, type ServerAddress } from './server.js';

/** A file as it was when it was looked at. */
export interface FileContent {
  readonly path: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

export interface SendOptions {
  readonly server: ServerAddress;
  readonly job: string;
  readonly part: string;
  /** How often it is tried again when nothing more of the part has arrived since the last time. */
  readonly retries: number;
  /** So many bytes of the part are on their way or there. */
  readonly onProgress: (bytes: number) => void;
  /** It is tried again, for that reason. */
  readonly onRetry: (problem: string, pauseMs: number) => void;
  /** Waits; tests do not. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** A part that was not delivered, and why. */
export class NotDelivered extends Error {}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** Said of a server that may well do it in a while. */
const PASSING = new Set([408, 425, 429, 502, 503, 504]);
/** A server that always wants another byte wants none. */
const MAX_TURNS = 5;
/** A smaller file is sent without asking what is there of it. */
const ASKING_BYTES = 2 ** 20;

/** Sends a file. @throws NotDelivered */
export async function sendFile(content: FileContent, options: SendOptions): Promise<PartReceipt> {
  const sender = new FileSender(content, options);
  return await sender.send();
}

class FileSender {
  readonly #content: FileContent;
  readonly #options: SendOptions;
  readonly #retrying: Retrying;
  /** Where the next attempt begins. */
  #offset = 0;
  /** The most that the server has ever had. */
  #arrived = 0;
  /** How often the server wanted the part from another byte on. */
  #turns = 0;
  /** The server has something else under the name of this part, which must not be gone on with. */
  #startsAnew = false;

  constructor(content: FileContent, options: SendOptions) {
    this.#content = content;
    this.#options = options;
    this.#retrying = new Retrying(options);
  }

  async send(): Promise<PartReceipt> {
    let looks = this.#content.bytes >= ASKING_BYTES;
    for (;;) {
      try {
        if (looks) {
          const receipt = await this.#look();
          if (receipt !== undefined) return receipt;
        }
        return await this.#put();
      } catch (error) {
        looks = true;
        if (!this.#goesOnElsewhere(error)) await this.#retrying.after(error);
      }
    }
  }

  /** What the server has of the part; the receipt when that is all of it. */
  async #look(): Promise<PartReceipt | undefined> {
    const { server } = this.#options;
    const { bytes, sha256 } = this.#content;
    const answer = await ask(server, { method: 'HEAD', path: pathOf(this.#options) });
    answer.destroy();
    const offset = numberIn(answer, 'upload-offset') ?? 0;
    if (answer.statusCode === 200) {
      const there = digestIn(answer.headers['repr-digest']?.toString() ?? '');
      if (there === sha256) return { part: this.#options.part, bytes, sha256, isNew: false };
      throw new NotDelivered('another part of that name is there');
    }
    if (answer.statusCode !== 404) throw await refusalOf(answer);
    this.#offset = this.#startsAnew || offset > bytes ? 0 : offset;
    if (this.#offset > this.#arrived) {
      this.#arrived = this.#offset;
      this.#retrying.begin();
    }
    return undefined;
  }

  async #put(): Promise<PartReceipt> {
    const { server, onProgress } = this.#options;
    const { path, bytes, sha256 } = this.#content;
    const offset = this.#offset;
    let sent = offset;
    const file =
      offset < bytes ? createReadStream(path, { start: offset, end: bytes - 1 }) : Readable.from([]);
    const onPiece = (piece: Buffer): void => {
      sent += piece.length;
      onProgress(sent);
    };
    const body = counted(file, onPiece, () => {
      if (sent !== bytes) throw new NotDelivered(`${path} is no longer the file that it was`);
    });
    onProgress(sent);
    const answer = await askForJson(server, {
      method: 'PUT',
      path: pathOf(this.#options),
      fields: {
        'Content-Type': 'application/octet-stream',
        'Content-Length': bytes - offset,
        'Repr-Digest': reprDigest(sha256),
        ...(offset > 0 && { 'Content-Range': rangeFrom(offset, bytes) }),
      },
      body,
    });
    return checked(answer, sha256);
  }

  /** True when the server wants the part from another byte on: it is looked where. */
  #goesOnElsewhere(error: unknown): boolean {
    if (!(error instanceof Refusal) || this.#offset === 0 || this.#turns === MAX_TURNS) return false;
    if (error.code !== 'wrong-digest' && error.code !== 'wrong-offset') return false;
    // What was there was not the beginning of this file.
    if (error.code === 'wrong-digest') this.#startsAnew = true;
    this.#turns++;
    return true;
  }
}

/**
 * Sends what comes from a pipe, whose length nobody knows. The server is asked before the first byte, as often as may
 * be; behind it, nothing can be tried again.
 *
 * @throws NotDelivered
 */
export async function sendStream(input: Readable, options: SendOptions): Promise<PartReceipt> {
  const { server, onProgress } = options;
  const retrying = new Retrying(options);
  let broken: Error | undefined;
  input.once('error', (error) => {
    broken = error;
  });
  for (;;) {
    try {
      const answer = await ask(server, { method: 'HEAD', path: pathOf(options) });
      answer.destroy();
      if (answer.statusCode === 200 || answer.statusCode === 404) break;
      throw await refusalOf(answer);
    } catch (error) {
      await retrying.after(error);
    }
  }
  if (broken !== undefined) throw new NotDelivered(messageOf(broken));
  const hash = createHash('sha256');
  let sent = 0;
  const body = counted(input, (piece) => {
    hash.update(piece);
    sent += piece.length;
    onProgress(sent);
  });
  let answer: unknown;
  try {
    const fields = { 'Content-Type': 'application/octet-stream' };
    answer = await askForJson(server, { method: 'PUT', path: pathOf(options), fields, body });
  } catch (error) {
    const lost = sent === 0 ? '' : `; ${sent} bytes of it are gone, and it cannot be sent again`;
    throw new NotDelivered(`${problemOf(error)}${lost}`);
  }
  return checked(answer, hash.digest('hex'));
}

/** Waits longer and longer between attempts, and gives up. */
class Retrying {
  readonly #options: SendOptions;
  #failures = 0;

  constructor(options: SendOptions) {
    this.#options = options;
  }

  /** Something has arrived: the pauses begin anew. */
  begin(): void {
    this.#failures = 0;
  }

  /** Resolves when it is time for the next attempt. @throws NotDelivered when there is none */
  async after(error: unknown): Promise<void> {
    const { retries, onRetry, pause = sleep } = this.#options;
    const problem = problemOf(error);
    if (!isPassing(error)) throw new NotDelivered(problem);
    if (this.#failures >= retries) {
      throw new NotDelivered(retries === 0 ? problem : `${problem}; given up after ${retries} retries`);
    }
    const longest = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures++;
    const asked = error instanceof Refusal ? (error.retryAfterMs ?? 0) : 0;
    // Of many clients that were cut off at once, each comes back at a time of its own.
    const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(asked, Math.round(longest * (0.5 + Math.random() / 2))));
    onRetry(problem, pauseMs);
    await pause(pauseMs);
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof NotDelivered) return false;
  if (error instanceof Refusal) return PASSING.has(error.status);
  // A file that cannot be read, or a name without an address, is no passing trouble of the server.
  return !['ENOENT', 'EACCES', 'EISDIR', 'EIO', 'ENOTFOUND', 'ERR_INVALID_URL'].includes(systemCode(error));
}

/** What follows is the rest of the part; of one that is all there, nothing (RFC 9110 section 14.4). */
function rangeFrom(offset: number, bytes: number): string {
  return `bytes ${offset < bytes ? `${offset}-${bytes - 1}` : '*'}/${bytes}`;
}

/** The receipt in an answer. @throws NotDelivered when it is one for other bytes */
function checked(answer: unknown, sha256: string): PartReceipt {
  if (!isReceipt(answer)) throw new NotDelivered('this server does not know jobs: its answer is no receipt');
  if (answer.sha256 === sha256) return answer;
  throw new NotDelivered(`the server has other bytes than were sent: its sha256 is ${answer.sha256}`);
}

function isReceipt(value: unknown): value is PartReceipt {
  return (
    typeof value === 'object' &&
    value !== null &&
    'sha256' in value &&
    typeof value.sha256 === 'string' &&
    'bytes' in value &&
    typeof value.bytes === 'number'
  );
}

/** What comes from `input`, each piece told. `onEnd` may throw: then it has no end. */
function counted(input: Readable, onPiece: (piece: Buffer) => void, onEnd?: () => void): Readable {
  const counter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      onPiece(piece);
      done(null, piece);
    },
    flush(done) {
      try {
        onEnd?.();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  input.once('error', (error) => counter.destroy(error));
  counter.once('close', () => input.destroy());
  return input.pipe(counter);
}

function pathOf({ job, part }: SendOptions): string {
  return `/${encodeURIComponent(job)}/parts/${encodeURIComponent(part)}`;
}
