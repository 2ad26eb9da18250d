/**
 * A response that another server has made and handover has passed on, read strictly. Unlike RawResponse, which
 * is for what handover says itself, it takes what any server may send: repeated fields, chunks, a body that
 * ends with the connection.
 */
import type { RawClient } from './raw-client.js';

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) ([ -~\x80-\xff]*)$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~\w-]+): ((?:[!-~\x80-\xff](?:[ -~\t\x80-\xff]*[!-~\x80-\xff])?)?)$/;
const CHUNK_SIZE = /^([\da-f]+)\r\n$/;

export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface RelayedResponse {
  readonly status: number;
  readonly reason: string;
  /** In their order, names as they were written. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly framing: Framing;
  readonly body: Buffer;
}

/** Head of a response, and how its body ends. */
export interface RelayedHead extends Omit<RelayedResponse, 'body'> {
  readonly length: number;
}

/** All values of a field, in their order. */
export function valuesOf({ lines }: Pick<RelayedResponse, 'lines'>, name: string): string[] {
  return lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** The next response, with its body. Rejects when it is not whole. */
export async function relayed(client: RawClient, method = 'GET'): Promise<RelayedResponse> {
  const head = await relayedHead(client, method);
  return { ...head, body: await bodyOf(client, head) };
}

export async function relayedHead(client: RawClient, method = 'GET'): Promise<RelayedHead> {
  const text = await client.head();
  const refuse = (what: string): never => {
    throw new Error(`malformed response (${what}):\n${text}`);
  };
  const [statusLine = '', ...rest] = text.slice(0, -4).split('\r\n');
  const [, status = '', reason = ''] = STATUS_LINE.exec(statusLine) ?? refuse('status line');
  const lines = rest.map((line): readonly [string, string] => {
    const [, name = '', value = ''] = FIELD_LINE.exec(line) ?? refuse(`field line ${line}`);
    return [name, value];
  });
  const head = { status: Number(status), reason, lines };
  const lengths = valuesOf(head, 'content-length');
  const codings = valuesOf(head, 'transfer-encoding');
  if (lengths.length > 1 || codings.length > 1 || lengths.length + codings.length > 1) refuse('framing');
  if (codings.length === 1 && codings[0] !== 'chunked') refuse('transfer coding');
  const isBodiless = method === 'HEAD' || head.status < 200 || head.status === 204 || head.status === 304;
  if (isBodiless && (codings.length > 0 || (lengths.length > 0 && head.status === 204))) refuse('framing');
  if (isBodiless) return { ...head, framing: 'none', length: 0 };
  if (lengths.length === 1) return { ...head, framing: 'length', length: Number(lengths[0]) };
  return { ...head, framing: codings.length === 1 ? 'chunked' : 'close', length: 0 };
}

/** The body behind a head that was read. */
export async function bodyOf(client: RawClient, { framing, length }: RelayedHead): Promise<Buffer> {
  if (framing === 'chunked') return chunksOf(client);
  if (framing !== 'close') return client.bytes(length);
  const { bytes, reset } = await client.rest();
  if (reset) throw new Error(`the connection was cut after ${bytes.length} bytes of a body`);
  return bytes;
}

async function chunksOf(client: RawClient): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const line = await client.line();
    const [, digits] = CHUNK_SIZE.exec(line) ?? [];
    if (digits === undefined) throw new Error(`malformed chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(digits, 16);
    if (size > 0) chunks.push(await client.bytes(size));
    const end = await client.line();
    if (end !== '\r\n') throw new Error(`bytes behind a chunk or trailers: ${JSON.stringify(end)}`);
    if (size === 0) return Buffer.concat(chunks);
  }
}
