/** The socket on which workers reach the cache process: a file for this user only, in a directory for this user only. */
import { lstatSync, rmSync, type Stats } from 'node:fs';
import { connect, type Server } from 'node:net';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';

/**
 * Listens. What a cache process that is gone has left is replaced.
 *
 * @throws HandoverError when another one answers there, or the file cannot be made
 */
export async function listenAt(server: Server, path: string): Promise<void> {
  const found = look(path);
  if (found !== undefined) {
    if (!found.isSocket()) throw refusal(path, 'what lies there is no socket');
    if (await isAnswered(path)) throw refusal(path, 'another cache process answers there', EXIT.usage);
    // Another one may have been as fast as we are.
    const now = look(path);
    if (now !== undefined && now.ino !== found.ino)
      throw refusal(path, 'another cache process is starting', EXIT.usage);
    rmSync(path, { force: true });
  }
  // The file is made within this call: nobody may connect who may not, not even for a moment.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw refusal(path, messageOf(error), EXIT.cannotListen);
  } finally {
    process.umask(before);
  }
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      else reject(refusal(path, messageOf(error), EXIT.cannotListen, error));
    });
  });
}

function refusal(
  path: string,
  why: string,
  exitCode: HandoverError['exitCode'] = EXIT.cannotListen,
  cause?: unknown,
) {
  return new HandoverError(
    'CACHE_SOCKET',
    `the cache process cannot listen at ${path}: ${why}`,
    exitCode,
    cause,
  );
}
