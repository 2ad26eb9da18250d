/** A server that has jobs, as its clients see it: requests over HTTP, and what it says when it refuses one. */
import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { messageOf } from '../../errors.js';

export interface ServerAddress {
  /** `http:` or `https:`; what its path has stands before `/jobs`. */
  readonly url: URL;
  /** Where it listens, if that is a Unix-domain socket. */
  readonly socketPath?: string | undefined;
  /** What it wants to be shown; undefined: nothing. */
  readonly token?: string | undefined;
}

export interface JobsRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Behind `base`, percent-encoded: `/name/seal`. */
  readonly path: string;
  /** Default `/jobs`. */
  readonly base?: string;
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly body?: Readable | undefined;
  /** How long nothing may be sent or received, in milliseconds. */
  readonly idleMs?: number;
}

const IDLE_MS = 300_000;
/** An answer that is no part and no result is not longer. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** The server has answered, and said no. */
export class Refusal extends Error {
  /** Of HTTP. */
  readonly status: number;
  /** As in JOB_ERRORS; `''` when something else has answered. */
  readonly code: string;
  /** Bytes of the part that the server has, where it says so. */
  readonly offset: number | undefined;
  /** When to come again, in milliseconds, where the server says so. */
  readonly retryAfterMs: number | undefined;

  constructor(answer: IncomingMessage, code: string, message: string) {
    super(message);
    this.status = answer.statusCode ?? 0;
    this.code = code;
    this.offset = numberIn(answer, 'upload-offset');
    const seconds = numberIn(answer, 'retry-after');
    this.retryAfterMs = seconds === undefined ? undefined : seconds * 1000;
  }
}

/**
 * Resolves with the answer as soon as its head is there, whatever its status: also when not all of the body was sent,
 * of which no more is sent then. Rejects with the system's error when none comes, and with the error of the body. To
 * be read to its end, or destroyed.
 */
export function ask(server: ServerAddress, wanted: JobsRequest): Promise<IncomingMessage> {
  const { url, socketPath, token } = server;
  const { method, path, base = '/jobs', fields, body, idleMs = IDLE_MS } = wanted;
  const options: RequestOptions = {
    method,
    agent: false,
    path: `${url.pathname.replace(/\/$/, '')}${base}${path}`,
    headers: { ...fields, ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
    ...(socketPath === undefined
      ? { host: url.hostname.replaceAll(/[[\]]/g, ''), port: url.port || undefined }
      : { socketPath }),
  };
  const request = url.protocol === 'https:' ? requestHttps(options) : requestHttp(options);
  request.setTimeout(idleMs, () => {
    request.destroy(new Error(`the server has said nothing for ${idleMs / 1000} seconds`));
  });
  return answerTo(request, body);
}

function answerTo(request: ClientRequest, body: Readable | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', (answer) => {
      // An answer in the middle of the body: the rest is for nobody, and the connection for nothing else.
      body?.unpipe(request).destroy();
      answer.once('close', () => request.destroy());
      resolve(answer);
    });
    // Behind an answer, an error is no news: the promise is settled.
    request.on('error', reject);
    request.once('close', () => body?.destroy());
    body?.once('error', (error) => request.destroy(error));
    if (body === undefined) request.end();
    else body.pipe(request);
  });
}

/** As `ask`, but what is not of the status 2xx is a Refusal. */
export async function askFor(server: ServerAddress, wanted: JobsRequest): Promise<IncomingMessage> {
  const answer = await ask(server, wanted);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw await refusalOf(answer);
}

/** As `askFor`; the answer is read as JSON, undefined where there is none. The connection is closed. */
export async function askForJson(server: ServerAddress, wanted: JobsRequest): Promise<unknown> {
  const answer = await askFor(server, wanted);
  const text = await textOf(answer);
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(answer, '', `the server answers ${wanted.method} with something that is not JSON`);
  }
}

/** What the server says with an error. */
export async function refusalOf(answer: IncomingMessage): Promise<Refusal> {
  const { statusCode = 0, statusMessage = '' } = answer;
  const isOurs = /^application\/json\b/.test(answer.headers['content-type'] ?? '');
  const text = isOurs ? await textOf(answer) : '';
  answer.destroy();
  const said = text === '' ? undefined : messageIn(text);
  if (said !== undefined) return new Refusal(answer, said.code, said.message);
  // As to HEAD, which has no body.
  if (statusCode === 401) return new Refusal(answer, 'unauthorized', 'the server wants another token');
  return new Refusal(answer, '', `the server answers ${statusCode} ${statusMessage}`.trimEnd());
}

function messageIn(text: string): { readonly code: string; readonly message: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('error' in value) || !('message' in value))
    return undefined;
  const { error, message } = value;
  return typeof error === 'string' && typeof message === 'string' ? { code: error, message } : undefined;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) {
    text += piece;
    if (text.length > MAX_ANSWER_BYTES) throw new Error('the answer of the server has no end');
  }
  return text;
}

/** A whole number in a field of the answer; undefined when there is none. */
export function numberIn(answer: IncomingMessage, field: string): number | undefined {
  const value = answer.headers[field];
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** What a person should read of an error of these functions, on one line. */
export function problemOf(error: unknown): string {
  if (error instanceof Refusal && error.code !== '') return `${error.message} (${error.code})`;
  // Of several addresses, none answered: the message of all together is empty.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return messageOf(error);
}
