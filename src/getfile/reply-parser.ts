/**
 * Reads the head of a GetFile reply, from bytes that may be split anywhere. Sans-I/O. Takes what servers of this
 * protocol are known to send: spaces before the line end, and a length beside any status.
 */
import { END, type GetFileStatus, STATUSES } from './wire.js';

/** The head of a reply, and the bytes that came behind it. */
export interface ReplyStart {
  readonly status: GetFileStatus;
  /** Bytes of the file; 0 but for OK. */
  readonly length: number;
  readonly rest: Buffer;
}

/** Longer than any head, and short enough to tell soon what is none. */
const MAX_HEAD_BYTES = 256;

const HEAD = new RegExp(`^GETFILE (${STATUSES.join('|')})(?: +(\\d{1,15}))? *$`);
const NOTHING = Buffer.alloc(0);

export class ReplyParser {
  #bytes: Buffer = NOTHING;

  /** Bytes of a head that is not whole yet. */
  get unused(): Buffer {
    return this.#bytes;
  }

  /**
   * The reply once its head is whole, with the rest of these very bytes; undefined before.
   *
   * @throws Error that says what came instead of a head
   */
  feed(bytes: Buffer): ReplyStart | undefined {
    const isFirst = this.#bytes.length === 0;
    const all = isFirst ? bytes : Buffer.concat([this.#bytes, bytes]);
    const end = all.indexOf(END);
    if (end < 0 ? all.length > MAX_HEAD_BYTES : end > MAX_HEAD_BYTES) throw noReply(all);
    if (end < 0) {
      this.#bytes = isFirst ? Buffer.from(all) : all;
      return undefined;
    }
    const [, status, length] = HEAD.exec(all.toString('latin1', 0, end)) ?? [];
    if (status === undefined || (status === 'OK' && length === undefined)) throw noReply(all);
    return {
      status: status as GetFileStatus,
      length: status === 'OK' ? Number(length) : 0,
      rest: all.subarray(end + END.length),
    };
  }
}

function noReply(bytes: Buffer): Error {
  return new Error(`this is no GetFile reply: ${JSON.stringify(bytes.toString('latin1', 0, 40))}`);
}
