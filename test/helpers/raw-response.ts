/**
 * An HTTP/1.1 response as it came over the wire, read strictly: whatever a lenient client would forgive is
 * an error here. What handover never sends (Transfer-Encoding, repeated fields) is an error too.
 */
import { parseHttpDate } from '../../src/http/http-date.js';

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) ([ -~]*)$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~\w-]+): ([!-~\x80-\xff](?:[ -~\t\x80-\xff]*[!-~\x80-\xff])?)$/;
const HEAD_END = Buffer.from('\r\n\r\n');

export class RawResponse {
  readonly status: number;
  readonly reason: string;
  /** The head as received, to its blank line. */
  readonly head: string;
  /** Length of the body that follows, by the head and the request's method. */
  readonly bodyLength: number;
  body: Buffer = Buffer.alloc(0);
  readonly #fields = new Map<string, string>();

  /** Throws when the head breaks the grammar, or its fields do not fit the status. */
  constructor(head: string, method: string) {
    this.head = head;
    const [statusLine = '', ...lines] = head.slice(0, -4).split('\r\n');
    const [, status = '', reason = ''] = STATUS_LINE.exec(statusLine) ?? this.#refuse('status line');
    this.status = Number(status);
    this.reason = reason;
    for (const line of lines) {
      const [, name = '', value = ''] = FIELD_LINE.exec(line) ?? this.#refuse(`field line ${line}`);
      if (this.#fields.has(name.toLowerCase())) this.#refuse(`${name} twice`);
      this.#fields.set(name.toLowerCase(), value);
    }
    this.bodyLength = this.#checkFraming(method);
  }

  /** A field's value; undefined when it is absent. */
  field(name: string): string | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  /** All fields, names in lower case, but those that differ from one moment to the next. */
  get fields(): Record<string, string> {
    const { date, 'x-cache': cache, ...others } = Object.fromEntries(this.#fields);
    return others;
  }

  get text(): string {
    return this.body.toString();
  }

  get json(): unknown {
    return JSON.parse(this.text);
  }

  #checkFraming(method: string): number {
    const { status } = this;
    if (this.field('transfer-encoding') !== undefined) this.#refuse('Transfer-Encoding');
    const length = this.field('content-length');
    if (status < 200) return length === undefined ? 0 : this.#refuse('Content-Length in 1xx');
    if (parseHttpDate(this.field('date') ?? '', Date.now()) === undefined) this.#refuse('no Date');
    if (status === 204 || status === 304) {
      return length === undefined ? 0 : this.#refuse(`Content-Length in ${status}`);
    }
    if (!/^(?:0|[1-9]\d*)$/.test(length ?? '')) this.#refuse(`Content-Length ${length}`);
    if (length !== '0' && this.field('content-type') === undefined) this.#refuse('no Content-Type');
    return method === 'HEAD' ? 0 : Number(length);
  }

  #refuse(what: string): never {
    throw new Error(`malformed response (${what}):\n${this.head}`);
  }
}

/** Position behind the head that begins at 0; undefined while it is not complete. */
export function endOfHead(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(HEAD_END);
  return at < 0 ? undefined : at + HEAD_END.length;
}
