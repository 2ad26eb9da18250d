/**
 * The master: listeners, dispatch, workers, statistics, and what signals ask for. It reads no byte of a
 * request and runs no code that answers one.
 *
 *     start ──► serving ◄──reload──┐
 *                  └───────────────┘
 *               serving ──stop──► draining ──► ended
 */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LoadedSettings } from '../config/load.js';
import { formatMistake } from '../config/mistake.js';
import { diffSettings } from '../config/print.js';
import type { Settings } from '../config/settings.js';
import { EXIT, type ExitCode, type HandoverError, messageOf } from '../errors.js';
import { Scoreboard } from '../stats/scoreboard.js';
import { StatsWriter, statsPaths } from '../stats/writer.js';
import type { ListenAddress, MasterTransport } from '../transport/handover.js';
import { PortableMasterTransport } from '../transport/portable/master-side.js';
import { Crew } from './crew.js';
import { capacityPerWorker, descriptorLimit } from './descriptors.js';
import { Dispatcher } from './dispatcher.js';
import { defaultPidFile, removePidFile, writePidFile } from './pid-file.js';
import { runtimeDir } from './runtime-dir.js';
import { Statistics } from './statistics.js';

export interface MasterOptions {
  readonly settings: Settings;
  readonly version: string;
  /** Reads the settings again: for a reload. */
  readonly reload: () => LoadedSettings;
  /** One line for the server's own log. */
  readonly report: (text: string) => void;
  /** The server has ended; everything of it is cleaned up. */
  readonly onEnd: (code: ExitCode) => void;
}

export interface Started {
  readonly addresses: readonly ListenAddress[];
  readonly transport: MasterTransport['name'];
  readonly pidFile: string;
  readonly statsFile: string;
}

/** How fast SIGINT is: enough for workers to put their counts on record and flush their logs. */
const FAST_STOP_MS = 0;

export class Master {
  readonly #options: MasterOptions;
  readonly #board: Scoreboard;
  readonly #transport: MasterTransport = new PortableMasterTransport();
  readonly #statistics: Statistics;
  readonly #crew: Crew;
  readonly #dispatcher: Dispatcher;
  readonly #descriptorLimit = descriptorLimit();
  #settings: Settings;
  #address: ListenAddress = { host: '', port: 0 };
  #statsFile = '';
  #pidFile = '';
  #writer: StatsWriter | undefined;
  #reloads = 0;
  #reloading: Promise<void> = Promise.resolve();
  #ending: 'no' | 'graceful' | 'fast' = 'no';

  constructor(options: MasterOptions) {
    const { report } = options;
    this.#options = options;
    this.#settings = options.settings;
    this.#board = Scoreboard.create();
    this.#statistics = new Statistics(this.#board);
    this.#crew = new Crew({
      board: this.#board,
      transport: this.#transport,
      report,
      onGone: (worker, untaken) => {
        this.#statistics.retire(worker.slot);
        this.#dispatcher.receiveAgain(untaken);
      },
      onReady: () => this.#dispatcher.pump(),
      onBootFailure: (error) => void this.#fail(error),
    });
    this.#dispatcher = new Dispatcher({
      maxWaiting: () => this.#settings.maxQueueSize,
      capacity: () => this.#capacity(),
      ready: () => this.#crew.ready,
      all: () => this.#crew.all,
      onRefused: (bytes) => this.#statistics.refused(bytes),
    });
    this.#transport.onConnection((connection) => {
      if (!connection.returned) this.#statistics.accepted();
      this.#dispatcher.receive(connection);
    });
    this.#transport.onTrouble(report);
  }

  /**
   * Binds, starts the workers, and resolves when they are ready. Rejects with the system's error when the
   * address cannot be bound, with HandoverError for everything else; then nothing is left behind.
   */
  async start(): Promise<Started> {
    const settings = this.#settings;
    try {
      this.#address = await this.#transport.listen({ host: settings.host, port: settings.port });
      this.#statsFile = this.#statsFileOf(settings);
      this.#claimPidFile(settings);
      await this.#crew.replace({ settings, statsFile: this.#statsFile });
    } catch (error) {
      await this.#cleanUp();
      throw error;
    }
    await this.#startWriter(settings);
    return {
      addresses: [this.#address],
      transport: this.#transport.name,
      pidFile: this.#pidFile,
      statsFile: this.#statsFile,
    };
  }

  /** Connections that all workers together may hold, as far as descriptors go round. */
  get maxConnections(): number {
    return this.#capacity() * this.#settings.numWorkers;
  }

  /** Reads the settings again and goes over to them; what is wrong with them changes nothing. */
  reload(): Promise<void> {
    // One after another: each reload compares with what the one before it has made.
    this.#reloading = this.#reloading.then(async () => {
      if (this.#ending !== 'no') return;
      try {
        await this.#reload();
      } catch (error) {
        this.#options.report(`reload failed, going on as before: ${messageOf(error)}`);
      }
    });
    return this.#reloading;
  }

  /** Ends the server: gracefully, or fast, which may also cut short a graceful end that is under way. */
  async stop(how: 'graceful' | 'fast'): Promise<void> {
    if (this.#ending === how || this.#ending === 'fast') return;
    const isFirst = this.#ending === 'no';
    this.#ending = how;
    const timeoutMs = how === 'fast' ? FAST_STOP_MS : this.#settings.drainTimeoutSeconds * 1000;
    const { report } = this.#options;
    report(how === 'fast' ? 'stopping at once' : `stopping: responses in flight have ${timeoutMs / 1000} s`);
    this.#transport.unlisten();
    this.#dispatcher.pump();
    this.#dispatcher.refuseAll();
    const stopped = this.#crew.stop(timeoutMs);
    if (isFirst) {
      await stopped;
      await this.#end(EXIT.ok);
    }
  }

  /** For logrotate: every worker opens its log anew. */
  reopenLogs(): void {
    this.#crew.reopenLogs();
    this.#options.report('logs reopened');
  }

  #capacity(): number {
    const { maxConnections, numWorkers } = this.#settings;
    return capacityPerWorker(maxConnections, numWorkers, this.#descriptorLimit);
  }

  async #reload(): Promise<void> {
    const { report } = this.#options;
    const { settings, mistakes } = this.#options.reload();
    if (mistakes.length > 0) {
      for (const mistake of mistakes) report(formatMistake(mistake));
      report('reload refused, going on with the old settings');
      return;
    }
    const before = this.#settings;
    const changes = diffSettings(before, settings);
    const moved = settings.host !== before.host || settings.port !== before.port;
    const from = this.#address;
    const to = moved ? await this.#transport.listen({ host: settings.host, port: settings.port }) : from;
    const statsFile = settings.statsFile === before.statsFile ? this.#statsFile : this.#statsFileOf(settings);
    let replaced: Awaited<ReturnType<Crew['replace']>>;
    try {
      replaced = await this.#crew.replace({ settings, statsFile });
    } catch (error) {
      if (moved) this.#transport.unlisten(to);
      throw error;
    }
    if (moved) this.#transport.unlisten(from);
    this.#address = to;
    this.#settings = settings;
    this.#reloads++;
    this.#crew.drain(replaced, 'hand-back', settings.drainTimeoutSeconds * 1000);
    await this.#moveFiles(before, settings, statsFile);
    report(
      `reloaded: ${settings.numWorkers} new workers, ${replaced.length} old ones hand over; ` +
        (changes.length === 0 ? 'no setting changed' : changes.join('; ')),
    );
  }

  /** Statistics and pid file follow settings that name other places for them. */
  async #moveFiles(before: Settings, settings: Settings, statsFile: string): Promise<void> {
    if (statsFile !== this.#statsFile || settings.statsIntervalMs !== before.statsIntervalMs) {
      await this.#writer?.close();
      this.#statsFile = statsFile;
      await this.#startWriter(settings);
    }
    if (settings.pidFile !== before.pidFile || settings.statsFile !== before.statsFile) {
      const old = this.#pidFile;
      this.#claimPidFile(settings);
      if (old !== this.#pidFile) removePidFile(old);
    }
  }

  #claimPidFile(settings: Settings): void {
    const path = settings.pidFile === '' ? defaultPidFile(this.#address.port) : settings.pidFile;
    writePidFile(path, statsPaths(this.#statsFile).json);
    this.#pidFile = path;
  }

  /** Where the statistics go: as set, or into a directory of this server's own. */
  #statsFileOf(settings: Settings): string {
    if (settings.statsFile !== '') return settings.statsFile;
    const directory = join(runtimeDir(), `${this.#address.port}-stats`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return join(directory, 'statFile.txt');
  }

  async #startWriter(settings: Settings): Promise<void> {
    this.#writer = new StatsWriter({
      statFile: this.#statsFile,
      intervalMs: settings.statsIntervalMs,
      snapshot: () =>
        this.#statistics.snapshot({
          version: this.#options.version,
          transport: this.#transport.name,
          reloads: this.#reloads,
          draining: this.#ending !== 'no',
          waiting: this.#dispatcher.waiting,
          maxConnections: this.maxConnections,
          cacheMaxBytes: this.#settings.cacheSizeMb * 1024 * 1024 * this.#settings.numWorkers,
          threadsPerWorker: this.#settings.threadsPerWorker,
          intervalMs: this.#settings.statsIntervalMs,
          workers: this.#crew.all,
          restartsOf: (place) => this.#crew.restartsOf(place),
        }),
      report: this.#options.report,
    });
    await this.#writer.start();
  }

  /** A worker cannot boot any more: the server ends with the reason instead of trying for ever. */
  async #fail(error: HandoverError): Promise<void> {
    if (this.#ending !== 'no') return;
    this.#ending = 'graceful';
    this.#options.report(error.message);
    this.#transport.unlisten();
    this.#dispatcher.refuseAll();
    await this.#crew.stop(this.#settings.drainTimeoutSeconds * 1000);
    await this.#end(error.exitCode);
  }

  async #end(code: ExitCode): Promise<void> {
    await this.#writer?.close();
    await this.#cleanUp();
    this.#options.onEnd(code);
  }

  async #cleanUp(): Promise<void> {
    this.#transport.unlisten();
    this.#dispatcher.close();
    await this.#crew.stop(FAST_STOP_MS);
    if (this.#pidFile !== '') removePidFile(this.#pidFile);
    // A directory that was made for these files goes with them; one that the user named stays as it is.
    if (this.#settings.statsFile === '' && this.#statsFile !== '') {
      rmSync(dirname(this.#statsFile), { recursive: true, force: true });
    }
    this.#board.close();
  }
}
