/**
 * Commands and servers as a user has them, in a home of their own where they find each other. For tests of
 * how servers start and end; what is served is looked at with TestServer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemCode } from '../../src/errors.js';
import { handover, type Outcome } from './command.js';
import { TestDirectory } from './directory.js';
import { eventually, within } from './eventually.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export class Sandbox {
  /** `site/` is there to be served; `run/` and `tmp/` are where servers keep what they need. */
  readonly directory = new TestDirectory({ 'run/': '', 'tmp/': '', 'site/': '' });
  readonly site = this.directory.at('site');
  readonly #servers: SpawnedServer[] = [];

  /** Runs a command to its end. */
  run(...args: string[]): Promise<Outcome> {
    const outcome = handover(args, { cwd: this.directory.path, env: this.#env });
    return within(outcome, () => `the end of handover ${args.join(' ')}`);
  }

  /** Starts a server; `command` goes before node. */
  spawn(args: readonly string[], command: readonly string[] = [], main: string = MAIN): SpawnedServer {
    const server = new SpawnedServer([...command, process.execPath, main, ...args], {
      cwd: this.directory.path,
      env: { PATH: process.env.PATH ?? '', ...this.#env },
    });
    this.#servers.push(server);
    return server;
  }

  /** Starts a small server on the loopback, on a free port unless one is given, and waits until it is ready. */
  async serve(port = 0): Promise<SpawnedServer> {
    const where = [this.site, '--host', '127.0.0.1', '--port', String(port)];
    const server = this.spawn([...where, '--num-workers', '2', '--threads-per-worker', '1']);
    await server.ready();
    return server;
  }

  /** What servers have left in the places where they keep what they need. */
  get leftovers(): string[] {
    return ['run', 'tmp'].flatMap((name) =>
      readdirSync(this.directory.at(name), { recursive: true })
        .map((path) => `${name}/${String(path)}`)
        .filter((path) => path !== 'run/handover'),
    );
  }

  /** Ends what still runs, and removes everything when nobody can write there any more. */
  async end(): Promise<void> {
    for (const server of this.#servers) server.discard();
    await Promise.all(this.#servers.map(({ ended }) => within(ended, () => 'the end of what was killed')));
    this.directory.remove();
  }

  get #env(): Record<string, string> {
    return { XDG_RUNTIME_DIR: this.directory.at('run'), TMPDIR: this.directory.at('tmp') };
  }
}

export class SpawnedServer {
  readonly child: ChildProcess;
  /** Resolves when the process has ended and all that it said was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  out = '';
  err = '';
  port = 0;
  readonly #discard = (): void => this.discard();

  constructor(
    command: readonly string[],
    options: { readonly cwd: string; readonly env: Record<string, string> },
  ) {
    // A process group of its own, so that its workers can be found when it is gone.
    this.child = spawn(command[0]!, command.slice(1), {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
    process.on('exit', this.#discard);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits for the banner. Returns the port. */
  async ready(): Promise<number> {
    const ask = (): number | undefined => {
      const [, port] = /^ +Local +http:\/\/[^/]*:(\d+)\/$/m.exec(this.out) ?? [];
      return port === undefined ? undefined : Number(port);
    };
    this.port = await eventually(ask, () => `the banner; there is:\n${this.out}${this.err}`);
    return this.port;
  }

  /** Waits until it has said something on standard output. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => pattern.exec(this.out) ?? undefined,
      () => `output like ${pattern}; there is:\n${this.out}${this.err}`,
    );
  }

  /** Waits until it has said something on standard error. */
  reported(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => pattern.exec(this.err) ?? undefined,
      () => `a report like ${pattern}; there is:\n${this.err}`,
    );
  }

  /** True while the server or one of its processes runs. */
  get isAlive(): boolean {
    return this.#signalAll(0);
  }

  discard(): void {
    this.#signalAll('SIGKILL');
    process.off('exit', this.#discard);
  }

  #signalAll(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-this.pid, signal);
    } catch (error) {
      if (systemCode(error) === 'ESRCH') return false;
      throw error;
    }
  }
}
