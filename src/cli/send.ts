/** `handover send --job JOB --part PART [FILE]`: sends a file, or what comes from standard input, as a part of a job. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { COMMAND_LINE, type ConfigMistake } from '../config/mistake.js';
import { integer } from '../config/values.js';
import { EXIT, type ExitCode, HandoverError, messageOf } from '../errors.js';
import type { PartReceipt } from '../jobs/api.js';
import {
  type FileContent,
  NotDelivered,
  type SendOptions,
  sendFile,
  sendStream,
} from '../jobs/client/part-sender.js';
import { checkName } from '../jobs/names.js';
import type { CommandLine } from './command-line.js';
import { jobsServer } from './jobs-server.js';
import { bar, showing } from './progress.js';
import { reportMistakes } from './report.js';
import { size } from './status-text.js';
import type { Terminal } from './terminal.js';

const DEFAULT_RETRIES = 5;
const RETRIES = integer(0, 1000);

interface Arguments {
  readonly job: string;
  readonly part: string;
  /** Absolute; undefined: standard input. */
  readonly file: string | undefined;
  readonly retries: number;
}

/** What a command that sends needs of its process. */
export interface SendServices {
  readonly input: Readable;
  /** Waits between attempts. */
  readonly pause?: SendOptions['pause'];
}

/** Exits with 0 when the part is durable, with EXIT.notTransferred when it is not. */
export async function send(
  line: CommandLine,
  terminal: Terminal,
  { input, pause }: SendServices = { input: process.stdin },
): Promise<ExitCode> {
  const read = readArguments(line, terminal.cwd);
  if ('mistakes' in read) return reportMistakes(read.mistakes, terminal);
  const { job, part, file, retries } = read;
  const server = jobsServer(line, terminal);
  const progress = new Progress();
  const options: SendOptions = {
    server,
    job,
    part,
    retries,
    onProgress: (bytes) => progress.reach(bytes),
    onRetry: (problem, pauseMs) => {
      const again = `it is tried again in ${(pauseMs / 1000).toFixed(1)} s`;
      terminal.err(`${terminal.isInteractive ? '\n' : ''}handover send: ${part}: ${problem}; ${again}\n`);
    },
    ...(pause !== undefined && { pause }),
  };
  try {
    const receipt = await showing(
      () => progress.line,
      terminal,
      async () => {
        const stream = file === undefined ? input : await pipeAt(file);
        if (stream !== undefined) return await sendStream(stream, options);
        const content = await contentOf(file!);
        progress.wanted = content.bytes;
        return await sendFile(content, options);
      },
    );
    terminal.out(receiptText(receipt, part));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof NotDelivered)) throw error;
    terminal.err(`handover send: ${part}: ${error.message}\n`);
    return EXIT.notTransferred;
  }
}

function readArguments(
  { operand, values }: CommandLine,
  cwd: string,
): Arguments | { readonly mistakes: readonly ConfigMistake[] } {
  const mistakes: ConfigMistake[] = [];
  const refuse = (key: string, message: string, hint?: string, value?: string): void => {
    mistakes.push({ source: COMMAND_LINE, key, value, message, hint });
  };
  const name = (kind: 'job' | 'part', standard?: string): string => {
    const text = values.get(kind) ?? standard;
    if (text === undefined) {
      refuse(`--${kind}`, `the ${kind} has no name`, `write --${kind} NAME`);
      return '';
    }
    try {
      checkName(text, kind);
    } catch (error) {
      refuse(`--${kind}`, messageOf(error), undefined, text);
    }
    return text;
  };
  const file = operand === undefined || operand === '-' ? undefined : resolve(cwd, operand);
  const job = name('job');
  const part = name('part', file && basename(file));
  const text = values.get('retries') ?? String(DEFAULT_RETRIES);
  const retries = RETRIES.parse(text, cwd);
  if ('problem' in retries) refuse('--retries', retries.problem, retries.hint, text);
  if (mistakes.length > 0 || 'problem' in retries) return { mistakes };
  return { job, part, file, retries: retries.value };
}

/** What comes from a FIFO or a device, which can be read once only; undefined when it is something else. */
async function pipeAt(path: string): Promise<Readable | undefined> {
  const there = await stat(path).catch(() => undefined);
  const canBeReadAgain = there === undefined || there.isFile() || there.isDirectory();
  return canBeReadAgain ? undefined : createReadStream(path);
}

/** Read once before it is sent: the server holds what comes against the digest. */
async function contentOf(path: string): Promise<FileContent> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      hash.update(piece);
      bytes += piece.length;
    }
  } catch (error) {
    throw new HandoverError('FILE', `${path}: ${messageOf(error)}`, EXIT.cannotRead, error);
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

function receiptText({ bytes, sha256, isNew }: PartReceipt, part: string): string {
  return `${part}: ${bytes} bytes, sha256 ${sha256}${isNew ? '' : ' (was there already)'}\n`;
}

/** How far a part is. */
class Progress {
  /** Its bytes; undefined while nobody knows. */
  wanted: number | undefined;
  readonly #startedMs = performance.now();
  #bytes = 0;

  reach(bytes: number): void {
    this.#bytes = bytes;
  }

  get line(): string {
    const pace = size(this.#bytes / Math.max((performance.now() - this.#startedMs) / 1000, 0.001));
    const { wanted } = this;
    if (wanted === undefined) return `${size(this.#bytes)}  ${pace}/s`;
    const share = wanted === 0 ? 1 : this.#bytes / wanted;
    return `${bar(share)}  ${size(this.#bytes)} of ${size(wanted)}  ${pace}/s`;
  }
}
