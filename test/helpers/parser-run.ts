/**
 * Drives a parser as a session does, over one read buffer that is overwritten after each piece, and
 * writes down what it said in a form that does not depend on how the bytes were split.
 */
import type { ParserLimits } from '../../src/http/head-parser.js';
import type { ParserError } from '../../src/http/head-rules.js';
import { RequestParser } from '../../src/http/parser.js';
import { KNOWN_FIELDS, type RequestHead } from '../../src/http/request-head.js';

/** One request as the parser gave it. */
export interface SeenRequest {
  readonly method: string;
  readonly known: boolean;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly version: '1.0' | '1.1';
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  readonly chunked: boolean;
  readonly keyHash: number;
  readonly fields: Readonly<Record<string, string>>;
  body: string;
  complete: boolean;
}

export interface Transcript {
  readonly requests: readonly SeenRequest[];
  readonly error: ParserError | undefined;
  /** Bytes not consumed, latin1; `''` after an error, when nobody will look at them. */
  readonly rest: string;
}

export interface RunOptions {
  /** Continue with a new parser at each boundary between requests, as after a hand-over. */
  readonly handOver?: boolean;
}

const SCRIBBLE = 0x21;

/** Each byte fed is good for two events (content and end), and each feed for one more. */
const EVENTS_PER_BYTE = 2;
const MOST_EXTRA_EVENTS = 2;

/** Feeds the pieces one after another, and takes all events after each. */
export function runParser(
  pieces: Iterable<Buffer>,
  limits: ParserLimits,
  options: RunOptions = {},
): Transcript {
  const run = new Run(limits, options.handOver === true);
  for (const piece of pieces) run.feed(piece);
  return run.transcript();
}

class Run {
  readonly #limits: ParserLimits;
  readonly #handOver: boolean;
  readonly #requests: SeenRequest[] = [];
  #parser: RequestParser;
  #events = 0;
  #eventsAtMost = MOST_EXTRA_EVENTS;

  constructor(limits: ParserLimits, handOver: boolean) {
    this.#limits = limits;
    this.#handOver = handOver;
    this.#parser = new RequestParser(limits);
  }

  feed(piece: Buffer): void {
    const readBuffer = Buffer.from(piece);
    this.#eventsAtMost += piece.length * EVENTS_PER_BYTE + 1;
    this.#parser.feed(readBuffer, readBuffer.length);
    this.#takeAll();
    this.#parser.hold();
    readBuffer.fill(SCRIBBLE);
  }

  transcript(): Transcript {
    const { error } = this.#parser;
    const rest = error === undefined ? this.#parser.unused().toString('latin1') : '';
    return { requests: this.#requests, error, rest };
  }

  #takeAll(): void {
    for (;;) {
      const event = this.#parser.next();
      if (++this.#events > this.#eventsAtMost) throw new Error('the parser makes events out of nothing');
      switch (event) {
        case 'more':
        case 'error':
          return;
        case 'head':
          this.#requests.push(seen(this.#parser.head));
          if (!this.#parser.inBody) this.#ended();
          break;
        case 'content':
          this.#requests.at(-1)!.body += this.#content();
          break;
        case 'end':
          this.#ended();
      }
    }
  }

  #content(): string {
    const { bytes, contentStart, contentEnd } = this.#parser;
    return bytes.toString('latin1', contentStart, contentEnd);
  }

  #ended(): void {
    this.#requests.at(-1)!.complete = true;
    if (!this.#handOver) return;
    const unused = Buffer.from(this.#parser.unused());
    this.#parser = new RequestParser(this.#limits);
    this.#parser.feed(unused, unused.length);
    this.#parser.hold();
  }
}

function seen(head: RequestHead): SeenRequest {
  const fields: Record<string, string> = {};
  for (const name of KNOWN_FIELDS) {
    const value = head.field(name);
    if (value !== undefined) fields[name] = value;
  }
  return {
    method: head.methodText,
    known: head.method !== '',
    target: head.target,
    path: head.path,
    query: head.query,
    version: head.minor === 0 ? '1.0' : '1.1',
    keepAlive: head.keepAlive,
    expectsContinue: head.expectsContinue,
    chunked: head.contentLength < 0,
    keyHash: head.keyHash,
    fields,
    body: '',
    complete: false,
  };
}
