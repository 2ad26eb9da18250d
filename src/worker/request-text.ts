/**
 * What an access log line says of a request, copied out of its head, whose bytes are another's when the
 * line is written. Bytes all the way: making strings of them is most of what a line would cost.
 */
import { fieldBit, type KnownField, type RequestHead } from '../http/request-head.js';

/** As received, one part behind the other; what is absent has no bytes. */
export interface RequestText {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly methodEnd: number;
  readonly targetEnd: number;
  readonly protocolEnd: number;
  readonly refererEnd: number;
  readonly userAgentEnd: number;
}

/** Parts of many requests lie in one chunk, which a response that takes long keeps: so it is small. */
const CHUNK_BYTES = 4096;
const REFERER = fieldBit('referer');
const USER_AGENT = fieldBit('user-agent');

export class RequestTexts {
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #end = 0;

  /** @param protocol where the head does not tell */
  of(head: RequestHead, protocol = ''): RequestText {
    const { bytes, base, targetStart, targetEnd, versionEnd } = head;
    // Lines of one name are joined by a comma and a space.
    this.#reserve(head.readBytes + 2 * head.lineCount + protocol.length);
    const start = this.#end;
    const methodEnd = this.#copy(bytes, base, base + Math.max(0, targetStart - 1));
    const targetCopied = this.#copy(bytes, base + targetStart, base + targetEnd);
    if (protocol !== '') this.#put(protocol);
    else if (versionEnd > 0) this.#copy(bytes, base + targetEnd + 1, base + versionEnd);
    const protocolEnd = this.#end;
    const refererEnd = head.has(REFERER) ? this.#field(head, 'referer') : protocolEnd;
    const userAgentEnd = head.has(USER_AGENT) ? this.#field(head, 'user-agent') : refererEnd;
    const chunk = this.#chunk;
    return { bytes: chunk, start, methodEnd, targetEnd: targetCopied, protocolEnd, refererEnd, userAgentEnd };
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#chunk.length) return;
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, length));
    this.#end = 0;
  }

  /** The value of a field that is there, all its lines. Returns where it ends, as the others do. */
  #field(head: RequestHead, name: KnownField): number {
    if (head.isRepeated(name)) return this.#put(head.field(name)!);
    const [start, end] = head.valueRange(name);
    return this.#copy(head.bytes, start, end);
  }

  /** They are short: a loop costs less than a call into node. */
  #copy(bytes: Uint8Array, start: number, end: number): number {
    const chunk = this.#chunk;
    let to = this.#end;
    for (let from = start; from < end; from++) chunk[to++] = bytes[from]!;
    this.#end = to;
    return to;
  }

  #put(text: string): number {
    this.#end += this.#chunk.write(text, this.#end, 'latin1');
    return this.#end;
  }
}
