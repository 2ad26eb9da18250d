/**
 * The real server for one test file: booted as a user boots it, over a directory made for it, and checked
 * when it is stopped: that it ended well, and that nothing is left of it.
 *
 *     const server = await TestServer.start({ settings: { NUM_WORKERS: '1' } });   // in before
 *     server.site.file('a.txt', 'hello');
 *     expect((await server.get('/a.txt')).text).to.equal('hello');
 *     await server.stop();                                                         // in after
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { StatsDocument } from '../../src/stats/schema.js';
import { TestDirectory } from './directory.js';
import { eventually, within } from './eventually.js';
import { leftoversOf, signalGroup } from './leftovers.js';
import { isBusy } from './proc.js';
import { RawClient, type SecureOptions } from './raw-client.js';
import type { RawResponse } from './raw-response.js';
import { SiteTree } from './site-tree.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** Keys of server.conf; a list where a key is repeated. */
export type ConfSettings = Readonly<Record<string, string | readonly string[]>>;

export interface ServerOptions {
  /** Over the defaults of a test: see DEFAULTS. As a function, where they name files of the site. */
  readonly settings?: ConfSettings | ((site: SiteTree) => ConfSettings);
  /** Further arguments of the command. */
  readonly args?: readonly string[];
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that starts the server with other limits, such as `prlimit --nofile=96`. */
  readonly prefix?: readonly string[];
  /** Listening descriptors of this process that the server is started with, as systemd does it. */
  readonly inherited?: readonly number[];
  /** True when the test kills workers; otherwise one that dies fails `stop`. */
  readonly mayLoseWorkers?: boolean;
}

/** How connections reach the workers in these tests: the suite is run once for each (package.json). */
export const TRANSPORT: 'native' | 'portable' =
  process.env.HANDOVER_TEST_TRANSPORT === 'portable' ? 'portable' : 'native';

/**
 * Two workers, so that nothing works by chance in one process only; statistics that are soon there, and do not take the
 * machine from what is tested; time to drain that is enough on a busy one, too.
 */
const DEFAULTS: ConfSettings = {
  TRANSPORT,
  HOST: '127.0.0.1',
  PORT: '0',
  NUM_WORKERS: '2',
  THREADS_PER_WORKER: '2',
  STATS_INTERVAL_MS: '40',
  DRAIN_TIMEOUT_SECONDS: '20',
};

/** Statistics in a row that are alike: a worker may miss its turn while the master has one, but not so often. */
const STANDS_AFTER = 3;

const running = new Set<ChildProcess>();
// Whatever becomes of the tests, no server outlives them.
process.on('exit', () => {
  for (const child of running) signalGroup(child.pid!, 'SIGKILL');
});

export class TestServer {
  /** What is served, and a directory beside it that must never be. */
  readonly site = new SiteTree();
  /** Everything else of this server: `server.conf`, `access.log`, `run/` and `tmp/` for its run-time files. */
  readonly directory = new TestDirectory({ 'run/': '', 'tmp/': '' });
  readonly #options: ServerOptions;
  #settings: ConfSettings;
  #child: ChildProcess | undefined;
  /** Resolves when all that the server has said was read. */
  #closed: Promise<unknown> = Promise.resolve();
  #out = '';
  #err = '';
  port = 0;
  /** `''` when there is none. */
  socketPath = '';
  /** 0 when TLS is off. */
  securePort = 0;
  /** Where GetFile is spoken; 0 when it is off. */
  getfilePort = 0;
  /** Where parts of jobs come in without HTTP; 0 when it is off. */
  jobsPort = 0;

  private constructor(options: ServerOptions) {
    const { settings } = options;
    this.#options = options;
    this.#settings = {
      ...DEFAULTS,
      DOCUMENT_ROOT: this.site.root,
      LOG_FILE: this.directory.at('access.log'),
      ...(typeof settings === 'function' ? settings(this.site) : settings),
    };
  }

  /** Boots; resolves when the server says that it is ready. */
  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(options);
    try {
      await server.#boot();
      return server;
    } catch (error) {
      server.#discard();
      throw error;
    }
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Process id of the master. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** What the server said on standard output so far: the banner. */
  get banner(): string {
    return this.#out;
  }

  /** What the server reported on standard error so far. */
  get reports(): string {
    return this.#err;
  }

  /** Waits until the server has reported something. */
  reported(pattern: RegExp): Promise<RegExpExecArray> {
    const ask = (): RegExpExecArray | undefined => pattern.exec(this.#err) ?? undefined;
    return eventually(ask, () => `a report like ${pattern}; there is:\n${this.#err}`);
  }

  /** Writes the settings anew, for a reload. */
  configure(settings: ConfSettings): void {
    this.#settings = { ...this.#settings, ...settings };
    const lines = Object.entries(this.#settings).flatMap(([key, value]) =>
      [value].flat().map((text) => `${key}=${text}\n`),
    );
    this.directory.write('server.conf', lines.join(''));
  }

  /** Reloads, with these settings changed, and waits until only new workers are left. */
  async reload(settings: ConfSettings = {}): Promise<void> {
    const old = this.workerPids();
    const { reloads } = this.stats();
    this.configure(settings);
    this.signal('SIGHUP');
    await this.statsWhen(
      (stats) => stats.reloads > reloads && stats.workers.every(({ pid }) => !old.includes(pid)),
      'only new workers',
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child!.kill(name);
  }

  /** The statistics as last written. */
  stats(): StatsDocument {
    const name = this.port === 0 ? `unix:${this.socketPath.replaceAll('/', '%2F')}` : this.port;
    const pidFile = this.#settings.PID_FILE ?? this.directory.at(`run/handover/${name}.pid`);
    const path = readFileSync(String(pidFile), 'utf8').split('\n')[1]!;
    return JSON.parse(readFileSync(path, 'utf8')) as StatsDocument;
  }

  /** Waits for statistics, written from now on, that are as the test needs them. Each is looked at once. */
  statsWhen(holds: (stats: StatsDocument) => boolean, what: string): Promise<StatsDocument> {
    let since = new Date().toISOString();
    const ask = (): StatsDocument | undefined => {
      const stats = this.stats();
      if (stats.time <= since) return undefined;
      since = stats.time;
      return holds(stats) ? stats : undefined;
    };
    return eventually(ask, () => `${what}; the statistics say ${JSON.stringify(this.stats())}`);
  }

  /** The statistics once no connection is open: nothing changes them any more. */
  settled(): Promise<StatsDocument> {
    return this.statsWhen(({ connections }) => connections.active + connections.waiting === 0, 'all closed');
  }

  /**
   * The statistics once nothing moves: whatever clients do not read has filled all buffers, and no worker has anything to
   * do for which it only had no time yet.
   */
  standing(): Promise<StatsDocument> {
    let last = '';
    let alike = 0;
    return this.statsWhen(({ bytes, requests, workers }) => {
      const now = JSON.stringify([bytes.sent, bytes.received, requests.total]);
      alike = now === last && !workers.some(({ pid }) => isBusy(pid)) ? alike + 1 : 0;
      last = now;
      return alike === STANDS_AFTER;
    }, 'everything stands');
  }

  workerPids(): number[] {
    return this.stats().workers.map(({ pid }) => pid);
  }

  /** Waits until the access log has this many lines, and returns them. */
  logLines(count: number): Promise<string[]> {
    const read = (): string[] =>
      readFileSync(String(this.#settings.LOG_FILE), 'latin1').split('\n').slice(0, -1);
    const ask = (): string[] | undefined => (read().length >= count ? read() : undefined);
    return eventually(ask, () => `${count} lines in the access log; there are ${read().length}`);
  }

  connect(): Promise<RawClient> {
    return RawClient.open(this.port || this.socketPath);
  }

  /** HTTP/1.1 over TLS. */
  connectSecure(options?: SecureOptions): Promise<RawClient> {
    return RawClient.openSecure(this.securePort, options);
  }

  /** GET on a connection of its own, which must end with the response. `target` goes out as it is, latin1. */
  get(target: string, fields: Readonly<Record<string, string>> = {}): Promise<RawResponse> {
    return this.request('GET', target, fields);
  }

  async request(
    method: string,
    target: string,
    fields: Readonly<Record<string, string>> = {},
    body = '',
  ): Promise<RawResponse> {
    const client = await this.connect();
    try {
      const lines = Object.entries({ Host: 'test', Connection: 'close', ...fields });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      const response = await client.exchange(`${method} ${target} HTTP/1.1\r\n${head}\r\n${body}`, method);
      await client.closed();
      return response;
    } finally {
      client.destroy();
    }
  }

  /**
   * Asks the server to end, and throws unless it did so in order and left nothing behind. `look` is called
   * when it has ended, and its files are still there.
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', look: () => void = () => undefined): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    try {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill(signal);
      if (exited !== undefined) await within(exited, () => `the end of the server:\n${this.#err}`);
      look();
      // Whoever is left of it may speak on, and is told of below.
      if (!signalGroup(child.pid!, 0)) await within(this.#closed, () => `its last words:\n${this.#err}`);
      const left = leftoversOf(child, this.directory, this.#err, this.#options.mayLoseWorkers === true);
      if (left.length > 0) throw new Error(`${left.join('\n')}\nThe server said:\n${this.#out}${this.#err}`);
    } finally {
      this.#discard();
    }
  }

  /** Starts it again after it was killed, where it was. */
  async restart(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    running.delete(child);
    this.#out = '';
    this.#settings = { ...this.#settings, PORT: String(this.port) };
    await this.#boot();
  }

  async #boot(): Promise<void> {
    this.configure({});
    const { args = [], env = {}, prefix = [], inherited = [] } = this.#options;
    const coverage = process.env.NODE_V8_COVERAGE;
    const command = [
      ...prefix,
      // The id of the process is known only to itself.
      ...(inherited.length === 0 ? [] : ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh']),
      process.execPath,
      MAIN,
      '--config',
      this.directory.at('server.conf'),
      ...args,
    ];
    const child = spawn(command[0]!, command.slice(1), {
      cwd: this.directory.path,
      env: {
        PATH: process.env.PATH ?? '',
        XDG_RUNTIME_DIR: this.directory.at('run'),
        TMPDIR: this.directory.at('tmp'),
        ...(coverage !== undefined && { NODE_V8_COVERAGE: coverage }),
        ...(inherited.length > 0 && { LISTEN_FDS: String(inherited.length) }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', ...inherited],
      // A process group of its own, so that whatever is left of the server can be found.
      detached: true,
    });
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    running.add(child);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text;
    });
    const ready = new Promise<number>((resolve, reject) => {
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        this.#out += text;
        const [, securePort] = /^ +Local +https:\/\/[^/]*:(\d+)\/$/m.exec(this.#out) ?? [];
        if (securePort !== undefined) this.securePort = Number(securePort);
        const [, getfilePort] = /^ +GetFile +[^\n]*:(\d+)$/m.exec(this.#out) ?? [];
        if (getfilePort !== undefined) this.getfilePort = Number(getfilePort);
        const [, jobsPort] = /^ +Jobs +[^\n]*:(\d+)$/m.exec(this.#out) ?? [];
        if (jobsPort !== undefined) this.jobsPort = Number(jobsPort);
        const [, path] = /^ +Local +unix:(.+)$/m.exec(this.#out) ?? [];
        if (path !== undefined) this.socketPath = path;
        const [, port] = /^ +Local +http:\/\/[^/]*:(\d+)\/$/m.exec(this.#out) ?? [];
        if (port !== undefined) resolve(Number(port));
        else if (path !== undefined) resolve(0);
      });
      child.once('close', (code) =>
        reject(new Error(`the server ended with ${code}: ${this.#out}${this.#err}`)),
      );
    });
    this.port = await within(ready, () => `the banner; there is:\n${this.#out}${this.#err}`);
  }

  #discard(): void {
    const child = this.#child;
    if (child?.pid !== undefined) {
      signalGroup(child.pid, 'SIGKILL');
      running.delete(child);
    }
    this.#child = undefined;
    this.site.remove();
    this.directory.remove();
  }
}
