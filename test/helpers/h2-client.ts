/** A client that speaks HTTP/2 over TLS, and tells of a response what came of it. Nothing is tried again. */
import { once } from 'node:events';
import http2 from 'node:http2';
import tls from 'node:tls';
import { within } from './eventually.js';

export interface H2Response {
  readonly status: number;
  readonly fields: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  /** How the stream ended: 0 in order, otherwise the code of RST_STREAM, or -1 when the session was gone. */
  readonly code: number;
}

export interface H2Request {
  readonly fields?: http2.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export class H2Client {
  readonly session: http2.ClientHttp2Session;
  /** Code and last stream of the last GOAWAY. */
  goaway: { readonly code: number; readonly lastStream: number } | undefined;

  private constructor(session: http2.ClientHttp2Session) {
    this.session = session;
    session.on('error', () => undefined);
    session.on('goaway', (code, lastStream) => {
      this.goaway = { code, lastStream };
    });
  }

  /** Every certificate is good enough. */
  static async open(port: number, options: http2.SecureClientSessionOptions = {}): Promise<H2Client> {
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      createConnection: () =>
        tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
      ...options,
    });
    await once(session, 'connect');
    return new H2Client(session);
  }

  /** False when no further request can be made on it. */
  get isOpen(): boolean {
    return !this.session.closed && !this.session.destroyed;
  }

  /** A stream, for a test that handles it itself. */
  stream(path: string, fields: http2.OutgoingHttpHeaders = {}): http2.ClientHttp2Stream {
    return this.session.request({ ':path': path, ...fields });
  }

  get(path: string, fields: http2.OutgoingHttpHeaders = {}): Promise<H2Response> {
    return this.request(path, { fields });
  }

  async request(path: string, { fields = {}, body }: H2Request = {}): Promise<H2Response> {
    const stream = this.session.request({ ':path': path, ...fields }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return responseOf(stream);
  }

  close(): void {
    this.session.destroy();
  }
}

/** Reads a response to its end, whatever that is. */
export async function responseOf(stream: http2.ClientHttp2Stream): Promise<H2Response> {
  let fields: http2.IncomingHttpHeaders & { ':status'?: number | undefined } = {};
  const chunks: Buffer[] = [];
  stream.on('response', (received) => {
    fields = received;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  let failed = false;
  stream.on('error', () => {
    failed = true;
  });
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  await within(closed, () => 'the end of a response');
  const code = stream.rstCode === 0 && failed ? -1 : stream.rstCode;
  return { status: fields[':status'] ?? 0, fields, body: Buffer.concat(chunks), code: code ?? -1 };
}
