/** One transfer: connects, asks, and takes the file in as it comes, never more of it than a piece at a time. */
import { createHash, type Hash } from 'node:crypto';
import net from 'node:net';
import { messageOf } from '../../errors.js';
import { ReplyParser } from '../reply-parser.js';
import { type GetFileStatus, requestFor } from '../wire.js';
import { INTERRUPTED, type Job, type Outcome, type ThreadOptions } from './job.js';
import { PartFile } from './part-file.js';
import { WRONG_BYTES } from './verifier.js';

/** What every transfer of a thread is read into, one after another. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

/** Does a job. Does not throw: what goes wrong is the outcome's problem. */
export async function transfer(job: Job, options: ThreadOptions, signal: AbortSignal): Promise<Outcome> {
  const startedMs = performance.now();
  const file = new IncomingFile(job, options.hashes);
  let problem: string | undefined;
  try {
    await receive(job.path, file, options, signal);
    file.complete();
  } catch (error) {
    problem = signal.aborted ? INTERRUPTED : problemOf(error);
    file.discard();
  }
  const { status, bytes, digest } = file;
  const durationUs = Math.round((performance.now() - startedMs) * 1000);
  return { status, bytes, durationUs, digest, problem };
}

/** Resolves when everything is there or the connection has ended; rejects with what went wrong. */
function receive(
  path: string,
  file: IncomingFile,
  { host, port, addresses, timeoutMs }: ThreadOptions,
  signal: AbortSignal,
): Promise<void> {
  const lookup: net.LookupFunction = (_host, { all }, answer) => {
    if (all === true) answer(null, [...addresses]);
    else answer(null, addresses[0]!.address, addresses[0]!.family);
  };
  return new Promise((resolve, reject) => {
    const callback = (length: number): boolean => {
      try {
        file.take(READ_BUFFER.subarray(0, length));
        // Not waited for the server to do it: one that keeps connections open would not.
        if (file.isComplete) socket.destroy();
      } catch (error) {
        socket.destroy(error as Error);
      }
      return true;
    };
    const socket = net.connect({ host, port, lookup, onread: { buffer: READ_BUFFER, callback } });
    const breakOff = (): void => void socket.destroy();
    signal.addEventListener('abort', breakOff);
    socket.setTimeout(timeoutMs, () => {
      socket.destroy(new Error(`the server said nothing for ${timeoutMs / 1000} s`));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      signal.removeEventListener('abort', breakOff);
      resolve();
    });
    socket.write(requestFor(path));
    // The bytes go to the callback; the end comes by way of the stream.
    socket.resume();
  });
}

/** Several addresses fail with an error for each, which has no message of its own. */
function problemOf(error: unknown): string {
  return messageOf(error instanceof AggregateError ? error.errors[0] : error);
}

/** A file on its way in: the head that announces it, and so many bytes. */
class IncomingFile {
  readonly #job: Job;
  readonly #parser = new ReplyParser();
  readonly #hash: Hash | undefined;
  #part: PartFile | undefined;
  #length: number | undefined;
  status: GetFileStatus | undefined;
  bytes = 0;
  digest: string | undefined;

  constructor(job: Job, hashes: boolean) {
    this.#job = job;
    this.#hash = hashes ? createHash('sha256') : undefined;
  }

  /** True when nothing more is to come. */
  get isComplete(): boolean {
    return this.bytes === this.#length;
  }

  /**
   * Takes bytes that are in this buffer for this call only.
   *
   * @throws Error for what is no reply, or more than was announced, and the system's when it cannot be kept
   */
  take(bytes: Buffer): void {
    if (this.#length !== undefined) {
      this.#content(bytes, this.#length);
      return;
    }
    const reply = this.#parser.feed(bytes);
    if (reply === undefined) return;
    this.status = reply.status;
    this.#length = reply.length;
    if (reply.status !== 'OK') return;
    if (this.#job.file !== undefined) this.#part = new PartFile(this.#job.file);
    this.#content(reply.rest, reply.length);
  }

  /** The connection has ended, or everything is there. @throws Error unless the file is there, whole */
  complete(): void {
    const { expected } = this.#job;
    if (this.#length === undefined) {
      const came = this.#parser.unused.length === 0 ? 'a reply' : 'its reply was whole';
      throw new Error(`the server closed the connection before ${came}`);
    }
    if (this.status !== 'OK') throw new Error(this.status);
    if (!this.isComplete) {
      throw new Error(`the server closed the connection after ${this.bytes} of ${this.#length} bytes`);
    }
    const digest = this.#hash?.digest('hex');
    if (expected !== undefined && digest !== expected) throw new Error(WRONG_BYTES);
    this.#part?.keep();
    this.#part = undefined;
    this.digest = digest;
  }

  discard(): void {
    this.#part?.discard();
    this.#part = undefined;
  }

  #content(bytes: Buffer, length: number): void {
    if (this.bytes + bytes.length > length)
      throw new Error(`more than the ${length} bytes it announced came`);
    this.bytes += bytes.length;
    this.#hash?.update(bytes);
    this.#part?.write(bytes);
  }
}
