/**
 * Parts that are not whole: each in a file of its own, named after its job and part, so that another attempt can go
 * on where the last one broke off. One that is being received belongs to a process; when that is gone, what it has
 * left is for the next attempt.
 *
 *     .incoming/KEY-PID-TICKS-N   is being received by the process with that pid, started at that tick
 *     .incoming/KEY.partial       was broken off
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf, isAlive } from '../posix/process-info.js';

const ACTIVE = /^([0-9a-f]{40})-(\d+-\d+)-\d+$/;
const PARTIAL = /^[0-9a-f]{40}\.partial$/;
/** Nobody comes back for it. */
const FORGOTTEN_MS = 7 * 24 * 60 * 60 * 1000;

export class Incoming {
  readonly #directory: string;
  readonly #self = identityOf(process.pid);
  #count = 0;
  #keeping: Promise<void> = Promise.resolve();

  /** @throws the system's error when the directory cannot be made */
  constructor(jobsDirectory: string) {
    this.#directory = join(jobsDirectory, '.incoming');
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** The name of a file for an attempt that begins now. */
  newName(job: string, part: string): string {
    return `${keyOf(job, part)}-${this.#self}-${this.#count++}`;
  }

  /** Bytes that are here of a part that was broken off. */
  async partialBytes(job: string, part: string): Promise<number> {
    return (await sizeOf(this.path(`${keyOf(job, part)}.partial`))) ?? 0;
  }

  /** Takes what is here, for an attempt that goes on behind it; undefined when somebody else has. */
  async take(job: string, part: string): Promise<string | undefined> {
    const name = this.newName(job, part);
    try {
      await rename(this.path(`${keyOf(job, part)}.partial`), this.path(name));
      return name;
    } catch {
      return undefined;
    }
  }

  /** An attempt has broken off: the longest is kept. Does not reject. */
  keep(name: string): Promise<void> {
    // One after the other: two that are kept at once would both find themselves the longest.
    this.#keeping = this.#keeping.then(() => this.#keep(name));
    return this.#keeping;
  }

  /** Does not reject: what cannot be removed now is swept later. */
  async discard(name: string): Promise<void> {
    await rm(this.path(name), { force: true }).catch(() => undefined);
  }

  /** Keeps what processes have left that are gone, and removes what nobody has come back for. */
  async sweep(nowMs: number): Promise<void> {
    const bootedMs = bootTimeMs();
    for (const name of await readdir(this.#directory)) {
      const [isActive, , owner = ''] = ACTIVE.exec(name) ?? [];
      if (isActive === undefined && !PARTIAL.test(name)) continue;
      if (isActive !== undefined && isAlive(owner)) continue;
      const changedMs = (await stat(this.path(name)).catch(() => undefined))?.mtimeMs ?? 0;
      // What was written before the machine went down may have holes.
      if (changedMs < bootedMs || changedMs < nowMs - FORGOTTEN_MS) await this.discard(name);
      else if (isActive !== undefined) await this.keep(name);
    }
  }

  async #keep(name: string): Promise<void> {
    const key = ACTIVE.exec(name)?.[1];
    const partial = this.path(`${key}.partial`);
    const [bytes = 0, keptBytes = 0] = await Promise.all([sizeOf(this.path(name)), sizeOf(partial)]);
    if (bytes <= keptBytes) await this.discard(name);
    else await rename(this.path(name), partial).catch(() => undefined);
  }
}

function keyOf(job: string, part: string): string {
  return createHash('sha256').update(`${job}/${part}`).digest('hex').slice(0, 40);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

/** When this machine was started, in milliseconds since the epoch; 0 where the system does not say (proc(5)). */
function bootTimeMs(): number {
  try {
    return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0) * 1000;
  } catch {
    return 0;
  }
}
