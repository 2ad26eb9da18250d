/** Jobs over HTTP, as a user's program asks for them. */
import { createHash } from 'node:crypto';
import type { PublicStatus } from '../../src/jobs/replies.js';

export interface JobsReply {
  readonly status: number;
  readonly fields: Headers;
  readonly bytes: Buffer;
  /** What the body says, where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever is there
  readonly json: any;
}

export class JobsClient {
  readonly #origin: () => string;
  readonly #fields: Record<string, string>;

  /** @param origin asked for with each request: a server that is started again may have another port */
  constructor(origin: () => string, fields: Record<string, string> = {}) {
    this.#origin = origin;
    this.#fields = fields;
  }

  put(
    job: string,
    part: string,
    body: string | Buffer,
    fields: Record<string, string> = {},
  ): Promise<JobsReply> {
    return this.ask('PUT', `/${encodeURIComponent(job)}/parts/${encodeURIComponent(part)}`, body, fields);
  }

  create(job: string, options: Record<string, unknown> = {}): Promise<JobsReply> {
    return this.ask('POST', '', JSON.stringify({ job, ...options }));
  }

  async status(job: string): Promise<PublicStatus> {
    return (await this.ask('GET', `/${encodeURIComponent(job)}`)).json;
  }

  seal(job: string): Promise<JobsReply> {
    return this.ask('POST', `/${encodeURIComponent(job)}/seal`);
  }

  /** Waits for it. */
  result(job: string, fields: Record<string, string> = {}): Promise<JobsReply> {
    return this.ask('GET', `/${encodeURIComponent(job)}/result?wait=60`, undefined, fields);
  }

  async ask(
    method: string,
    path: string,
    body?: string | Buffer,
    fields: Record<string, string> = {},
  ): Promise<JobsReply> {
    const response = await fetch(`${this.#origin()}/jobs${path}`, {
      method,
      headers: { ...this.#fields, ...fields },
      ...(body !== undefined && { body: new Uint8Array(Buffer.from(body)) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = response.headers.get('content-type') === 'application/json';
    return {
      status: response.status,
      fields: response.headers,
      bytes,
      json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined,
    };
  }
}

/** In hexadecimal. */
export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
