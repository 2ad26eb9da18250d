/**
 * The file by which `stop`, `reload` and `status` find a running server:
 *
 *     4711                            process id of the master
 *     /run/user/1000/handover/...     absolute path of its stats.json
 *     8461523                         when the process started, in ticks (Linux only)
 *
 * The third line tells the server from a later process that happens to have the same id.
 */
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { socketPathOf } from '../config/socket-path.js';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';
import { isRunning, startTicks } from '../posix/process-info.js';
import { isOurs, runtimeDir, runtimeDirCandidates } from './runtime-dir.js';

export interface PidRecord {
  readonly pid: number;
  /** Absolute path of stats.json. */
  readonly statsFile: string;
  readonly startTicks: number | undefined;
}

/** A running server and the file that names it. */
export interface LiveServer extends PidRecord {
  readonly pidFile: string;
}

/** By what a server is known: its port, or `unix:PATH` with each `/` as `%2F`, so that it is a name of a file. */
export function serverName(host: string, port: number): string {
  if (socketPathOf(host) === undefined) return String(port);
  return host.replaceAll('%', '%25').replaceAll('/', '%2F');
}

/** What a person calls the server that has this pid file in the run-time directory. */
export function shownName(pidFile: string): string {
  return basename(pidFile, '.pid').replaceAll('%2F', '/').replaceAll('%25', '%');
}

/** The pid file of a server of this name, where PID_FILE names none. The directory is made when it is missing. */
export function defaultPidFile(name: string | number): string {
  return join(runtimeDir(), `${name}.pid`);
}

/** Reads a pid file; undefined when there is none, or something else stands in it. */
export function readPidFile(path: string): PidRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw new HandoverError('PID_FILE', `cannot read ${path}: ${messageOf(error)}`, EXIT.cannotRead, error);
  }
  const [pid = '', statsFile = '', ticks = ''] = text.split('\n');
  if (!/^[1-9]\d{0,9}$/.test(pid)) return undefined;
  return { pid: Number(pid), statsFile, startTicks: /^\d+$/.test(ticks) ? Number(ticks) : undefined };
}

/** True while the process that wrote the record runs: the same process, not only the same id. */
export function isLive(record: PidRecord): boolean {
  if (!isRunning(record.pid)) return false;
  const ticks = startTicks(record.pid);
  return ticks === undefined || record.startTicks === undefined || ticks === record.startTicks;
}

/** The running server that a pid file names, if any. */
export function liveServer(pidFile: string): LiveServer | undefined {
  const record = readPidFile(pidFile);
  return record !== undefined && isLive(record) ? { ...record, pidFile } : undefined;
}

/** The running server of a name, such as its port, that has its pid file in the run-time directory. */
export function liveServerOn(name: string | number): LiveServer | undefined {
  return ourDirectories()
    .map((directory) => liveServer(join(directory, `${name}.pid`)))
    .find((server) => server !== undefined);
}

/** All running servers of this user that have their pid files in the run-time directory. */
export function liveServers(): LiveServer[] {
  return ourDirectories().flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => /^(?:\d+|unix:.+)\.pid$/.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .flatMap((name) => liveServer(join(directory, name)) ?? []),
  );
}

/** Pid files of others are never trusted: a signal would be sent to whatever they name. */
function ourDirectories(): readonly string[] {
  return runtimeDirCandidates().filter(isOurs);
}

/**
 * Claims a pid file for this process, whole or not at all. A stale file is replaced; writing again, for
 * another stats.json, is allowed.
 *
 * @throws HandoverError when another live server owns it, or it cannot be written
 */
export function writePidFile(path: string, statsFile: string): void {
  const ticks = startTicks(process.pid);
  const lines = [process.pid, statsFile, ...(ticks === undefined ? [] : [ticks])];
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    // A name left by a process that had our id: `wx` must not follow what lies there.
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${lines.join('\n')}\n`, { mode: 0o644, flag: 'wx' });
    claim(temporary, path);
  } catch (error) {
    if (error instanceof HandoverError) throw error;
    const missing =
      systemCode(error) === 'ENOENT' ? `there is no directory ${dirname(path)}` : messageOf(error);
    throw new HandoverError('PID_FILE', `cannot write ${path}: ${missing}`, EXIT.cannotRead, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** `link` fails when the name exists, so of two that start at once only one gets past it. */
function claim(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    // EEXIST, or a file system without hard links: then the rename has to do.
    if (systemCode(error) === 'ENOENT') throw error;
    refuseOwned(path);
    renameSync(temporary, path);
  }
}

/** Only what was a pid file may be replaced: a slip in PID_FILE must not cost anybody a file. */
function refuseOwned(path: string): void {
  const owner = readPidFile(path);
  if (owner === undefined) {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
    const message = `PID_FILE: ${path} exists and is no pid file; remove it or name another`;
    throw new HandoverError('PID_FILE', message, EXIT.cannotListen);
  }
  if (owner.pid === process.pid || !isLive(owner)) return;
  const message = `handover is already running (pid ${owner.pid}); handover stop --pid-file ${path} ends it`;
  throw new HandoverError('ALREADY_RUNNING', message, EXIT.cannotListen);
}

/** Removes the file if it still names this process. For the exit: does not throw. */
export function removePidFile(path: string): void {
  try {
    if (readPidFile(path)?.pid === process.pid) rmSync(path, { force: true });
  } catch (error) {
    process.emitWarning(`cannot remove ${path}: ${messageOf(error)}`);
  }
}
