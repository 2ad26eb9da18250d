/**
 * The file of a result. A thread writes it under a name that no other run of the job has, and the worker puts it in its
 * place: a thread that is held up, and whose job has begun again elsewhere, does no harm when it goes on.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsync, openSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory } from '../../durable.js';
import { messageOf } from '../../errors.js';
import { JobError, type JobResult } from '../api.js';
import type { Output } from '../reducers/reducer.js';
import { isFull } from '../storage.js';

/** Smaller pieces are gathered. */
const GATHERED_BYTES = 16 * 1024;

const UNFINISHED = '.unfinished-';

/**
 * Where a run writes its result until that is whole; to be removed by whoever finds that the writer is dead.
 *
 * @param run its number in this process
 */
export function unfinishedPath(resultPath: string, run: number): string {
  return `${resultPath}${UNFINISHED}${process.pid}-${run}`;
}

/** Whether a file of this name is what somebody has written of a result. */
export function isUnfinished(name: string): boolean {
  return name.includes(UNFINISHED);
}

/** Puts a result, which is whole and durable, in place of what was there, durably. Rejects with JobError. */
export async function publish(unfinished: string, resultPath: string): Promise<void> {
  try {
    await rename(unfinished, resultPath);
    await syncDirectory(dirname(resultPath));
  } catch (error) {
    throw unwritten(resultPath, error);
  }
}

/** Every method throws JobError `storage-full` or `storage-failed`, and again whenever it is called after that. */
export class ResultFile {
  readonly #path: string;
  readonly #hash = createHash('sha256');
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;
  #bytes = 0;
  #isOver = false;
  #fd: number | undefined;
  #problem: JobError | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Appends; returns when the kernel has it. Does nothing after `finish` and `discard`: a module may still have timers. */
  write(output: Output): void {
    if (this.#isOver) return;
    const bytes = typeof output === 'string' ? Buffer.from(output) : output;
    if (this.#gatheredBytes + bytes.length > GATHERED_BYTES) this.#flush();
    if (bytes.length >= GATHERED_BYTES) this.#append(bytes);
    else this.#gather(bytes);
  }

  /** Throws what a write has thrown before, to somebody who may have taken no notice. */
  check(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }

  /** Makes the result durable. */
  async finish(): Promise<JobResult> {
    this.#flush();
    this.#isOver = true;
    try {
      await fsyncAsync(this.#open());
      this.#close();
    } catch (error) {
      throw this.#failed(error);
    }
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  /** Removes what was written. */
  discard(): void {
    this.#isOver = true;
    this.#close();
    rmSync(this.#path, { force: true });
  }

  #gather(bytes: Uint8Array): void {
    this.#gathered ??= Buffer.allocUnsafeSlow(GATHERED_BYTES);
    this.#gathered.set(bytes, this.#gatheredBytes);
    this.#gatheredBytes += bytes.length;
  }

  #flush(): void {
    const length = this.#gatheredBytes;
    this.#gatheredBytes = 0;
    if (this.#gathered !== undefined && length > 0) this.#append(this.#gathered.subarray(0, length));
  }

  #append(bytes: Uint8Array): void {
    this.check();
    try {
      // Not writeSync, which may write less.
      writeFileSync(this.#open(), bytes);
    } catch (error) {
      throw this.#failed(error);
    }
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  #open(): number {
    this.#fd ??= openSync(this.#path, 'w');
    return this.#fd;
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #failed(error: unknown): JobError {
    this.#problem ??= unwritten(this.#path, error);
    return this.#problem;
  }
}

function unwritten(path: string, error: unknown): JobError {
  const code = isFull(error) ? 'storage-full' : 'storage-failed';
  return new JobError(code, `the result cannot be written to ${path}: ${messageOf(error)}`);
}

const fsyncAsync = promisify(fsync);
