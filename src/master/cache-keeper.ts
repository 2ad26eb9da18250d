/**
 * The master's record of the cache process: starts it, starts another when it is gone, ends it with the server.
 * Workers find it by its socket, which stays the same, and go on without it in the meantime.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import { isRunning } from '../posix/process-info.js';
import { memoryRoot, sweepDirectories } from '../shared-cache/directory.js';
import {
  type CacheProcessMessage,
  type CacheStartMessage,
  VERSION,
} from '../shared-cache/process-protocol.js';
import { type DeathSeries, decideRespawn } from './respawn.js';
import { runtimeDir } from './runtime-dir.js';

const CACHE_ENTRY = fileURLToPath(new URL('../shared-cache/entry.js', import.meta.url));
/** It removes a few files; a process that takes longer is stopped, or hangs. */
const KILL_AFTER_MS = 2000;

const MB = 1024 * 1024;
const SOCKET_NAME = /^cache-(\d+)\.sock$/;

export class CacheKeeper {
  readonly #report: (text: string) => void;
  /** Where it listens, once one was wanted. */
  #socketPath = '';
  #maxBytes = 0;
  #child: ChildProcess | undefined;
  #readyMs: number | undefined;
  #deaths: DeathSeries = 0;
  #respawn: NodeJS.Timeout | undefined;
  /** Why it could not start: said once, though it is tried again and again. */
  #reported = '';

  /** @param report one line for the server's log */
  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  /** Process id of what runs; undefined while nothing does. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Where workers with these settings find a cache process; undefined when they have none. */
  socketFor(settings: Settings): string | undefined {
    const { proxy, sharedCacheMb, sharedCacheSocket } = settings;
    if (proxy.length === 0 || sharedCacheMb === 0) return undefined;
    return sharedCacheSocket || ownSocket();
  }

  /**
   * Starts what these settings want, or ends what they do not want any more. Resolves when it is ready, or cannot
   * start, which is reported and tried again.
   */
  async serve(settings: Settings): Promise<void> {
    const isWanted = this.socketFor(settings) === ownSocket();
    if (!isWanted) return this.stop();
    const maxBytes = settings.sharedCacheMb * MB;
    if (this.#child === undefined && this.#respawn === undefined) {
      this.#maxBytes = maxBytes;
      this.#socketPath = ownSocket();
      removeStaleSockets();
      await this.#spawn();
    } else if (maxBytes !== this.#maxBytes) {
      this.#report('SHARED_CACHE_MB is changed by a restart, not by a reload');
    }
  }

  /** Ends it; resolves when it is gone and nothing of it is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#respawn);
    this.#respawn = undefined;
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const isRunning = child.exitCode === null && child.signalCode === null;
    if (!isRunning) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      child.once('exit', (code) => {
        clearTimeout(deadline);
        if (code !== 0) this.#sweep();
        resolve();
      });
      if (child.connected) child.disconnect();
    });
  }

  #spawn(): Promise<void> {
    return new Promise((resolve) => {
      const child = fork(CACHE_ENTRY, [], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      this.#child = child;
      this.#readyMs = undefined;
      let reason = '';
      child.on('message', (message: CacheProcessMessage) => {
        if (message.kind === 'report') this.#report(message.text);
        else if (message.kind === 'failed') reason = message.reason;
        else {
          this.#readyMs = performance.now();
          resolve();
        }
      });
      child.once('error', (error) => {
        reason = messageOf(error);
        // Without a process there is no exit.
        if (child.pid === undefined) child.emit('exit', null, null);
      });
      child.once('exit', (code, signal) => {
        resolve();
        if (this.#child === child)
          this.#reap(child, reason || `it ended by ${signal ?? `exit code ${code}`}`);
      });
      const message: CacheStartMessage = {
        v: VERSION,
        kind: 'start',
        socketPath: this.#socketPath,
        maxBytes: this.#maxBytes,
      };
      // A process that has ended already is noticed by its exit.
      child.send(message, () => undefined);
    });
  }

  #reap({ pid }: ChildProcess, why: string): void {
    this.#child = undefined;
    const livedMs = this.#readyMs === undefined ? 0 : performance.now() - this.#readyMs;
    const { delayMs, series } = decideRespawn(this.#deaths, livedMs);
    this.#deaths = series;
    const when = delayMs === 0 ? 'now' : `in ${delayMs} ms`;
    if (livedMs > 0 || why !== this.#reported) {
      this.#report(`cache process (pid ${pid}): ${why}; another starts ${when}`);
    }
    this.#reported = why;
    this.#respawn = setTimeout(() => {
      this.#respawn = undefined;
      void this.#spawn();
    }, delayMs);
  }

  /** Removes what a killed process has left. */
  #sweep(): void {
    sweepDirectories(memoryRoot());
    rmSync(this.#socketPath, { force: true });
  }
}

/** Named by this process, and not by its address: the path of a socket has to be short. */
function ownSocket(): string {
  return join(runtimeDir(), `cache-${process.pid}.sock`);
}

/** Removes the sockets of masters that were killed together with all of theirs. */
function removeStaleSockets(): void {
  for (const name of readdirSync(runtimeDir())) {
    const [, pid] = SOCKET_NAME.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(runtimeDir(), name), { force: true });
  }
}
