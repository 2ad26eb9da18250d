/**
 * From a reply plan to the bytes of a response's head. A reply that is sent again and again keeps its
 * bytes for as long as the Date in them is right.
 */
import type { Clock } from './clock.js';
import { type CacheState, REASON, type Reply } from './reply.js';

/** What the Connection field says; `''`: there is none, and HTTP/1.1 goes on. */
export type Persistence = '' | 'close' | 'keep-alive';
const PERSISTENCES: readonly Persistence[] = ['', 'close', 'keep-alive'];

/** Bodies up to this size are joined to their head, so that one write sends both. */
const JOIN_BYTES = 64 * 1024;

/**
 * The head of a response, to its blank line. `connection` is the value of the Connection field, `''` for
 * none; `extra` are further field lines of this one response.
 */
export function serialiseHead(reply: Reply, clock: Clock, connection: string, extra = ''): Buffer {
  const { status, fields, cache, isRelayed = false } = reply;
  const ownLines = isRelayed ? '' : `${clock.dateLine}Server: handover\r\n`;
  const connectionLine = connection === '' ? '' : `Connection: ${connection}\r\n`;
  const cacheLine = cache === '' ? '' : `X-Cache: ${cache}\r\n`;
  return Buffer.from(
    `HTTP/1.1 ${status} ${REASON[status] ?? ''}\r\n${ownLines}${connectionLine}${fields}${cacheLine}${extra}\r\n`,
    'latin1',
  );
}

/** An interim response (RFC 9110 section 15.2), to its blank line. */
export function interimHead(status: number, fields: string): Buffer {
  return Buffer.from(`HTTP/1.1 ${status} ${REASON[status] ?? ''}\r\n${fields}\r\n`, 'latin1');
}

/** A reply from memory that stays the same, but for its Date, as long as its resource does. */
export class PreparedReply implements Reply {
  readonly status: number;
  readonly fields: string;
  readonly body: Buffer | null;
  readonly cache: CacheState;
  readonly close = false;
  readonly isRelayed: boolean;
  #second = -1;
  /** What was made in this second, by the place of its persistence. */
  #wires: (readonly Buffer[] | undefined)[] = [];

  constructor(status: number, fields: string, body: Buffer | null, cache: CacheState, isRelayed = false) {
    this.status = status;
    this.fields = fields;
    this.body = body;
    this.cache = cache;
    this.isRelayed = isRelayed;
  }

  /**
   * The whole response, in one piece or two, with this value of the Connection field. The buffers are never
   * changed, so they may wait in a socket while the next second's are made.
   */
  wire(clock: Clock, persistence: Persistence): readonly Buffer[] {
    if (this.#second !== clock.second) {
      this.#second = clock.second;
      this.#wires = [];
    }
    const place = PERSISTENCES.indexOf(persistence);
    this.#wires[place] ??= this.#made(clock, persistence);
    return this.#wires[place];
  }

  #made(clock: Clock, persistence: Persistence): readonly Buffer[] {
    const head = serialiseHead(this, clock, persistence);
    const { body } = this;
    if (body === null) return [head];
    return body.length <= JOIN_BYTES ? [Buffer.concat([head, body])] : [head, body];
  }
}
