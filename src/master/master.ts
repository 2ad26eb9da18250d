/**
 * The master: listeners, dispatch, workers, statistics, and what signals ask for. It reads no byte of a
 * request and runs no code that answers one.
 *
 *     start ──► serving ◄──reload──┐
 *                  └───────────────┘
 *               serving ──stop──► draining ──► ended
 */
import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { type KeyPairMistake, readKeyPair } from '../config/certificate.js';
import type { LoadedSettings } from '../config/load.js';
import { formatMistake } from '../config/mistake.js';
import { diffSettings } from '../config/print.js';
import type { Settings } from '../config/settings.js';
import { socketPathOf } from '../config/socket-path.js';
import { rowOf } from '../config/table.js';
import { EXIT, type ExitCode, HandoverError, messageOf } from '../errors.js';
import type { Scoreboard } from '../stats/scoreboard.js';
import { StatsWriter, statsPaths } from '../stats/writer.js';
import type { ListenAddress, MasterTransport } from '../transport/handover.js';
import type { InheritedSocket } from './activation.js';
import { Balancer } from './balancer.js';
import { CacheKeeper } from './cache-keeper.js';
import { Crew, type Generation } from './crew.js';
import { capacityPerWorker, descriptorLimit, forConnections } from './descriptors.js';
import { Dispatcher } from './dispatcher.js';
import { restartNotes, settingsAfter } from './kept-settings.js';
import { writePidFile } from './pid-file.js';
import {
  addressFor,
  leaveAddresses,
  leavePlace,
  type Place,
  refuseOthersStatistics,
  takePlace,
} from './place.js';
import { Statistics } from './statistics.js';
import { TokenService } from './token-service.js';
import { chooseTransport } from './transport-choice.js';

export interface MasterOptions {
  readonly settings: Settings;
  readonly version: string;
  /** Sockets to listen on instead of the address in the settings. */
  readonly inherited: readonly InheritedSocket[];
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
  /** Why it is not the native one, which was preferred; undefined when it is, or was not. */
  readonly fallback: string | undefined;
  readonly pidFile: string;
  readonly statsFile: string;
}

/** How fast SIGINT is: enough for workers to put their counts on record and flush their logs. */
const FAST_STOP_MS = 0;

/** As OpenSSL wants them: a name and two keys of 16 bytes each. */
const TICKET_KEYS_BYTES = 48;

export class Master {
  readonly #options: MasterOptions;
  readonly #board: Scoreboard;
  readonly #transport: MasterTransport;
  /** Why the transport is not the one that is preferred. */
  readonly #fallback: string | undefined;
  readonly #statistics: Statistics;
  readonly #crew: Crew;
  readonly #dispatcher: Dispatcher;
  readonly #balancer: Balancer;
  readonly #cache: CacheKeeper;
  readonly #descriptorLimit = descriptorLimit();
  #settings: Settings;
  #place: Place | undefined;
  #writer: StatsWriter | undefined;
  #reloads = 0;
  #reloadsFailed = 0;
  /** Settles when no start or reload is under way. */
  #changing: Promise<unknown> = Promise.resolve();
  #ending: 'no' | 'graceful' | 'fast' = 'no';

  /** @throws HandoverError when the transport that was asked for cannot be had */
  constructor(options: MasterOptions) {
    const { report } = options;
    const { transport, board, fallback } = chooseTransport(options.settings);
    this.#options = options;
    this.#settings = options.settings;
    this.#transport = transport;
    this.#board = board;
    this.#fallback = fallback;
    this.#statistics = new Statistics(this.#board);
    this.#crew = new Crew({
      board: this.#board,
      transport: this.#transport,
      report,
      onGone: (worker, untaken) => {
        this.#statistics.retire(worker.slot);
        this.#dispatcher.receiveAgain(untaken);
      },
      onUntaken: (connection) => this.#dispatcher.receiveAgain([connection]),
      onRoom: () => this.#dispatcher.pump(),
      onBootFailure: (error) => void this.#fail(error),
    });
    this.#dispatcher = new Dispatcher({
      maxWaiting: () => this.#settings.maxQueueSize,
      capacity: () => this.#capacity(),
      ready: () => this.#crew.ready,
      all: () => this.#crew.all,
      inFlight: () => this.#crew.inFlight,
      maxHeld: () => this.#maxHeld(),
      holdBack: (hold) => this.#transport.holdBack(hold),
      onRefused: (bytes) => this.#statistics.refused(bytes),
      report,
    });
    this.#balancer = new Balancer(() => this.#crew.ready);
    this.#cache = new CacheKeeper(report);
    this.#transport.onConnection((connection) => {
      if (!connection.returned) this.#statistics.accepted();
      this.#dispatcher.receive(connection);
    });
    this.#transport.onTrouble(report);
  }

  /**
   * Binds, starts the workers, and resolves when they are ready; to undefined when the server was told to
   * stop before that. Rejects with the system's error when the address cannot be bound, with HandoverError
   * for everything else; then nothing is left behind.
   */
  start(): Promise<Started | undefined> {
    const started = this.#start();
    this.#changing = started.catch(() => undefined);
    return started;
  }

  /** Starts one more worker, or lets the last one go; its connections are handed over. */
  async resize(by: 1 | -1): Promise<void> {
    // Not while a reload puts others in their places.
    const resized = this.#changing.then(() => this.#resize(by));
    this.#changing = resized;
    await resized;
  }

  /** Connections that all workers together may hold, as far as descriptors go round. */
  get maxConnections(): number {
    return this.#capacity() * this.#numWorkers;
  }

  /** Reads the settings again and goes over to them; what is wrong with them changes nothing. */
  async reload(): Promise<void> {
    // One after another: each reload compares with what the one before it has made.
    const reloaded = this.#changing.then(async () => {
      if (this.#ending !== 'no') return;
      try {
        if (await this.#reload()) this.#reloads++;
        else this.#reloadsFailed++;
      } catch (error) {
        if (this.#ending !== 'no') return;
        this.#reloadsFailed++;
        this.#options.report(`reload failed, going on as before: ${messageOf(error)}`);
      }
      // `handover reload` waits for it.
      await this.#writer?.write();
    });
    this.#changing = reloaded;
    await reloaded;
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
    this.#dispatcher.end();
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

  /** Workers there are to be: as the settings say, until a signal asks for more or fewer. */
  get #numWorkers(): number {
    return this.#crew.size || this.#settings.numWorkers;
  }

  async #resize(by: 1 | -1): Promise<void> {
    if (this.#ending !== 'no') return;
    const { report } = this.#options;
    try {
      if (by > 0) await this.#crew.grow();
      else if (!this.#crew.shrink(this.#settings.drainTimeoutSeconds * 1000)) {
        report('the last worker stays');
        return;
      }
      report(`${this.#crew.size} workers now`);
    } catch (error) {
      report(`no worker was added: ${messageOf(error)}`);
    }
  }

  #capacity(): number {
    return capacityPerWorker(this.#settings.maxConnections, this.#numWorkers, this.#descriptorLimit);
  }

  /** Connections that this process itself may hold: those on their way, those that wait, those being refused. */
  #maxHeld(): number {
    // Each worker takes a descriptor, and during a reload there are twice as many.
    return Math.max(1, forConnections(this.#descriptorLimit) - 2 * this.#numWorkers);
  }

  async #start(): Promise<Started | undefined> {
    const settings = this.#settings;
    try {
      const place = await takePlace(settings, this.#transport, this.#options.inherited);
      this.#place = place;
      this.#serveTokens(settings);
      // Which of the two is ready first does not matter.
      const caching = this.#cache.serve(settings);
      await this.#crew.replace(generationOf(settings, place, this.#cache.socketFor(settings)));
      await caching;
      // Of two that started at once, the other may have been faster.
      refuseOthersStatistics(place.statsFile);
      await this.#startWriter(settings, place);
      if (this.#ending !== 'no') return undefined;
      const { pidFile, statsFile } = place;
      const { name: transport } = this.#transport;
      const { addresses } = place;
      return { addresses, transport, fallback: this.#fallback, pidFile, statsFile };
    } catch (error) {
      // Whoever told us to end cleans up.
      if (this.#ending !== 'no') return undefined;
      await this.#cleanUp();
      throw error;
    }
  }

  /** False when the new settings were refused; rejects when they cannot be had. Nothing has changed then. */
  async #reload(): Promise<boolean> {
    const { report } = this.#options;
    const { settings: wanted, mistakes } = this.#options.reload();
    if (mistakes.length > 0) {
      for (const mistake of mistakes) report(formatMistake(mistake));
      report('reload refused, going on with the old settings');
      return false;
    }
    const before = this.#settings;
    const settings = settingsAfter(before, wanted, this.#crew.tokens);
    // What is known of jobs is of a time when they were on, and perhaps elsewhere.
    if (before.jobsDir === '') this.#crew.jobs.forget();
    const from = this.#place!;
    const to = await takePlace(settings, this.#transport, this.#options.inherited, from);
    const { tokens } = this.#crew;
    let replaced: Awaited<ReturnType<Crew['replace']>>;
    try {
      this.#serveTokens(settings);
      replaced = await this.#crew.replace(generationOf(settings, to, this.#cache.socketFor(settings)));
    } catch (error) {
      if (tokens === undefined) this.#crew.tokens?.close();
      this.#crew.tokens = tokens;
      leavePlace(to, this.#transport, from);
      throw error;
    }
    this.#settings = settings;
    this.#place = to;
    await this.#cache.serve(settings);
    this.#crew.drain(replaced, 'hand-back', settings.drainTimeoutSeconds * 1000);
    // Connections to an address that is given up go to the new workers no more.
    leaveAddresses(from, this.#transport, to);
    try {
      await this.#moveStatistics(before, from, to);
    } catch (error) {
      report(`after the reload: ${messageOf(error)}`);
    }
    leavePlace(from, this.#transport, to);
    for (const note of restartNotes(before, settings, wanted)) report(note);
    const changes = diffSettings(before, settings);
    report(
      `reloaded: ${settings.numWorkers} new workers, ${replaced.length} old ones hand over; ` +
        (changes.length === 0 ? 'no setting changed' : changes.join('; ')),
    );
    return true;
  }

  /** Tokens go on over reloads: old workers and new ones share one arbiter. @throws HandoverError */
  #serveTokens({ writable, documentRoot, tokenTtlSeconds }: Settings): void {
    if (writable.length === 0 || this.#crew.tokens !== undefined) return;
    const { report } = this.#options;
    this.#crew.tokens = new TokenService({ documentRoot, ttlMs: tokenTtlSeconds * 1000, report });
  }

  async #moveStatistics(before: Settings, from: Place, to: Place): Promise<void> {
    const moved = to.statsFile !== from.statsFile;
    if (!moved && this.#settings.statsIntervalMs === before.statsIntervalMs) return;
    await this.#writer?.close();
    await this.#startWriter(this.#settings, to);
    if (moved) writePidFile(to.pidFile, statsPaths(to.statsFile).json);
  }

  async #startWriter(settings: Settings, { statsFile }: Place): Promise<void> {
    this.#writer = new StatsWriter({
      statFile: statsFile,
      intervalMs: settings.statsIntervalMs,
      snapshot: () =>
        this.#statistics.snapshot({
          version: this.#options.version,
          transport: this.#transport.name,
          reloads: this.#reloads,
          reloadsFailed: this.#reloadsFailed,
          draining: this.#ending !== 'no',
          addresses: this.#place!.addresses.map(urlOf),
          waiting: this.#dispatcher.waiting,
          maxConnections: this.maxConnections,
          cacheMaxBytes: cacheMbOf(this.#settings) * 1024 * 1024 * this.#numWorkers,
          threadsPerWorker: this.#settings.threadsPerWorker,
          intervalMs: this.#settings.statsIntervalMs,
          workers: this.#crew.all,
          restartsOf: (place) => this.#crew.restartsOf(place),
          jobs: this.#settings.jobsDir === '' ? undefined : this.#crew.jobs.statuses(),
        }),
      report: this.#options.report,
    });
    await this.#writer.start();
  }

  /** No worker serves, and none can boot: the server ends with the reason instead of trying for ever. */
  async #fail(error: HandoverError): Promise<void> {
    if (this.#ending !== 'no') return;
    this.#ending = 'graceful';
    this.#options.report(error.message);
    this.#transport.unlisten();
    this.#dispatcher.end();
    await this.#crew.stop(this.#settings.drainTimeoutSeconds * 1000);
    await this.#end(error.exitCode);
  }

  async #end(code: ExitCode): Promise<void> {
    await this.#changing;
    await this.#writer?.close();
    await this.#cleanUp();
    this.#options.onEnd(code);
  }

  async #cleanUp(): Promise<void> {
    this.#transport.unlisten();
    this.#dispatcher.close();
    this.#balancer.close();
    await this.#crew.stop(FAST_STOP_MS);
    await this.#cache.stop();
    this.#crew.tokens?.close();
    if (this.#place !== undefined) leavePlace(this.#place, this.#transport);
    this.#transport.close();
    this.#board.close();
  }
}

/**
 * What the workers are started with. The certificate is read once for all of them, and for those that take
 * the place of one that died: a file that is being renewed is nobody's trouble before the next reload.
 *
 * @throws HandoverError when it cannot be used
 */
function generationOf(settings: Settings, place: Place, cacheSocket: string | undefined): Generation {
  const { statsFile } = place;
  const secureAddress = addressFor('https', place);
  if (secureAddress === undefined) return { settings, statsFile, tls: undefined, cacheSocket };
  const pair = readKeyPair(settings);
  if ('mistakes' in pair) {
    const [{ name, message }] = pair.mistakes as readonly [KeyPairMistake];
    throw new HandoverError('TLS', `${rowOf(name).key}: ${settings[name]}: ${message}`, EXIT.cannotRead);
  }
  const ticketKeys = randomBytes(TICKET_KEYS_BYTES).toString('base64');
  return { settings, statsFile, tls: { ...pair, ticketKeys, port: secureAddress.port }, cacheSocket };
}

/** Of one worker: for files, and for what a proxy stores. */
function cacheMbOf({ cacheSizeMb, proxy, proxyCacheMb }: Settings): number {
  return cacheSizeMb + (proxy.length === 0 ? 0 : proxyCacheMb);
}

function urlOf({ host, port, protocol = 'http' }: ListenAddress): string {
  if (socketPathOf(host) !== undefined) return host;
  return `${protocol}://${isIPv6(host) ? `[${host}]` : host}:${port}/`;
}
