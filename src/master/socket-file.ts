/**
 * The file of a Unix-domain socket before and after it is bound: bind(2) makes it, and nobody removes it when
 * a server is killed.
 */
import { chmodSync, lstatSync, rmSync, type Stats, statSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';
import { findOwnerOfSocket } from './port-owner.js';

/** For everybody, as nginx does it: who may connect, the permissions of the directory say. */
const MODE = 0o666;

/**
 * Makes room for a socket: removes the one of a server that is gone.
 *
 * @throws HandoverError when somebody answers on it, or what lies there is no socket
 */
export async function clearSocketPath(path: string): Promise<void> {
  const found = look(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw refusal(path, 'EEXIST', 'exists and is no socket; remove it, or name another in HOST');
  }
  const answer = await knock(path);
  if (answer === 'ENOENT') return;
  if (answer !== 'ECONNREFUSED') throw taken(path, answer);
  // Another server may have been as fast as we are.
  const now = look(path);
  if (now === undefined) return;
  if (now.ino !== found.ino || now.dev !== found.dev) throw taken(path, 'EADDRINUSE');
  try {
    rmSync(path);
  } catch (error) {
    throw refusal(path, systemCode(error), `is left by a server that is gone, and cannot be removed`, error);
  }
}

/** Lets everybody connect who may enter its directory. @throws HandoverError */
export function openSocketFile(path: string): void {
  try {
    chmodSync(path, MODE);
  } catch (error) {
    throw refusal(path, systemCode(error), `cannot be given the mode 0666: ${messageOf(error)}`, error);
  }
}

/** What a person needs to know about a socket that cannot be bound. */
export function explainSocket(path: string, error: unknown): unknown {
  if (error instanceof HandoverError) return error;
  const code = systemCode(error);
  switch (code) {
    case 'EADDRINUSE':
      return taken(path, code);
    case 'ENOENT':
    case 'ENOTDIR':
    // For ENOENT libuv says EACCES.
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return refusal(path, code, `cannot be made: ${whyNot(dirname(path), code)}`, error);
    default:
      return code === '' ? error : refusal(path, code, `cannot be bound: ${messageOf(error)}`, error);
  }
}

function whyNot(directory: string, code: string): string {
  const isThere = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
  return isThere ? `this user may not write to ${directory} (${code})` : `there is no directory ${directory}`;
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw explainSocket(path, error);
  }
}

/** What connecting comes to: the system's code, `''` when somebody answers. */
function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve('');
    });
    socket.once('error', (error) => resolve(systemCode(error)));
  });
}

/** EAGAIN: it is so busy that it does not answer. EACCES: it belongs to somebody who does not let us ask. */
function taken(path: string, code: string): HandoverError {
  const owner = findOwnerOfSocket(path);
  const by = owner === undefined ? '' : ` by ${owner.command} (pid ${owner.pid})`;
  const what = code === 'EACCES' ? 'belongs to another user' : `is taken${by}`;
  return refusal(path, 'EADDRINUSE', `${what}; choose another with --host unix:PATH`);
}

function refusal(path: string, code: string, what: string, cause?: unknown): HandoverError {
  return new HandoverError(code, `HOST: unix:${path} ${what}`, EXIT.cannotListen, cause);
}
