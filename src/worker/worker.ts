/**
 * A worker: sessions on the connections it was handed, the static handler that answers them, and the
 * counters. Owns its event loop's timers and nothing of other processes; how it talks to the master is
 * `entry.ts`'s business.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import { StaticHandler } from '../files/handler.js';
import { Monitoring } from '../files/monitoring.js';
import { PoolTasks } from '../files/pool-tasks.js';
import { ResourceMaker } from '../files/resource.js';
import { ResponseRules } from '../files/response-rules.js';
import { ResourceStore } from '../files/store.js';
import { fromSite } from '../getfile/site.js';
import { Clock } from '../http/clock.js';
import type { Forwarder } from '../http/forwarded.js';
import { httpsRedirect } from '../http/https-redirect.js';
import type { WorkerJobs } from '../jobs/worker-jobs.js';
import type { TlsIdentity } from '../master/protocol.js';
import type { ProxyOptions, ReverseProxy } from '../proxy/reverse-proxy.js';
import { FIELD } from '../stats/schema.js';
import type { SlotWriter } from '../stats/scoreboard.js';
import type { Connection, DrainMode, Protocol, WorkerTransport } from '../transport/connection.js';
import { FilePump } from '../transport/file-pump.js';
import { SecureConnection, type SecureServices } from '../transport/secure/secure-connection.js';
import { AccessLog } from './access-log.js';
import { Bag } from './bag.js';
import { transportCounters, upstreamCounters } from './counters.js';
import { Deadlines } from './deadlines.js';
import { ExchangeRecorder } from './exchange.js';
import { Gauges } from './gauges.js';
import { GetFileSession } from './getfile-session.js';
import { Http2Session } from './http2-session.js';
import { JobsSession, type JobsSessionContext } from './jobs-session.js';
import { HttpSession } from './session.js';
import type { Session, SessionContext, SessionLimits } from './session-context.js';
import { TlsAcceptor } from './tls-acceptor.js';
import { withheldFiles } from './withheld.js';
import type { WorkerWriting } from './writing.js';

export interface WorkerOptions {
  /** Its place among all, from 1. */
  readonly place: number;
  readonly settings: Settings;
  readonly statsFile: string;
  readonly tls?: TlsIdentity | undefined;
  readonly slot: SlotWriter;
  readonly transport: WorkerTransport;
  /** Socket of the cache process; undefined when there is none. */
  readonly cacheSocket?: string | undefined;
  /** Undefined when nothing is for other servers. */
  readonly newProxy?: ((options: ProxyOptions) => ReverseProxy) | undefined;
  /** Undefined when there are no jobs. */
  readonly jobs?: WorkerJobs | undefined;
  /** Undefined when nothing is written. */
  readonly writing?: WorkerWriting | undefined;
  /** Makes the other workers forget what is stored under these keys; true when any had something. Does not reject. */
  readonly tellOthers?: ((keys: readonly string[]) => Promise<boolean>) | undefined;
  /** One line for the server's log. */
  readonly report: (text: string) => void;
}

/** How often gauges (memory, queue lengths, loop delay) are brought up to date. */
const GAUGE_MS = 500;
/** How long connections that were cut, or are on their way back, may take once the time for draining is over. */
const CLOSING_MS = 1500;
/** Lookups that may wait for a pool thread before more are refused with 503. */
const MAX_POOL_QUEUE = 4096;
/** Files as shipped, beside dist/. */
const DASHBOARD_ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../www');

export class Worker {
  readonly #options: WorkerOptions;
  readonly #clock = new Clock(performance.timeOrigin + performance.now(), performance.now());
  readonly #deadlines = new Deadlines(performance.now());
  readonly #sessions = new Bag<Session>((session, place) => {
    session.place = place;
  });
  readonly #log: AccessLog | undefined;
  readonly #tasks: PoolTasks;
  readonly #store: ResourceStore;
  readonly #handler: StaticHandler;
  readonly #monitoring: Monitoring;
  readonly #context: SessionContext;
  readonly #tls: TlsAcceptor | undefined;
  readonly #proxy: ReverseProxy | undefined;
  readonly #gauges: Gauges;
  readonly #timers: NodeJS.Timeout[] = [];
  #drain: DrainMode | undefined;
  #emptied: (() => void) | undefined;

  /** Throws the system's error when the document root cannot be used. */
  constructor(options: WorkerOptions) {
    const { settings, slot, report } = options;
    this.#options = options;
    this.#log = settings.logFile === '' ? undefined : this.#openLog();
    // Throws when there is nothing to serve.
    const root = realpathSync(settings.documentRoot);
    this.#tasks = new PoolTasks({
      rules: {
        ...settings,
        root: settings.documentRoot,
        withheld: withheldFiles(options.statsFile, options.tls !== undefined, settings),
        maxBodyBytes: settings.cacheMaxFileKb * 1024,
      },
      threads: settings.threadsPerWorker,
      maxQueue: MAX_POOL_QUEUE,
      onThreadError: (error) => report(`a pool thread died: ${messageOf(error)}`),
    });
    const rules = new ResponseRules(settings);
    this.#store = new ResourceStore({
      tasks: this.#tasks,
      maker: new ResourceMaker(rules, settings.compress),
      clock: this.#clock,
      maxBytes: settings.cacheSizeMb * 1024 * 1024,
      revalidateMs: settings.cacheRevalidateMs,
      // One thread is kept for look-ups, which are short and which hot files wait for.
      maxCompressions: Math.max(1, settings.threadsPerWorker - 1),
      onEvict: () => slot.add('cacheEvictions', 1),
      coherence: options.writing?.tokens.manager,
      indexFile: settings.indexFiles[0],
      report,
    });
    this.#monitoring = new Monitoring({
      ...settings,
      documentRoot: root,
      statsFile: options.statsFile,
      dashboardRoot: DASHBOARD_ROOT,
    });
    const parts = { store: this.#store, tasks: this.#tasks, rules, clock: this.#clock, report };
    this.#handler = new StaticHandler({ ...parts, ...settings, monitoring: this.#monitoring });
    this.#proxy = options.newProxy?.(this.#proxyOptions());
    this.#gauges = new Gauges({ slot, tasks: this.#tasks, store: this.#store, proxy: this.#proxy });
    this.#context = this.#sessionContext();
    this.#tls = options.tls && this.#tlsAcceptor(options.tls);
  }

  /** Begins to take connections. */
  start(): void {
    const { transport, slot } = this.#options;
    this.#timers.push(setInterval(() => this.#onTick(), this.#deadlines.tickMs));
    this.#timers.push(setInterval(() => this.#updateGauges(), GAUGE_MS));
    this.#updateGauges();
    transport.onBeforeFlush(() => {
      slot.commit();
      if (slot.counters[FIELD.open] === 0) this.#emptied?.();
    });
    const plain = this.#plainContext();
    const getfile = this.#getfileContext();
    const tls = this.#tls;
    const jobs = this.#jobsContext();
    const sessionFor = (
      connection: Connection,
      protocol: Protocol,
    ): HttpSession | GetFileSession | JobsSession => {
      if (protocol === 'getfile') return new GetFileSession(connection, getfile);
      if (protocol === 'jobs' && jobs !== undefined) return new JobsSession(connection, jobs);
      return new HttpSession(connection, plain);
    };
    transport.start(
      (connection, protocol) => this.#keep(sessionFor(connection, protocol)),
      tls && ((socket, peer) => void this.#keep(tls.accept(socket, peer))),
    );
    // Starting threads takes longer than most requests: let nobody wait for that.
    setImmediate(() => this.#tasks.start());
    this.#options.jobs?.start();
  }

  /** Brings every connection to an end; resolves when none is left, at the latest after `timeoutMs`. */
  async drain(mode: DrainMode, timeoutMs: number): Promise<void> {
    const { transport, report } = this.#options;
    this.#drain = mode;
    for (const session of [...this.#sessions]) session.drain(mode);
    await this.#emptiedWithin(timeoutMs);
    // From here on nothing is taken; the master finds it and gives it to others.
    transport.close();
    if (this.#sessions.size > 0 && timeoutMs > 0) {
      report(`${this.#sessions.size} connections were cut after ${timeoutMs / 1000} s of draining`);
    }
    for (const session of [...this.#sessions]) session.destroy();
    // How they ended is counted and logged when their sockets tell of it.
    await this.#emptiedWithin(CLOSING_MS);
  }

  /**
   * Hands connections back, so that others have as much to do: first those that have asked something lately,
   * and, unless only such are wanted, others.
   */
  shed(count: number, onlyActive: boolean): void {
    if (this.#drain !== undefined) return;
    const sessions = [...this.#sessions].filter(isMovable);
    const active = sessions.filter((session) => session.isActive);
    const idle = onlyActive ? [] : sessions.filter((session) => !session.isActive);
    for (const session of [...active, ...idle].slice(0, count)) session.moveOn();
  }

  /** Another worker says that what is stored under these keys has changed. True when something was. */
  forget(keys: readonly string[]): boolean {
    return this.#proxy?.forget(keys) === true;
  }

  reopenLogs(): void {
    this.#log?.reopen();
  }

  /** Puts the last numbers on record and ends everything that would keep the process alive. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#log?.close();
    await this.#tasks.close();
    await this.#proxy?.close();
    await this.#options.jobs?.close();
    await this.#options.writing?.tokens.close();
    this.#updateGauges();
    this.#gauges.close();
  }

  /** Resolves when no connection is left, at the latest after `timeoutMs`. */
  async #emptiedWithin(timeoutMs: number): Promise<void> {
    // Open counts more than sessions: what was just taken and has none yet, what is on its way back.
    if (this.#options.slot.counters[FIELD.open] === 0) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      setTimeout(resolve, timeoutMs);
    });
  }

  #keep<S extends Session>(session: S): S {
    this.#sessions.add(session);
    // Not before it was given the bytes that came with the connection: they would not be handed on.
    if (this.#drain !== undefined) queueMicrotask(() => session.drain(this.#drain!));
    return session;
  }

  #tlsAcceptor(identity: TlsIdentity): TlsAcceptor {
    const { transport, slot } = this.#options;
    const context = this.#context;
    const services: SecureServices = { transport, counters: transportCounters(slot), pump: new FilePump() };
    return new TlsAcceptor(identity, context, (socket, peer, protocol) => {
      if (protocol === 'h2') {
        this.#keep(new Http2Session(socket, peer, services, context));
        return;
      }
      const connection = new SecureConnection(socket, peer, services);
      connection.start(this.#keep(new HttpSession(connection, context)));
    });
  }

  /** On the plain port: with TLS_REDIRECT, all but what tells of the server itself is at the https address. */
  #plainContext(): SessionContext {
    const context = this.#context;
    const { tls, settings } = this.#options;
    if (tls === undefined || settings.tlsRedirect === 'off') return context;
    const port = settings.tlsRedirect === 'on' ? tls.port : settings.tlsRedirect;
    const respond: SessionContext['respond'] = (head, from) => {
      const redirect = this.#monitoring.speaksOf(head.path) ? undefined : httpsRedirect(head, port);
      return redirect ?? context.respond(head, from);
    };
    return { ...context, respond, forwarder: undefined };
  }

  /** Over GetFile: this server's own files only. */
  #getfileContext(): SessionContext {
    const context = this.#context;
    const respond: SessionContext['respond'] = (head, from) =>
      fromSite(head, (path) => context.respond(path, from));
    return { ...context, respond, forwarder: undefined };
  }

  /** On JOBS_PORT; undefined when there are no jobs. */
  #jobsContext(): JobsSessionContext | undefined {
    const { jobs, settings } = this.#options;
    if (jobs === undefined) return undefined;
    const { jobsToken: token, jobsIdleSeconds } = settings;
    return { ...this.#context, intake: jobs.intake, token, idleMs: jobsIdleSeconds * 1000 };
  }

  #proxyOptions(): ProxyOptions {
    const { settings, report } = this.#options;
    return {
      rules: settings.proxy,
      timeoutMs: settings.proxyTimeoutSeconds * 1000,
      connectTimeoutMs: settings.proxyConnectTimeoutSeconds * 1000,
      maxConnections: settings.proxyMaxConnections,
      maxBodyBytes:
        settings.proxyMaxBodyMb === 0 ? Number.POSITIVE_INFINITY : settings.proxyMaxBodyMb * 2 ** 20,
      isOwn: (path) => this.#monitoring.speaksOf(path),
      clock: this.#clock,
      cache: this.#cacheSettings(),
      report,
      counters: upstreamCounters(this.#options.slot),
    };
  }

  #cacheSettings(): ProxyOptions['cache'] {
    const { settings, cacheSocket, tellOthers = () => Promise.resolve(false) } = this.#options;
    if (settings.proxyCacheMb === 0) return undefined;
    return {
      maxBytes: settings.proxyCacheMb * 2 ** 20,
      maxObjectBytes: settings.proxyCacheMaxObjectKb * 1024,
      staleWhenDownMs: settings.proxyCacheStaleSeconds * 1000,
      tellOthers,
      shared:
        cacheSocket === undefined
          ? undefined
          : {
              socketPath: cacheSocket,
              maxSegments: settings.sharedCacheSegments,
              chunkBytes: settings.sharedCacheSegmentKb * 1024,
            },
    };
  }

  #sessionContext(): SessionContext {
    const { place, settings, slot, report } = this.#options;
    const clock = this.#clock;
    return {
      place,
      limits: limitsOf(settings),
      clock,
      deadlines: this.#deadlines,
      recorder: new ExchangeRecorder(slot, clock, this.#log),
      serverTiming: settings.serverTiming,
      tick: () => clock.advance(performance.now()),
      respond: (head, from) => this.#handler.handle(head, from),
      forwarder: this.#forwarder(),
      report,
      gone: (session) => this.#sessions.remove(session.place),
    };
  }

  /** Jobs and locks come first, then what is for other servers, then what is written here. */
  #forwarder(): Forwarder | undefined {
    const { jobs, writing } = this.#options;
    const sites: readonly (Forwarder | undefined)[] = [
      jobs?.site,
      writing?.tokenSite,
      this.#proxy,
      ...(writing?.sites ?? []),
    ];
    return firstOf(sites.filter((site) => site !== undefined));
  }

  #openLog(): AccessLog {
    const { settings, slot, report } = this.#options;
    return new AccessLog({
      file: settings.logFile,
      format: settings.logFormat,
      report,
      now: () => this.#clock.nowMs,
      onDropped: (lines) => slot.add('logDropped', lines),
    });
  }

  #onTick(): void {
    const steadyMs = performance.now();
    this.#clock.update(Date.now(), steadyMs);
    this.#deadlines.advance(steadyMs);
  }

  #updateGauges(): void {
    let active = 0;
    for (const session of this.#sessions) if (isMovable(session) && session.look()) active++;
    this.#gauges.update(active);
  }
}

/** Asks one after the other; undefined when there are none. */
function firstOf(sites: readonly Forwarder[]): Forwarder | undefined {
  const [first, ...others] = sites;
  if (first === undefined) return undefined;
  const next = firstOf(others);
  return next === undefined ? first : { find: (head) => first.find(head) ?? next.find(head) };
}

/** TLS has its state in this process, and moves nowhere. */
function isMovable(session: Session): session is HttpSession {
  return session instanceof HttpSession && session.isMovable;
}

function limitsOf(settings: Settings): SessionLimits {
  return {
    maxUrlBytes: settings.maxUrlBytes,
    maxHeaderBytes: settings.maxHeaderKb * 1024,
    maxBodyBytes: settings.maxBodyKb * 1024,
    keepAliveMs: settings.timeoutSeconds * 1000,
    headerMs: settings.headerTimeoutSeconds * 1000,
    bodyMs: settings.bodyTimeoutSeconds * 1000,
    writeMs: settings.writeTimeoutSeconds * 1000,
  };
}
