/**
 * The directory of the user's running servers: pid files, and the statistics of those that have no
 * STATS_FILE. Others must not be able to plant files there, so it is ours, private, and no link.
 */
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

const uid = (): number | undefined => process.getuid?.();

/**
 * Where the directory may be, best first. `XDG_RUNTIME_DIR` is set in a login session, and not under cron
 * or su, so whoever looks for a server looks in each.
 */
export function runtimeDirCandidates(env: Environment = process.env): readonly string[] {
  const session = env.XDG_RUNTIME_DIR;
  const temporary = join(tmpdir(), `handover-${uid() ?? env.USERNAME ?? 'user'}`);
  const isUsable = session !== undefined && session !== '' && isOurs(session);
  return isUsable ? [join(session, 'handover'), temporary] : [temporary];
}

/**
 * The directory, made when it is missing.
 *
 * @throws HandoverError when it cannot be made, or is not ours alone
 */
export function runtimeDir(env: Environment = process.env): string {
  const directory = runtimeDirCandidates(env)[0]!;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    // EEXIST: something that is no directory, which is said below.
    if (systemCode(error) !== 'EEXIST') throw refusal(directory, messageOf(error));
  }
  if (!isOurs(directory)) throw refusal(directory, 'it is not a directory of this user');
  // Made by somebody with a looser umask: ours to tighten.
  if ((lstatSync(directory).mode & 0o077) !== 0) chmodSync(directory, 0o700);
  return directory;
}

/** Where `handover cached` listens when nothing else is said. @throws HandoverError as `runtimeDir` */
export function defaultCacheSocket(): string {
  return join(runtimeDir(), 'cache.sock');
}

function refusal(directory: string, reason: string): HandoverError {
  const message = `cannot use the run-time directory ${directory}: ${reason}; set PID_FILE and STATS_FILE`;
  return new HandoverError('RUNTIME_DIR', message, EXIT.cannotRead);
}

/** True when this is a real directory, not a link to one, that belongs to the user we run as. */
export function isOurs(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return false;
  const owner = uid();
  return owner === undefined || stat.uid === owner;
}
