/** Asks a server what a load will ask it, and says what there is to know of the answer before it is measured. */
import { connect, type Socket } from 'node:net';
import type { CpuCase } from './case.js';

const ANSWER_MS = 10_000;

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  /** Head and body. */
  readonly bytes: number;
  readonly bodyBytes: number;
}

/** What a load needs to know of a server's answers. */
export interface Expected {
  readonly headers: readonly string[];
  readonly bytes: number;
  readonly bodyBytes: number;
}

/** Of all servers alike: a server that sends fewer does less. */
const FIELDS_OF_FILES = ['date', 'etag', 'last-modified', 'content-type'];

/** Rejects, saying why, when a server does not answer as the case means it. */
export async function expectedAnswers(port: number, one: CpuCase): Promise<Expected> {
  const status = one.kind === 'requests' ? one.status : 200;
  const first = await ask(port, one.path, []);
  if (status === 404) {
    expect(one.path, first.status, 404);
    return { headers: [], bytes: first.bytes, bodyBytes: first.bodyBytes };
  }
  expect(one.path, first.status, 200);
  if (first.bodyBytes !== one.sizeBytes)
    throw new Error(`GET ${one.path} is answered with ${first.bodyBytes} bytes, not ${one.sizeBytes}`);
  const missing = FIELDS_OF_FILES.filter((name) => !first.fields.has(name));
  if (missing.length > 0) throw new Error(`GET ${one.path} is answered without ${missing.join(', ')}`);
  if (status === 200) return { headers: [], bytes: first.bytes, bodyBytes: first.bodyBytes };
  const headers = [`If-None-Match: ${first.fields.get('etag')}`];
  const second = await ask(port, one.path, headers);
  expect(`${one.path} with its ETag`, second.status, 304);
  return { headers, bytes: second.bytes, bodyBytes: second.bodyBytes };
}

function expect(what: string, status: number, wanted: number): void {
  if (status !== wanted) throw new Error(`GET ${what} is answered with ${status}, not ${wanted}`);
}

/** A connection whose errors are seen by its being closed. */
export function keep(socket: Socket): Socket {
  return socket.on('error', () => {});
}

/** One request on a connection of its own. */
export async function ask(port: number, path: string, headers: readonly string[]): Promise<Answer> {
  const socket = keep(connect(port, '127.0.0.1'));
  try {
    return await askOn(socket, port, path, headers);
  } finally {
    socket.destroy();
  }
}

/** One request on a connection, which stays open. Rejects when it is not answered in full, and in time. */
export function askOn(
  socket: Socket,
  port: number,
  path: string,
  headers: readonly string[],
): Promise<Answer> {
  socket.write([`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, '', ''].join('\r\n'));
  return new Promise((resolve, reject) => {
    let head = '';
    let answer: Answer | undefined;
    let bytes = 0;
    const settle = (done: () => void): void => {
      socket.setTimeout(0);
      socket.off('timeout', onTimeout).off('close', onClose).off('data', onData);
      done();
    };
    const fail = (reason: string): void => settle(() => reject(new Error(`GET ${path}: ${reason}`)));
    const onTimeout = (): void => fail('no answer in time');
    const onClose = (): void => fail('the connection was closed');
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (answer === undefined) {
        head += chunk.toString('latin1');
        answer = parseHead(head);
      }
      if (answer === undefined) return;
      const whole = answer;
      if (Number.isNaN(whole.bytes)) fail('the answer has no Content-Length');
      else if (bytes >= whole.bytes) settle(() => resolve(whole));
    };
    socket.setTimeout(ANSWER_MS).on('timeout', onTimeout).on('close', onClose).on('data', onData);
  });
}

/**
 * Reads the head of a response and computes its length; undefined while it is not complete. The length is NaN when
 * it is chunked: no case has such answers, and theirs would not be the same each time.
 */
export function parseHead(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(first.split(' ')[1]);
  const fields = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bodyBytes = status === 304 ? 0 : Number(fields.get('content-length'));
  return { status, fields, bodyBytes, bytes: end + 4 + bodyBytes };
}
