/**
 * The access log of one worker: gathers lines and gives them to sonic-boom, which writes them without
 * blocking the loop. All workers append to one file (O_APPEND), each chunk being whole lines in one
 * write, so lines do not mix. Nothing here throws: what goes wrong is reported once, and again when it
 * is over, and serving goes on. How a line looks is `access-line.ts`.
 *
 *     write ─► gathered bytes ─► sonic-boom's buffer ─► write(2)
 *              a chunk, or      bounded; beyond it     a chunk at a time
 *              half a second    lines are dropped
 *
 * What sonic-boom 5 does, by its source: a failed write keeps its bytes, emits `error`, and is tried
 * again by the next `write` or `flush`, of which our timer makes one; EAGAIN it retries by itself; the
 * rest of a partial write goes out before anything else; `reopen` waits for a write under way and
 * stays on the old file when the new one cannot be opened.
 */
import * as fs from 'node:fs';
import sonicBoom, { type SonicBoom } from 'sonic-boom';
import type { LogFormat } from '../config/settings.js';
import { messageOf } from '../errors.js';
import { within } from '../within.js';
import { type AccessEntry, type LineFormatter, lineFormatter } from './access-line.js';
import { LineBuffer } from './line-buffer.js';

/** Bytes of lines that are handed over at once: each time a thread is woken. As nginx's `buffer=64k`. */
const CHUNK_BYTES = 64 * 1024;
/** Chunks that came while a write was under way go out together in the next: so it catches up. */
const MAX_WRITE_BYTES = 256 * 1024;
/** A pipe takes this much in one piece (PIPE_BUF on Linux); more could mix with another worker's. */
const PIPE_CHUNK_BYTES = 4096;
/** Lines that wait for a disk that is full or slow, per worker. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** How old a line gets before it is written, and how often a failed write is tried again. */
const FLUSH_MS = 500;
const CLOSE_TIMEOUT_MS = 2000;
const LINE_FEED = 0x0a;

export interface AccessLogOptions {
  /** A path, or `-` for standard output. */
  readonly file: string;
  readonly format: LogFormat;
  /** Receives one line for a person when logging fails, and when it works again. */
  readonly report: (message: string) => void;
  /** Told how many lines were lost, each time some are. */
  readonly onDropped: (lines: number) => void;
  /** Wall clock, milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Never made when logging is off. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #format: LineFormatter;
  readonly #now: () => number;
  readonly #name: string;
  readonly #chunkBytes: number;
  readonly #maxWrite: number;
  readonly #timer: NodeJS.Timeout;
  readonly #gathered = new LineBuffer();
  /** Undefined: the file could not be opened; the timer tries again. */
  #out: SonicBoom | undefined;
  /** True once `#out` has a descriptor. Before, writing to it would throw if it never gets one. */
  #ready = false;
  #reopening = false;
  #failing = false;
  #droppedNow = 0;
  #closed: Promise<void> | undefined;

  constructor(options: AccessLogOptions) {
    const pipe = options.file === '-' && fs.fstatSync(1).isFIFO();
    this.#options = options;
    this.#format = lineFormatter(options.format, process.pid);
    this.#now = options.now ?? Date.now;
    this.#name = options.file === '-' ? 'access log (standard output)' : `access log ${options.file}`;
    this.#chunkBytes = pipe ? PIPE_CHUNK_BYTES : CHUNK_BYTES;
    this.#maxWrite = pipe ? PIPE_CHUNK_BYTES : MAX_WRITE_BYTES;
    this.#timer = setInterval(() => this.#onTimer(), FLUSH_MS).unref();
    this.#open();
  }

  /** Takes a line; it is in the file within half a second. About half a microsecond. */
  write(entry: AccessEntry): void {
    const gathered = this.#gathered;
    const before = gathered.length;
    this.#format(gathered, entry, this.#now());
    // Chunks are whole lines: this one begins the next.
    if (gathered.length > this.#chunkBytes && before > 0) this.#handOver(before);
  }

  /**
   * Continues in a new file of the same name, after the old one was renamed; no line is lost. When it
   * cannot be opened, that is reported and logging stays with the old file.
   */
  reopen(): void {
    const out = this.#out;
    if (this.#options.file === '-' || this.#closed !== undefined || out === undefined) return;
    if (!this.#ready) {
      out.once('ready', () => this.reopen());
      return;
    }
    this.#handOver();
    this.#reopening = true;
    out.once('ready', () => {
      this.#reopening = false;
    });
    out.reopen();
  }

  /** Writes what is left, for two seconds at most, and closes. Lines that come later are not logged. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #open(): void {
    const { file } = this.#options;
    const target = file === '-' ? { fd: standardOutput() } : { dest: file };
    const limits = { maxLength: MAX_WAITING_BYTES, maxWrite: this.#maxWrite };
    const out = new sonicBoom.SonicBoom({
      ...target,
      ...limits,
      append: true,
      sync: false,
      contentMode: 'buffer',
    });
    out.once('ready', () => {
      this.#ready = true;
    });
    out.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    out.on('drop', (lines: Buffer) => this.#dropped(lines));
    out.on('drain', () => this.#onDrain());
    this.#out = out;
  }

  #onTimer(): void {
    if (this.#out === undefined) this.#open();
    // To flush while it opens a file makes sonic-boom write what it does not have, and end the process.
    if (!this.#ready || this.#reopening) return;
    this.#handOver();
    this.#out?.flush();
  }

  /** Gives what was gathered to sonic-boom; keeps it, up to the bound, while there is no file. */
  #handOver(bytes = this.#gathered.length): void {
    if (bytes === 0) return;
    // It takes what `contentMode` says, of which its types know nothing.
    if (this.#ready) this.#out?.write(this.#gathered.take(bytes) as unknown as string);
    else if (bytes > MAX_WAITING_BYTES) this.#dropped(this.#gathered.take(bytes));
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.#out === undefined) return;
    if (error.syscall === 'open' && this.#ready) {
      // sonic-boom forgets to remove the listener by which it would have closed the old descriptor: it
      // would close it twice after the next reopen, by then perhaps a client's connection.
      this.#out.removeAllListeners('ready');
      this.#reopening = false;
      this.#options.report(
        `${this.#name}: cannot be reopened: ${messageOf(error)}; the old file is still written`,
      );
      return;
    }
    if (!this.#ready) this.#out = undefined;
    this.#fail(messageOf(error));
    // sonic-boom would reopen after the next write that works; on a full disk there may be none before
    // the file is changed.
    if (this.#reopening) this.#out?.reopen();
  }

  #onDrain(): void {
    if (!this.#failing) return;
    this.#failing = false;
    const lost = this.#droppedNow === 0 ? 'no line was lost' : `${this.#droppedNow} lines were lost`;
    this.#droppedNow = 0;
    this.#options.report(`${this.#name}: written again; ${lost}`);
  }

  #dropped(lines: Buffer): void {
    const count = lines.reduce((ends, byte) => (byte === LINE_FEED ? ends + 1 : ends), 0);
    if (count === 0) return;
    this.#droppedNow += count;
    this.#options.onDropped(count);
    this.#fail('it takes lines more slowly than they come');
  }

  #fail(reason: string): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#options.report(
      `${this.#name}: cannot be written: ${reason}; serving goes on, lines beyond ${MAX_WAITING_BYTES >> 20} MiB are lost`,
    );
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    const complete = await within(this.#writeRest(), CLOSE_TIMEOUT_MS, false);
    this.#out?.destroy();
    this.#out = undefined;
    this.#ready = false;
    if (!complete) this.#options.report(`${this.#name}: closed before its last lines were written`);
  }

  /** True when all was written. */
  async #writeRest(): Promise<boolean> {
    if (this.#out !== undefined && (!this.#ready || this.#reopening)) await opened(this.#out);
    const out = this.#out;
    if (out === undefined) {
      this.#dropped(this.#gathered.take(this.#gathered.length));
      return true;
    }
    this.#handOver();
    return new Promise((resolve) => {
      out.flush((error) => resolve(error === undefined || error === null));
    });
  }
}

/** Settles when a file that is being opened is open, or cannot be. */
function opened(out: SonicBoom): Promise<void> {
  return new Promise((resolve) => {
    out.once('ready', resolve);
    out.once('error', () => resolve());
  });
}

/**
 * Standard output, without waiting for its reader where that is a pipe: a write that waits would keep
 * the process from exiting. Opened anew, because the descriptor we have is shared with other processes.
 */
function standardOutput(): number {
  if (!fs.fstatSync(1).isFIFO()) return 1;
  const { O_WRONLY, O_APPEND, O_NONBLOCK } = fs.constants;
  try {
    return fs.openSync('/proc/self/fd/1', O_WRONLY | O_APPEND | O_NONBLOCK);
  } catch {
    // No /proc, or nobody reads any more; the latter the first write reports.
    return 1;
  }
}
