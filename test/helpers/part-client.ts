/** A client that sends parts of jobs: by HTTP on one connection, or by raw TCP on one for each. It retries nothing. */
import type { Socket } from 'node:net';
import { contentOf, digestOf, type JobPart } from './job-content.js';
import { RawClient } from './raw-client.js';

/** `pipe`: bytes alone, as `nc` takes them, and no answer but the end of the connection. */
export type PartProtocol = 'http' | 'tcp' | 'pipe';

/**
 * What came of a part. `accepted`: the server says that it has what was sent. `refused`: it says why it has not.
 * `left`: the client broke it off, as it was told to. `lost`: the connection ended without an answer. `wrong`: an
 * answer that cannot be.
 */
export interface PartOutcome extends JobPart {
  readonly ending: 'accepted' | 'refused' | 'left' | 'lost' | 'wrong';
  /** The answer: `201`, `200`, `OK`, `409 part-differs`; or what is wrong. */
  readonly text: string;
}

export interface PartClientOptions {
  readonly port: number;
  readonly protocol: PartProtocol;
  readonly token?: string | undefined;
  /** False: what the server says of size and digest is believed, which saves this process the reckoning. */
  readonly isStrict?: boolean | undefined;
}

interface Receipt {
  readonly bytes: number;
  readonly sha256: string;
}

type Answer = Pick<PartOutcome, 'ending' | 'text'> & { readonly receipt?: Receipt };

/** For a busy machine: the last of thousands waits for all others. */
const BOUND_MS = 120_000;

export class PartClient {
  readonly #options: PartClientOptions;
  #connection: RawClient | undefined;

  constructor(options: PartClientOptions) {
    this.#options = options;
  }

  /** Rejects when the connection cannot be made. */
  async connect(): Promise<void> {
    this.#connection ??= await RawClient.open(this.#options.port, '127.0.0.1', BOUND_MS);
  }

  /** Sends a part and waits for the answer. `isChunked`: where the protocol has both, not with its length. */
  async send(part: JobPart, isChunked = false): Promise<PartOutcome> {
    let answer: Answer;
    try {
      await this.connect();
      answer = await (this.#options.protocol === 'http' ? this.#put(part, isChunked) : this.#pour(part));
    } catch (error) {
      answer = { ending: 'lost', text: String(error) };
    }
    if (answer.ending !== 'accepted' || this.#options.protocol !== 'http') this.leave();
    const { ending, text, receipt } = answer;
    if (receipt === undefined || this.#options.isStrict === false) return { ...part, ending, text };
    const sent = digestOf(part);
    const isRight = receipt.bytes === sent.bytes && receipt.sha256 === sent.sha256;
    return { ...part, ...(isRight ? { ending, text } : { ending: 'wrong', text: JSON.stringify(receipt) }) };
  }

  /** Sends the first half of a part, and resets the connection when that has left. */
  async breakOff(part: JobPart): Promise<PartOutcome> {
    await this.connect();
    const { socket } = this.#connection!;
    socket.write(this.#head(part, false));
    const half = { ...part, bytes: Math.floor(part.bytes / 2) };
    await pour(this.#connection!, contentOf(half));
    await new Promise((resolve) => socket.write('', resolve));
    socket.resetAndDestroy();
    this.leave();
    return { ...part, ending: 'left', text: `after ${half.bytes} bytes` };
  }

  leave(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  async #put(part: JobPart, isChunked: boolean): Promise<Answer> {
    const connection = this.#connection!;
    connection.send(this.#head(part, isChunked));
    await pour(connection, isChunked ? chunked(contentOf(part)) : contentOf(part));
    const response = await connection.response('PUT');
    const text = String(response.status);
    if (response.status === 200 || response.status === 201) {
      return { ending: 'accepted', text, receipt: response.json as Receipt };
    }
    return { ending: 'refused', text: `${text} ${(response.json as { readonly error: string }).error}` };
  }

  async #pour(part: JobPart): Promise<Answer> {
    const connection = this.#connection!;
    connection.send(this.#head(part, false));
    await pour(connection, contentOf(part));
    const { bytes, reset } = await connection.finish().rest();
    const reply = bytes.toString();
    if (reply === '' && (reset || this.#options.protocol === 'tcp'))
      return { ending: 'lost', text: 'no reply' };
    if (this.#options.protocol === 'pipe') return { ending: 'accepted', text: 'end' };
    const [, count, sha256] = /^OK (\d+) ([0-9a-f]{64})\n$/.exec(reply) ?? [];
    if (sha256 !== undefined) {
      return { ending: 'accepted', text: 'OK', receipt: { bytes: Number(count), sha256 } };
    }
    const [, code] = /^ERR ([a-z-]+) [^\n]+\n$/.exec(reply) ?? [];
    return code === undefined ? { ending: 'wrong', text: reply } : { ending: 'refused', text: code };
  }

  #head({ job, part, bytes }: JobPart, isChunked: boolean): string {
    const { protocol, token } = this.#options;
    const [jobName, partName] = [encodeURIComponent(job), encodeURIComponent(part)];
    if (protocol === 'pipe') return '';
    if (protocol === 'tcp')
      return `JOB ${jobName} ${partName}${token === undefined ? '' : ` token=${token}`}\n`;
    const lines = [
      `PUT /jobs/${jobName}/parts/${partName} HTTP/1.1`,
      'Host: jobs',
      isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`,
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ];
    return `${lines.join('\r\n')}\r\n\r\n`;
  }
}

/** Sends pieces as the connection takes them; stops early when the server has answered or is gone. */
async function pour(connection: RawClient, pieces: Iterable<Buffer>): Promise<void> {
  const { socket, receivedBytes } = connection;
  for (const piece of pieces) {
    if (connection.receivedBytes > receivedBytes || socket.destroyed) return;
    if (!socket.write(piece)) await roomOrNews(socket);
  }
}

function* chunked(pieces: Iterable<Buffer>): Generator<Buffer> {
  for (const piece of pieces) {
    yield Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  }
  yield Buffer.from('0\r\n\r\n');
}

function roomOrNews(socket: Socket): Promise<void> {
  const events = ['drain', 'data', 'end', 'close'] as const;
  return new Promise((resolve) => {
    const go = (): void => {
      for (const event of events) socket.off(event, go);
      resolve();
    };
    for (const event of events) socket.on(event, go);
  });
}
