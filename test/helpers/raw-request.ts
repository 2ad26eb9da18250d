/**
 * Requests as an origin got them over the wire, read as strictly as it goes: what any two servers might read
 * differently is an error. So bytes that pass here are so many requests to everybody.
 */

const REQUEST_LINE = /^([!#$%&'*+.^_`|~\w-]+) ([!-~\x80-\xff]+) HTTP\/1\.1$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~\w-]+): ((?:[!-~\x80-\xff](?:[ -~\t\x80-\xff]*[!-~\x80-\xff])?)?)$/;
const CHUNK_SIZE = /^[\da-f]+$/;

export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** In their order, names as they were written. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly framing: 'none' | 'length' | 'chunked';
  readonly body: Buffer;
}

/** All values of a field of a request, in their order. */
export function sent({ lines }: Pick<RawRequest, 'lines'>, name: string): string[] {
  return lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** The first request in the bytes, and where it ends; undefined while it is not whole. Throws on what is malformed. */
export function readRequest(
  bytes: Buffer,
): { readonly request: RawRequest; readonly end: number } | undefined {
  const head = readHead(bytes);
  if (head === undefined) return undefined;
  const { end: start, ...rest } = head;
  const body = head.framing === 'chunked' ? chunks(bytes, start) : counted(bytes, start, rest);
  return body && { request: { ...rest, body: body.bytes }, end: body.end };
}

type Head = Omit<RawRequest, 'body'> & { readonly end: number };

/** The head of the first request, and where it ends; undefined while it is not whole. */
export function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const refuse = (what: string): never => {
    throw new Error(
      `malformed request (${what}):\n${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`,
    );
  };
  const [requestLine = '', ...rest] = text.split('\r\n');
  const [, method = '', target = ''] = REQUEST_LINE.exec(requestLine) ?? refuse('request line');
  const lines = rest.map((line): readonly [string, string] => {
    const [, name = '', value = ''] = FIELD_LINE.exec(line) ?? refuse(`field line ${line}`);
    return [name, value];
  });
  const values = (name: string): string[] => sent({ lines }, name);
  const lengths = values('content-length');
  const codings = values('transfer-encoding');
  if (values('host').length !== 1) refuse('Host');
  if (lengths.length + codings.length > 1) refuse('framing');
  if (lengths.length === 1 && !/^(?:0|[1-9]\d*)$/.test(lengths[0]!)) refuse('Content-Length');
  if (codings.length === 1 && codings[0] !== 'chunked') refuse('Transfer-Encoding');
  const framing = codings.length === 1 ? 'chunked' : lengths.length === 1 ? 'length' : 'none';
  return { method, target, lines, framing, end: end + 4 };
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
}

function counted(bytes: Buffer, start: number, head: Pick<RawRequest, 'lines'>): Body | undefined {
  const end = start + Number(sent(head, 'content-length')[0] ?? 0);
  return bytes.length < end ? undefined : { bytes: bytes.subarray(start, end), end };
}

function chunks(bytes: Buffer, start: number): Body | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const digits = bytes.toString('latin1', at, lineEnd);
    if (!CHUNK_SIZE.test(digits)) throw new Error(`malformed chunk size ${JSON.stringify(digits)}`);
    const size = Number.parseInt(digits, 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n')
      throw new Error('bytes behind a chunk, or trailers');
    if (size === 0) return { bytes: Buffer.concat(parts), end: end + 2 };
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
