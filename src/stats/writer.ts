/**
 * Publishes the statistics as files: `statFile.txt`, and beside it `stats.json` and `metrics.txt`. Each
 * changes by rename, so a reader sees the old content or the new and never a part. Nothing here throws
 * or rejects: what goes wrong is reported once, and once more when it is over.
 *
 *     <dir>/.statFile.txt.<pid>.tmp ──rename──► <dir>/statFile.txt
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { messageOf, systemCode } from '../errors.js';
import { formatMetrics } from './prometheus.js';
import type { StatsDocument } from './schema.js';
import { formatStatFile } from './stat-file.js';

/** What is published at one moment: the document, and the totals it was built from. */
export interface Snapshot {
  readonly document: StatsDocument;
  readonly totals: Float64Array;
}

export interface StatsWriterOptions {
  /** Path of statFile.txt, absolute. `stats.json` and `metrics.txt` go into the same directory. */
  readonly statFile: string;
  readonly intervalMs: number;
  /** Called once for each time the files are written. */
  readonly snapshot: () => Snapshot;
  /** Receives one line for a person when writing begins to fail, and when it works again. */
  readonly report: (message: string) => void;
}

/** Where the three files are, by the setting STATS_FILE. */
export function statsPaths(statFile: string): { statFile: string; json: string; metrics: string } {
  const directory = path.dirname(statFile);
  return {
    statFile,
    json: path.join(directory, 'stats.json'),
    metrics: path.join(directory, 'metrics.txt'),
  };
}

/** Writes the files at once, then every interval, then a last time on `close`. */
export class StatsWriter {
  readonly #options: StatsWriterOptions;
  readonly #paths: ReturnType<typeof statsPaths>;
  #state: 'new' | 'working' | 'failing' = 'new';
  #timer: NodeJS.Timeout | undefined;
  /** Settles when nothing is being written. */
  #last: Promise<void> = Promise.resolve();
  #underWay = 0;

  constructor(options: StatsWriterOptions) {
    this.#options = options;
    this.#paths = statsPaths(options.statFile);
  }

  /** Removes what a crashed predecessor left, writes, and goes on writing. Resolves after the first time. */
  start(): Promise<void> {
    // A slow disk makes us skip turns, never queue them: only the newest numbers are of use.
    const turn = (): unknown => this.#underWay > 0 || this.write();
    this.#timer = setInterval(turn, this.#options.intervalMs).unref();
    return this.write();
  }

  /** Stops the timer, waits for a write under way, and writes the final numbers. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.write();
  }

  /** Writes the numbers of this moment, after what is being written. */
  write(): Promise<void> {
    this.#underWay++;
    this.#last = this.#last.then(async () => {
      await this.#replaceFiles();
      this.#underWay--;
    });
    return this.#last;
  }

  async #replaceFiles(): Promise<void> {
    const { statFile, json, metrics } = this.#paths;
    try {
      if (this.#state !== 'working') await this.#sweep();
      const { document, totals } = this.#options.snapshot();
      await replaceFile(json, `${JSON.stringify(document)}\n`);
      await replaceFile(metrics, formatMetrics(document, totals));
      await replaceFile(statFile, formatStatFile(document));
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#state === 'failing') {
      this.#options.report(`the statistics are written again to ${path.dirname(statFile)}`);
    }
    this.#state = 'working';
  }

  #failed(error: unknown): void {
    if (this.#state === 'failing') return;
    this.#state = 'failing';
    const directory = path.dirname(this.#paths.statFile);
    this.#options.report(
      `cannot write the statistics to ${directory}: ${messageOf(error)}; trying on every ${this.#options.intervalMs} ms`,
    );
  }

  /** Removes temporary files of writers that are gone; those of another live server are left alone. */
  async #sweep(): Promise<void> {
    const directory = path.dirname(this.#paths.statFile);
    for (const name of await fs.readdir(directory)) {
      const owner = this.#ownerOf(name);
      if (owner !== undefined && !isOtherLiveProcess(owner)) {
        await fs.rm(path.join(directory, name), { force: true });
      }
    }
  }

  /** The process that made a temporary file of ours; undefined when it is no such file. */
  #ownerOf(name: string): number | undefined {
    for (const target of Object.values(this.#paths)) {
      const [before, after] = temporaryName(path.basename(target));
      if (!name.startsWith(before) || !name.endsWith(after)) continue;
      const pid = name.slice(before.length, -after.length);
      if (/^\d+$/.test(pid)) return Number(pid);
    }
    return undefined;
  }
}

/** The name of a temporary file, before and after the process id. Hidden, so that no listing shows it. */
function temporaryName(base: string): [before: string, after: string] {
  return [`.${base}.`, '.tmp'];
}

async function replaceFile(target: string, content: string): Promise<void> {
  const temporary = path.join(
    path.dirname(target),
    temporaryName(path.basename(target)).join(String(process.pid)),
  );
  // 'wx' also refuses a symbolic link that somebody put there.
  const file = await fs.open(temporary, 'wx', 0o644);
  try {
    try {
      await file.writeFile(content);
      // The mode given to open is cut by the umask, and other users' monitoring is to read this.
      await file.chmod(0o644);
    } finally {
      await file.close();
    }
    await fs.rename(temporary, target);
  } catch (error) {
    await removeQuietly(temporary);
    throw error;
  }
}

async function removeQuietly(file: string): Promise<void> {
  try {
    await fs.rm(file, { force: true });
  } catch {
    // What made the write fail is being reported, and says more than this would.
  }
}

function isOtherLiveProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
