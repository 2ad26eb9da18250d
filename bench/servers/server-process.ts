/**
 * The processes of a server under test. Each server leads a process group of its own: Ctrl-C in the terminal does
 * not reach it, and none of its processes outlives the benchmark (unless that is ended by SIGKILL).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../src/errors.js';
import type { Launch } from './contender.js';

const STOP_MS = 5_000;

const groups = new Set<number>();
process.on('exit', () => {
  for (const group of groups) killGroup(group);
});

export class ServerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  /** The file with all it prints. */
  readonly #output: string;

  /** Throws when the program cannot be started. */
  constructor({ command, args, env, reportsPort }: Launch, workDirectory: string) {
    this.#output = `${workDirectory}/output.txt`;
    const file = openSync(this.#output, 'w');
    this.#child = spawn(command, args, {
      cwd: workDirectory,
      env: { ...withoutSettings(process.env), ...env },
      stdio: ['ignore', file, file, reportsPort === true ? 'ipc' : 'ignore'],
      detached: true,
    });
    closeSync(file);
    // Without a listener this would end the benchmark; that there is no pid says the same.
    this.#child.on('error', () => {});
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${command} cannot be started`);
    this.pid = pid;
    groups.add(pid);
  }

  /** The port a program with `reportsPort` has chosen. */
  async reportedPort(signal: AbortSignal): Promise<number> {
    const ended = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error(this.failure());
    });
    const [message] = await Promise.race([once(this.#child, 'message', { signal }), ended]);
    return Number(message.port);
  }

  /** How it ended, and its last words; undefined while it runs. */
  failure(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return this.withLastWords(`ended with ${signalCode ?? `exit code ${exitCode}`}`);
  }

  /** `what`, and the last line that it printed. */
  withLastWords(what: string): string {
    const last = readFileSync(this.#output, 'utf8').trim().split('\n').at(-1)?.trim();
    return last ? `${what}: ${last}` : what;
  }

  /** Asks it to end, and kills what is left after a while. Resolves when it has ended. */
  async end(): Promise<void> {
    if (this.failure() === undefined) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })]);
    }
    killGroup(this.pid);
    groups.delete(this.pid);
  }
}

/** What the user has set for servers of his own is not for those measured here. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(HANDOVER_.*|PORT|HOST|NODE_OPTIONS|NODE_ENV)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    // ESRCH: nobody is left in it, which is what is wanted.
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
