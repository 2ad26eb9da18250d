/**
 * Who uses JOBS_DIR: the workers of one server, each with a file that names it, so that no other server writes there
 * at the same time, nor workers that have outlived their master for a moment.
 *
 *     .workers/PID-TICKS-MASTER-MASTERTICKS   a process by its pid, and the tick at which it was started
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, HandoverError } from '../errors.js';
import { identityOf, isAlive } from '../posix/process-info.js';

const NAME = /^(\d+-\d+)-(\d+-\d+)$/;
/** A worker without a master ends by itself, sooner. */
const ORPHAN_MS = 10_000;
const LOOK_MS = 20;

export class Tenancy {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Begins to use a directory, when workers without a master have left it. Rejects with HandoverError when another
   * server uses it, or with the system's error.
   */
  static async begin(jobsDirectory: string): Promise<Tenancy> {
    const directory = join(jobsDirectory, '.workers');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const master = identityOf(process.ppid);
    const tenancy = new Tenancy(join(directory, `${identityOf(process.pid)}-${master}`));
    // First, so that of two who begin at once at least one sees the other.
    writeFileSync(tenancy.#path, '');
    try {
      const givenUpMs = performance.now() + ORPHAN_MS;
      for (
        let other = await stranger(directory, master);
        other !== undefined;
        other = await stranger(directory, master)
      ) {
        if (other.hasMaster || performance.now() > givenUpMs) throw inUse(jobsDirectory, other.pid);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return tenancy;
    } catch (error) {
      tenancy.end();
      throw error;
    }
  }

  end(): void {
    rmSync(this.#path, { force: true });
  }
}

interface Stranger {
  readonly pid: number;
  readonly hasMaster: boolean;
}

/** A worker of another master; undefined when there is none. Removes what killed ones have left. */
async function stranger(directory: string, own: string): Promise<Stranger | undefined> {
  for (const name of await readdir(directory)) {
    const [, worker, master] = NAME.exec(name) ?? [];
    if (worker === undefined || master === undefined) continue;
    if (!isAlive(worker)) rmSync(join(directory, name), { force: true });
    else if (master !== own) return { pid: Number.parseInt(master, 10), hasMaster: isAlive(master) };
  }
  return undefined;
}

function inUse(directory: string, pid: number): HandoverError {
  const message = `JOBS_DIR ${directory} is used by another server (pid ${pid})`;
  return new HandoverError('JOBS_IN_USE', message, EXIT.workerBoot);
}
