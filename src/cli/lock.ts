/** `handover lock FILE -- COMMAND`: runs a command while a file is kept from others, as flock(1) does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { COMMAND_LINE } from '../config/mistake.js';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';
import { problemOf, Refusal, type ServerAddress } from '../jobs/client/server.js';
import type { LockStatus } from '../tokens/listing.js';
import type { CommandLine } from './command-line.js';
import { reportMistakes } from './report.js';
import type { Terminal } from './terminal.js';
import { askOfTokens, tokenServer } from './token-server.js';

/** As shells have them: it cannot be run, there is none, and what is added to a signal. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;
const SIGNALLED = 128;
/** For those who want to wait for ever: as long as the server takes. */
const LONGEST_WAIT_SECONDS = 24 * 86_400;
/** The server may take so long to answer besides. */
const PATIENCE_MS = 30_000;

interface Wanted {
  readonly file: string;
  readonly mode: 'read' | 'write';
  readonly waitSeconds: number;
  readonly command: string;
  readonly args: readonly string[];
}

/** Exits as the command does: 128 and its signal when it was killed by one. With EXIT.notLocked when there is no lock. */
export async function lock(line: CommandLine, terminal: Terminal): Promise<number> {
  const wanted = wantedBy(line);
  if (typeof wanted === 'string') {
    const hint = 'write handover lock FILE [--read] [--wait SECONDS] -- COMMAND';
    return reportMistakes([{ source: COMMAND_LINE, key: 'lock', message: wanted, hint }], terminal);
  }
  const server = tokenServer(line, terminal);
  let status: LockStatus;
  try {
    status = await take(server, wanted);
  } catch (error) {
    if (error instanceof HandoverError) throw error;
    terminal.err(`handover lock: ${problemOf(error)}\n`);
    return error instanceof Refusal && error.code === 'timeout' ? EXIT.notLocked : EXIT.notObeyed;
  }
  const holding = new Holding(server, status, terminal);
  const exitCode = await runWith(wanted, status, holding, terminal);
  await holding.end();
  return holding.isLost ? EXIT.notLocked : exitCode;
}

/** What the words ask for, or why they do not. */
function wantedBy({ operands, switches, values }: CommandLine): Wanted | string {
  const [file, command, ...args] = operands;
  if (file === undefined) return 'which file?';
  if (command === undefined) return 'which command?';
  if (switches.has('read') && switches.has('write')) return 'either --read or --write';
  const wait = values.get('wait');
  if (wait !== undefined && !/^\d{1,7}(?:\.\d{1,3})?$/.test(wait))
    return `--wait ${wait} is no number of seconds`;
  const waitSeconds = Math.min(
    wait === undefined ? LONGEST_WAIT_SECONDS : Number(wait),
    LONGEST_WAIT_SECONDS,
  );
  return { file, mode: switches.has('read') ? 'read' : 'write', waitSeconds, command, args };
}

async function take(
  server: ServerAddress,
  { file, mode, waitSeconds, command }: Wanted,
): Promise<LockStatus> {
  const text = JSON.stringify({ file, mode, waitSeconds, who: command });
  const status = await askOfTokens(server, {
    method: 'POST',
    path: '/locks',
    fields: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
    body: Readable.from([text]),
    idleMs: Math.min(waitSeconds * 1000 + PATIENCE_MS, 2 ** 31 - 1),
  });
  return status as LockStatus;
}

/** Keeps a lock alive until it is given back or lost. */
class Holding {
  readonly #server: ServerAddress;
  readonly #path: string;
  readonly #terminal: Terminal;
  readonly #ttlMs: number;
  readonly #refreshing: NodeJS.Timeout;
  #aliveMs = performance.now();
  #isAsking = false;
  #isLost = false;
  #lost: () => void = () => undefined;

  constructor(server: ServerAddress, { lock: id, ttlSeconds }: LockStatus, terminal: Terminal) {
    this.#server = server;
    this.#path = `/locks/${id}`;
    this.#terminal = terminal;
    this.#ttlMs = ttlSeconds * 1000;
    this.#refreshing = setInterval(() => void this.#refresh(), this.#ttlMs / 4);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Called back once when others may have it. */
  onLost(callback: () => void): void {
    this.#lost = callback;
  }

  async end(): Promise<void> {
    clearInterval(this.#refreshing);
    if (this.#isLost) return;
    try {
      await askOfTokens(this.#server, { method: 'DELETE', path: this.#path });
    } catch (error) {
      const problem = problemOf(error);
      // Others may have had it before the command ended.
      if (isNoSuchLock(error)) this.#lose(problem);
      else this.#terminal.err(`handover lock: it is not given back, and ends by itself: ${problem}\n`);
    }
  }

  async #refresh(): Promise<void> {
    if (performance.now() - this.#aliveMs > this.#ttlMs) this.#lose('the server has not been heard of');
    if (this.#isAsking || this.#isLost) return;
    this.#isAsking = true;
    const sentMs = performance.now();
    try {
      await askOfTokens(this.#server, { method: 'PUT', path: this.#path, idleMs: this.#ttlMs });
      this.#aliveMs = sentMs;
    } catch (error) {
      // Any other trouble may pass in time.
      if (isNoSuchLock(error)) this.#lose(problemOf(error));
    }
    this.#isAsking = false;
  }

  #lose(why: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    clearInterval(this.#refreshing);
    this.#terminal.err(`handover lock: the lock is lost, others may have it: ${why}\n`);
    this.#lost();
  }
}

function isNoSuchLock(error: unknown): boolean {
  return error instanceof Refusal && error.status === 404;
}

async function runWith(
  { command, args }: Wanted,
  { lock: id, file, fence }: LockStatus,
  holding: Holding,
  terminal: Terminal,
): Promise<number> {
  const env = {
    ...terminal.env,
    HANDOVER_LOCK: id,
    HANDOVER_LOCK_FILE: file,
    HANDOVER_LOCK_FENCE: String(fence),
  };
  const child = spawn(command, args, { stdio: 'inherit', env, cwd: terminal.cwd });
  const stop = passSignals(child);
  holding.onLost(() => child.kill('SIGTERM'));
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? SIGNALLED + constants.signals[signal!];
  } catch (error) {
    terminal.err(`handover lock: ${command}: ${messageOf(error)}\n`);
    return systemCode(error) === 'ENOENT' ? NOT_FOUND : CANNOT_RUN;
  } finally {
    stop();
  }
}

/** Signals are for the command; this process ends with it. */
function passSignals(child: ChildProcess): () => void {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  // From a terminal, the command has had it as well.
  const ignore = (): void => undefined;
  const onInterrupt = process.stdin.isTTY ? ignore : pass;
  process.on('SIGINT', onInterrupt).on('SIGQUIT', onInterrupt).on('SIGTERM', pass).on('SIGHUP', pass);
  return () => {
    process.off('SIGINT', onInterrupt).off('SIGQUIT', onInterrupt).off('SIGTERM', pass).off('SIGHUP', pass);
  };
}
