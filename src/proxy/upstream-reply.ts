/** An upstream's answer, and why there is none. */
import type { Duplex } from 'node:stream';
import type { BodySource } from '../http/body-source.js';
import type { FieldLine } from './fields.js';

export interface UpstreamReply {
  readonly status: number;
  /** As they came, but for those of one connection. */
  readonly fields: readonly FieldLine[];
  /** Null: the response has none, whatever its fields say. */
  readonly body: BodySource | null;
  /** Of the body in bytes, as Content-Length says; undefined: not known before its end. */
  readonly length: number | undefined;
  /** With 101: the connection, of which nothing was read yet, and the protocol that is spoken on it. */
  readonly socket?: Duplex;
  readonly upgrade?: string;
}

/** Why an upstream has not answered, with the status that says so to the client. */
export class UpstreamError extends Error {
  readonly status: 400 | 408 | 413 | 502 | 503 | 504 | 508;
  /** True when nothing of the request can have reached the upstream. */
  readonly isUnsent: boolean;

  constructor(status: UpstreamError['status'], message: string, isUnsent = false) {
    super(message);
    this.status = status;
    this.isUnsent = isUnsent;
  }
}
