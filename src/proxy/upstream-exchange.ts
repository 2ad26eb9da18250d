/**
 * One request to one upstream, as undici tells of it: a reply when its head is there, then its body as
 * fast as it is taken.
 */
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { messageOf, systemCode } from '../errors.js';
import { BodyError, type BodySink, type BodySource } from '../http/body-source.js';
import { endToEnd, type FieldLine, fieldLines, fieldValue, without } from './fields.js';
import { UpstreamError, type UpstreamReply } from './upstream-reply.js';

/** The upstream was not reached: nothing of the request has left. */
const UNREACHED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** RFC 9110 section 15: there are none above, and HTTP/2 cannot even say them. */
const MAX_STATUS = 599;

/** Told of each interim response: its status, and its field lines, each ended by CRLF. */
export type OnInterim = (status: number, fields: string) => void;

type Controller = Dispatcher.DispatchController;

export class UpstreamExchange implements Dispatcher.DispatchHandler, BodySource {
  /** Settled when the head of the response is there, or will not come. Rejects with UpstreamError. */
  readonly reply: Promise<UpstreamReply>;
  readonly #isHead: boolean;
  readonly #name: string;
  readonly #onInterim: OnInterim;
  #resolve!: (reply: UpstreamReply) => void;
  #reject!: (error: UpstreamError) => void;
  #controller: Controller | undefined;
  #sink: BodySink | undefined;
  #cancelled: Error | undefined;
  #hasReply = false;
  /** How the body ended, while there was nobody to be told. */
  #ending: 'whole' | Error | undefined;

  /** @param name of the upstream, for messages */
  constructor(method: string, name: string, onInterim: OnInterim) {
    this.#isHead = method === 'HEAD';
    this.#name = name;
    this.#onInterim = onInterim;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#cancelled !== undefined) controller.abort(this.#cancelled);
  }

  onResponseStart(controller: Controller, status: number): void {
    if (status < 100 || status > MAX_STATUS) {
      controller.abort(new Error(`there is no status ${status}`));
      return;
    }
    if (status < 200) {
      // It has no body, and what it says of one must not be taken for the length of another.
      this.#onInterim(status, fieldLines(without(fieldsOf(controller), 'content-length')));
      return;
    }
    // RFC 9110 section 8.6; a client that believes it waits for a body that does not come.
    const fields = status === 204 ? without(fieldsOf(controller), 'content-length') : fieldsOf(controller);
    const hasBody = !this.#isHead && status !== 204 && status !== 304;
    if (hasBody) controller.pause();
    this.#hasReply = true;
    this.#resolve({
      status,
      fields,
      body: hasBody ? this : null,
      length: hasBody ? lengthOf(fields) : undefined,
    });
  }

  onRequestUpgrade(controller: Controller, status: number, _headers: unknown, socket: Duplex): void {
    this.#hasReply = true;
    const upgrade = fieldValue(rawFieldsOf(controller), 'upgrade') ?? '';
    this.#resolve({ status, fields: fieldsOf(controller), body: null, length: undefined, socket, upgrade });
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#sink?.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#sink === undefined) this.#ending = 'whole';
    else this.#sink.end();
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (!this.#hasReply) this.#reject(asUpstreamError(error, this.#name));
    else if (this.#sink === undefined) this.#ending = error;
    else this.#sink.fail(error);
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.#ending === undefined) this.resume();
    else if (this.#ending === 'whole') sink.end();
    else sink.fail(this.#ending);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Ends the exchange, whatever it has come to. */
  cancel(): void {
    this.#sink = undefined;
    this.#cancelled = new Error('the client is gone');
    if (this.#controller?.aborted === false) this.#controller.abort(this.#cancelled);
  }
}

function fieldsOf(controller: Controller): FieldLine[] {
  return endToEnd(rawFieldsOf(controller));
}

function rawFieldsOf({ rawHeaders }: Controller): FieldLine[] {
  const raw = Array.isArray(rawHeaders) ? rawHeaders : [];
  const texts = raw.map((bytes) => (typeof bytes === 'string' ? bytes : bytes.toString('latin1')));
  return Array.from({ length: texts.length / 2 }, (_, i) => [texts[2 * i]!, texts[2 * i + 1]!]);
}

function lengthOf(fields: readonly FieldLine[]): number | undefined {
  const value = fieldValue(fields, 'content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function asUpstreamError(error: Error, name: string): UpstreamError {
  if (error instanceof BodyError) return new UpstreamError(error.status, error.message);
  const code = systemCode(error) ?? '';
  const text = `${name}: ${messageOf(error)}`;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return new UpstreamError(504, text, true);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return new UpstreamError(504, text);
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return new UpstreamError(400, text, true);
  return new UpstreamError(502, text, UNREACHED.has(code));
}
