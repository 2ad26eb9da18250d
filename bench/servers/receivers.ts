/** What takes parts: handover with jobs, a plain receiver in node:http, and `nc` into files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HANDOVER_MAIN } from '../paths.js';
import type { Contender } from './contender.js';
import { variant } from './handover.js';
import { freePort } from './probe.js';

const PROGRAM = fileURLToPath(new URL('part-receiver.js', import.meta.url));

/** handover with jobs below `directory`, over HTTP and on a port for raw TCP. */
export function handoverJobs(directory: string, rawPort: number): Contender {
  mkdirSync(directory, { recursive: true });
  return variant('handover', HANDOVER_MAIN, ['--jobs-dir', directory, '--jobs-port', String(rawPort)]);
}

export const nodeReceiver: Contender = {
  name: 'node:http',
  title: 'node:http',
  about: 'a file for each part, hashed and synced (`bench/servers/part-receiver.ts`); no jobs, no results',
  find: () => ({ present: true, version: process.version.slice(1) }),
  launch: ({ workDirectory, port, workers }) => ({
    command: process.execPath,
    args: [PROGRAM, `${workDirectory}/parts`, String(port), String(workers)],
  }),
};

/**
 * `nc -lk PORT | cat > FILE`, so many times: each takes one connection after another, appends what comes, and says
 * nothing of it. Nothing is synced, hashed, or told apart.
 */
export class NcReceivers {
  readonly ports: readonly number[];
  readonly #shell: ChildProcess;

  private constructor(ports: readonly number[], shell: ChildProcess) {
    this.ports = ports;
    this.#shell = shell;
  }

  /** Resolves when all listen. */
  static async start(directory: string, count: number): Promise<NcReceivers> {
    mkdirSync(directory, { recursive: true });
    const ports: number[] = [];
    while (ports.length < count) ports.push(await freePort());
    const lines = ports.map((port) => `nc -lk 127.0.0.1 ${port} </dev/null | cat > ${port} &`);
    // A group of its own, which is ended as a whole.
    const shell = spawn('sh', ['-c', `${lines.join('\n')}\nwait`], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    await once(shell, 'spawn');
    const receivers = new NcReceivers(ports, shell);
    process.on('exit', () => receivers.#kill());
    for (const port of ports) while (!(await listens(port))) await sleep(20);
    return receivers;
  }

  get pid(): number {
    return this.#shell.pid!;
  }

  async stop(): Promise<void> {
    const ended = once(this.#shell, 'exit');
    this.#kill();
    await ended;
  }

  #kill(): void {
    if (this.#shell.exitCode === null && this.#shell.signalCode === null) process.kill(-this.pid, 'SIGKILL');
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not yet, which is what the caller wants to know.
    return false;
  } finally {
    socket.destroy();
  }
}
