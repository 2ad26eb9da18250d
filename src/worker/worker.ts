/**
 * A worker: sessions on the connections it was handed, the static handler that answers them, and the
 * counters. Owns its event loop's timers and nothing of other processes; how it talks to the master is
 * `entry.ts`'s business.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import { StaticHandler } from '../files/handler.js';
import { Monitoring } from '../files/monitoring.js';
import { PoolTasks } from '../files/pool-tasks.js';
import { ResourceMaker } from '../files/resource.js';
import { ResponseRules } from '../files/response-rules.js';
import { ResourceStore } from '../files/store.js';
import { Clock } from '../http/clock.js';
import { httpsRedirect } from '../http/https-redirect.js';
import type { TlsIdentity } from '../master/protocol.js';
import { residentBytes } from '../stats/resident.js';
import { FIELD } from '../stats/schema.js';
import type { SlotWriter } from '../stats/scoreboard.js';
import { statsPaths } from '../stats/writer.js';
import type { DrainMode, TransportCounters, WorkerTransport } from '../transport/connection.js';
import { FilePump } from '../transport/file-pump.js';
import { SecureConnection, type SecureServices } from '../transport/secure/secure-connection.js';
import { AccessLog } from './access-log.js';
import { Deadlines } from './deadlines.js';
import { ExchangeRecorder } from './exchange.js';
import { Http2Session } from './http2-session.js';
import { HttpSession, type Session, type SessionContext, type SessionLimits } from './session.js';
import { TlsAcceptor } from './tls-acceptor.js';

export interface WorkerOptions {
  readonly settings: Settings;
  readonly statsFile: string;
  readonly tls?: TlsIdentity | undefined;
  readonly slot: SlotWriter;
  readonly transport: WorkerTransport;
  /** One line for the server's log. */
  readonly report: (text: string) => void;
}

/** How often gauges (memory, queue lengths, loop delay) are brought up to date. */
const GAUGE_MS = 500;
const LOOP_DELAY_RESOLUTION_MS = 20;
/** How long connections that were cut, or are on their way back, may take once the time for draining is over. */
const CLOSING_MS = 1500;
/** Lookups that may wait for a pool thread before more are refused with 503. */
const MAX_POOL_QUEUE = 4096;
/** Files as shipped, beside dist/. */
const DASHBOARD_ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../www');

export class Worker {
  readonly #options: WorkerOptions;
  readonly #clock = new Clock(Date.now(), performance.now());
  readonly #deadlines = new Deadlines(performance.now());
  readonly #sessions = new Set<Session>();
  readonly #log: AccessLog | undefined;
  readonly #tasks: PoolTasks;
  readonly #store: ResourceStore;
  readonly #handler: StaticHandler;
  readonly #monitoring: Monitoring;
  readonly #context: SessionContext;
  readonly #tls: TlsAcceptor | undefined;
  readonly #loopDelay: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });
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
        withheld: [
          ...Object.values(statsPaths(options.statsFile)),
          ...(options.tls ? [settings.tlsKey] : []),
        ],
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
    this.#context = this.#sessionContext();
    this.#tls = options.tls && this.#tlsAcceptor(options.tls);
  }

  /** Begins to take connections. */
  start(): void {
    const { transport, slot } = this.#options;
    this.#loopDelay.enable();
    this.#timers.push(setInterval(() => this.#deadlines.advance(performance.now()), this.#deadlines.tickMs));
    this.#timers.push(setInterval(() => this.#updateGauges(), GAUGE_MS));
    this.#updateGauges();
    transport.onBeforeFlush(() => {
      slot.commit();
      if (slot.counters[FIELD.open] === 0) this.#emptied?.();
    });
    const plain = { ...this.#context, respond: this.#plainResponder() };
    const tls = this.#tls;
    transport.start(
      (connection) => this.#keep(new HttpSession(connection, plain)),
      tls && ((socket, peer) => void this.#keep(tls.accept(socket, peer))),
    );
    // Starting threads takes longer than most requests: let nobody wait for that.
    setImmediate(() => this.#tasks.start());
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

  reopenLogs(): void {
    this.#log?.reopen();
  }

  /** Puts the last numbers on record and ends everything that would keep the process alive. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#loopDelay.disable();
    await this.#log?.close();
    await this.#tasks.close();
    this.#updateGauges();
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
  #plainResponder(): SessionContext['respond'] {
    const { respond } = this.#context;
    const { tls, settings } = this.#options;
    if (tls === undefined || settings.tlsRedirect === 'off') return respond;
    const port = settings.tlsRedirect === 'on' ? tls.port : settings.tlsRedirect;
    return (head, from) => {
      const redirect = this.#monitoring.speaksOf(head.path) ? undefined : httpsRedirect(head, port);
      return redirect ?? respond(head, from);
    };
  }

  #sessionContext(): SessionContext {
    const { settings, slot, report } = this.#options;
    const clock = this.#clock;
    return {
      limits: limitsOf(settings),
      clock,
      deadlines: this.#deadlines,
      recorder: new ExchangeRecorder(slot, clock, this.#log),
      serverTiming: settings.serverTiming,
      tick: () => clock.update(Date.now(), performance.now()),
      respond: (head, from) => this.#handler.handle(head, from),
      report,
      gone: (session) => this.#sessions.delete(session),
    };
  }

  #openLog(): AccessLog {
    const { settings, slot, report } = this.#options;
    return new AccessLog({
      file: settings.logFile,
      format: settings.logFormat,
      report,
      onDropped: (lines) => slot.add('logDropped', lines),
    });
  }

  #updateGauges(): void {
    const { slot } = this.#options;
    const pool = this.#tasks.counters;
    let active = 0;
    for (const session of this.#sessions) if (isMovable(session) && session.look()) active++;
    slot.set('active', active);
    slot.set('busyUs', Math.round(performance.eventLoopUtilization().active * 1000));
    slot.set('rssBytes', residentBytes(slot.counters[FIELD.rssBytes]!));
    slot.set('heapBytes', v8.getHeapStatistics().used_heap_size);
    slot.set('cacheEntries', this.#store.count);
    slot.set('cacheBytes', this.#store.sizeBytes);
    slot.set('poolTasks', pool.tasks);
    slot.set('poolQueued', pool.queued);
    slot.set('poolBusy', pool.busy);
    slot.set('poolBusyUs', pool.busyUs);
    slot.set('loopDelayUs', delayUs(this.#loopDelay.mean));
    slot.set('loopDelayMaxUs', delayUs(this.#loopDelay.max));
    this.#loopDelay.reset();
    slot.commit();
  }
}

/** TLS has its state in this process, and moves nowhere. */
function isMovable(session: Session): session is HttpSession {
  return session instanceof HttpSession && session.isMovable;
}

/** The counters of a slot that the transport moves. */
export function transportCounters(slot: SlotWriter): TransportCounters {
  const { counters } = slot;
  return {
    taken: (upTo) => {
      counters[FIELD.taken] = upTo;
    },
    opened: () => {
      counters[FIELD.open]! += 1;
    },
    closed: () => {
      counters[FIELD.open]! -= 1;
    },
    handedBack: () => {
      counters[FIELD.handedBack]! += 1;
    },
    received: (bytes) => {
      counters[FIELD.bytesReceived]! += bytes;
    },
    sent: (bytes) => {
      counters[FIELD.bytesSent]! += bytes;
    },
    leaving: (bytes) => {
      counters[FIELD.bytesLeaving] = bytes;
    },
  };
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

/** The monitor measures whole intervals: what is above its resolution is delay. NaN before the first. */
function delayUs(ns: number): number {
  return Number.isFinite(ns) ? Math.max(0, Math.round(ns / 1000 - LOOP_DELAY_RESOLUTION_MS * 1000)) : 0;
}
