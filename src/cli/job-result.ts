/** `handover jobs result JOB`: fetches the result of a job, whole or not at all. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import { Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { COMMAND_LINE, type ConfigMistake } from '../config/mistake.js';
import { integer } from '../config/values.js';
import { EXIT, type ExitCode } from '../errors.js';
import { askFor, askForJson, numberIn, type ServerAddress } from '../jobs/client/server.js';
import { readJob } from '../jobs/client/shown.js';
import type { CommandLine } from './command-line.js';
import { OutFile } from './out-file.js';
import { bar, showing } from './progress.js';
import { size } from './status-text.js';
import type { Terminal } from './terminal.js';

/** The longest that a server waits with its answer. */
const MAX_WAIT_SECONDS = 3600;
/** The server says nothing while it waits. */
const GRACE_MS = 60_000;
const WAIT = integer(0, MAX_WAIT_SECONDS);

export interface ResultOptions {
  /** Absolute; undefined: standard output. */
  readonly out: string | undefined;
  readonly waitSeconds: number;
}

/** Reads `--out` and `--wait`. */
export function resultOptions(
  { values }: CommandLine,
  cwd: string,
): ResultOptions | { readonly mistakes: readonly ConfigMistake[] } {
  const text = values.get('wait') ?? '0';
  const wait = WAIT.parse(text, cwd);
  if ('problem' in wait) {
    const { problem: message, hint } = wait;
    return { mistakes: [{ source: COMMAND_LINE, key: '--wait', value: text, message, hint }] };
  }
  const out = values.get('out');
  return { out: out === undefined || out === '-' ? undefined : resolve(cwd, out), waitSeconds: wait.value };
}

/**
 * Writes the result to a file, or to `output`. Rejects with Refusal, with HandoverError when the file cannot be
 * written, and with the system's error when the connection breaks.
 */
export async function fetchResult(
  server: ServerAddress,
  job: string,
  { out, waitSeconds }: ResultOptions,
  output: Writable,
  terminal: Terminal,
): Promise<ExitCode> {
  const path = `/${encodeURIComponent(job)}`;
  const query = waitSeconds === 0 ? '' : `?wait=${waitSeconds}`;
  const idleMs = waitSeconds * 1000 + GRACE_MS;
  const answer = await askFor(server, { method: 'GET', path: `${path}/result${query}`, idleMs });
  const file = out === undefined ? undefined : await openFor(answer, out);
  try {
    const sha256 = await receive(answer, file ?? output, terminal);
    const { result } = readJob(await askForJson(server, { method: 'GET', path }));
    if (result?.sha256 === sha256) {
      await file?.keep();
      if (file !== undefined) terminal.out(`${job}: ${result.bytes} bytes, sha256 ${sha256}\n`);
      return EXIT.ok;
    }
    terminal.err(`handover jobs: ${job}: other bytes came than the result has: their sha256 is ${sha256}\n`);
    await file?.discard();
    return EXIT.notTransferred;
  } catch (error) {
    await file?.discard();
    throw error;
  }
}

async function openFor(answer: IncomingMessage, out: string): Promise<OutFile> {
  try {
    return await OutFile.open(out);
  } catch (error) {
    answer.destroy();
    throw error;
  }
}

/** Returns the digest of what came. */
async function receive(
  answer: IncomingMessage,
  output: OutFile | Writable,
  terminal: Terminal,
): Promise<string> {
  const hash = createHash('sha256');
  const wanted = numberIn(answer, 'content-length');
  let bytes = 0;
  const hashed = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      bytes += piece.length;
      done(null, piece);
    },
  });
  const line = (): string =>
    wanted ? `${bar(bytes / wanted)}  ${size(bytes)} of ${size(wanted)}` : size(bytes);
  await showing(line, terminal, () => {
    if (!(output instanceof OutFile)) return pipeline(answer, hashed, output, { end: false });
    const write = (piece: Buffer, _encoding: string, done: (error?: Error) => void): void => {
      output.write(piece).then(() => done(), done);
    };
    return pipeline(answer, hashed, new Writable({ write }));
  });
  return hash.digest('hex');
}
