/** Requests and responses for tests of the cache before the upstreams. */

import { readSync } from 'node:fs';
import type { BodySink, BodySource } from '../../src/http/body-source.js';
import { formatHttpDate } from '../../src/http/http-date.js';
import type { FileBody, Reply } from '../../src/http/reply.js';
import { StoredResponse } from '../../src/proxy/cache/stored-response.js';
import { storedHeadOf } from '../../src/proxy/cache/storing.js';
import type { FieldLine } from '../../src/proxy/fields.js';
import type { UpstreamReply } from '../../src/proxy/upstream-reply.js';
import { isFileBody, isStreamBody, piecesOf } from '../../src/worker/outbox.js';

/** Sun, 06 Nov 1994 08:49:37 GMT */
export const NOW_MS = 784_111_777_000;

/** That many seconds from NOW_MS, as a field says it. */
export function dateIn(seconds: number): string {
  return formatHttpDate(NOW_MS + seconds * 1000);
}

/** Fields from `Name: value` lines. */
export function fieldsOf(...lines: readonly string[]): FieldLine[] {
  return lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
}

/** A response that came at NOW_MS. */
export function stored(status: number, lines: readonly string[], body = 'content'): StoredResponse {
  const exchanged = { requestedMs: NOW_MS, receivedMs: NOW_MS };
  return new StoredResponse(
    storedHeadOf({ status, fields: fieldsOf(...lines) }, exchanged),
    Buffer.from(body),
  );
}

/** A body that comes when the test says so. */
export class ScriptedBody implements BodySource {
  isPaused = false;
  isCancelled = false;
  sink: BodySink | undefined;

  start(sink: BodySink): void {
    this.sink = sink;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  cancel(): void {
    this.isCancelled = true;
  }

  /** The next bytes of it. */
  send(text: string): void {
    this.sink?.data(Buffer.from(text));
  }
}

/** Bytes at hand as a body that comes from elsewhere. */
export function sourceOf(bytes: Uint8Array): BodySource {
  return {
    start: (sink) => {
      sink.data(bytes);
      sink.end();
    },
    pause: () => undefined,
    resume: () => undefined,
    cancel: () => undefined,
  };
}

/** An upstream's answer, its body at hand. */
export function answer(status: number, lines: readonly string[], body = 'content'): UpstreamReply {
  const bytes = Buffer.from(body);
  const fields = [...fieldsOf(...lines), ['Content-Length', String(bytes.length)] as const];
  if (status === 304 || status === 204)
    return { status, fields: fieldsOf(...lines), body: null, length: undefined };
  return { status, fields, body: sourceOf(bytes), length: bytes.length };
}

/** Takes a body to its end. */
export class TakenBody implements BodySink {
  text = '';
  isEnded = false;
  error: Error | undefined;

  constructor(source: BodySource) {
    source.start(this);
  }

  data(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString();
  }

  end(): void {
    this.isEnded = true;
  }

  fail(error: Error): void {
    this.error = error;
  }
}

/** The body of a reply that comes from elsewhere. */
export function bodyOf({ body }: Reply): BodySource {
  if (!isStreamBody(body)) throw new Error('the body is at hand');
  return body.source;
}

/** The body of a reply, of which all has come already. */
export function textOf({ body }: Reply): string {
  if (isFileBody(body)) return fromFile(body);
  if (isStreamBody(body)) return new TakenBody(body.source).text;
  return Buffer.concat(piecesOf(body)).toString();
}

/** What is sent of a file, which is closed. */
function fromFile({ file, parts }: FileBody): string {
  const pieces = parts.map((part) => {
    if (part instanceof Uint8Array) return part;
    const bytes = Buffer.alloc(part.length);
    readSync(file.fd, bytes, 0, part.length, part.offset);
    return bytes;
  });
  file.close();
  return Buffer.concat(pieces).toString();
}

/** A field of a reply; undefined when it is absent. */
export function fieldOf({ fields }: Reply, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)\\r$`, 'im').exec(fields)?.[1];
}
